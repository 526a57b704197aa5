//! Reading the configuration: defaults, then variables that aren't ours alone, then a
//! TOML file, then the environment, then flags; each layer wins over those before it.

use std::{collections::BTreeMap, path::Path};

use ::config::Value;

use super::{
    Config, Overrides, Problem, check, environment, file,
    layer::{self, Layer},
    standard,
};
use crate::Error;

/// What a process runs by, and where each value comes from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The values.
    pub config: Config,
    /// Those that aren't defaults, as their sources say them.
    set: Value,
}

/// Reads the configuration of this process.
///
/// # Errors
///
/// [`Error::Config`] with everything that is wrong: its source, the key, the value
/// and what was expected. A key that isn't known is an error too.
pub fn load(file: Option<&Path>, flags: &Overrides) -> Result<Settings, Error> {
    let (settings, problems) = examine(file, flags);
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(Error::Config(problems))
    }
}

/// Reads the configuration of this process, with defaults in place of what can't be.
pub fn examine(file: Option<&Path>, flags: &Overrides) -> (Settings, Vec<Problem>) {
    let mut problems = Vec::new();
    let variables = environment::variables(&mut problems);
    let settings = Settings::read(file, &variables, flags, &mut problems);
    (settings, problems)
}

/// What the text of a file and the variables of an environment set.
///
/// # Errors
///
/// Everything that is wrong with them.
#[cfg(feature = "fuzzing")]
pub(crate) fn parse(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let file = file::parse("ser-server.toml", text, &mut problems);
    let environment = environment::read(variables, &mut problems);
    let layers = [standard::read(variables), file, environment];
    let settings = Settings::merge(layers, &mut problems);
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

impl Settings {
    pub(super) fn read(
        file: Option<&Path>,
        variables: &BTreeMap<String, String>,
        flags: &Overrides,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let file = file.map(|path| file::read(path, problems));
        let environment = environment::read(variables, problems);
        let below = [standard::read(variables)].into_iter().chain(file);
        Self::merge(below.chain([environment, flags.layer()]), problems)
    }

    /// Lays each layer over those before it.
    pub(super) fn merge(
        layers: impl IntoIterator<Item = Layer>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut merged = ::config::Config::builder();
        for mut layer in layers {
            check::clean(&mut layer, problems);
            merged = merged.add_source(layer);
        }
        let set = merged
            .build()
            .map_or_else(|_| Value::default(), |merged| merged.cache);
        let config = check::deserialize(set.clone()).unwrap_or_else(|problem| {
            problems.push(problem);
            Config::default()
        });
        let settings = Self { config, set };
        let together = settings.config.problems().into_iter();
        problems.extend(together.map(|problem| settings.locate(problem)));
        settings
    }

    /// Where the value of `key` comes from: a line of the file, an environment
    /// variable or a flag; `None` of a default.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&str> {
        layer::origin(&self.set, key)
    }

    /// How many values aren't left at their defaults.
    #[must_use]
    pub fn count(&self) -> usize {
        layer::count(&self.set)
    }

    /// The same error, naming the sources of the values that it is about.
    #[must_use]
    pub fn explain(&self, error: Error) -> Error {
        match error {
            Error::Config(problems) => {
                let located = problems.into_iter().map(|problem| self.locate(problem));
                Error::Config(located.collect())
            }
            Error::Unfit(errors) => {
                let errors = errors.into_iter().map(|error| self.explain(error));
                Error::Unfit(errors.collect())
            }
            other => other,
        }
    }

    fn locate(&self, problem: Problem) -> Problem {
        let known = || self.origin(&problem.key).map(str::to_owned);
        Problem {
            origin: problem.origin.clone().or_else(known),
            ..problem
        }
    }
}
