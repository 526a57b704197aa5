//! `ser-server config`: settings looked at without serving.

use std::path::Path;

use crate::{
    Error,
    cli::{self, ConfigCommand},
    config::{self, Overrides, Settings},
    models::{self, BackendRegistry, Examination},
};

/// Does what `command` says.
///
/// # Errors
///
/// Everything that would keep a server from starting by these settings; or when
/// standard output can't be written to.
pub fn run(command: ConfigCommand, backends: BackendRegistry) -> Result<(), Error> {
    match command {
        ConfigCommand::Check { sources, no_load } => {
            let (file, flags) = sources.into_parts();
            cli::print(&check(file.as_deref(), &flags, backends, !no_load)?)
        }
        ConfigCommand::Print { sources, json } => {
            let (file, flags) = sources.into_parts();
            let settings = config::load(file.as_deref(), &flags)?;
            cli::print(&if json {
                settings.to_json()
            } else {
                settings.to_toml()
            })
        }
        ConfigCommand::Example => cli::print(&config::example()),
        ConfigCommand::Schema => cli::print(&config::json_schema()),
    }
}

/// What would be served.
///
/// # Errors
///
/// [`Error::Unfit`] with all that is wrong.
fn check(
    file: Option<&Path>,
    flags: &Overrides,
    backends: BackendRegistry,
    load: bool,
) -> Result<String, Error> {
    let (settings, problems) = config::examine(file, flags);
    // With a default in place of what is wrong, more would seem to be.
    let is_about = |section| problems.iter().any(|problem| problem.is_in(section));
    let examination = if is_about("models") || is_about("plugins") {
        Examination::default()
    } else {
        look(&settings, backends, load)
    };
    let problems = problems.into_iter();
    let mut errors: Vec<_> = problems
        .map(|problem| Error::Config(vec![problem]))
        .collect();
    let found = examination.errors.into_iter();
    errors.extend(found.map(|error| settings.explain(error)));
    if !errors.is_empty() {
        return Err(Error::Unfit(errors));
    }
    let mut lines = vec![format!("OK: {}", summary(&settings))];
    lines.push(format!("listen on {}", settings.config.server.listen));
    lines.extend(examination.served);
    let refused = examination.refused.into_iter();
    lines.extend(refused.map(|line| format!("refused, another version serves: {line}")));
    let misspelt = config::misspelt_variables().map(|(name, meant)| {
        format!("environment variable {name} is not read; did you mean {meant}?")
    });
    lines.extend(misspelt);
    Ok(lines.join("\n  ") + "\n")
}

fn look(settings: &Settings, backends: BackendRegistry, load: bool) -> Examination {
    match backends.with_plugins(&settings.config.plugins) {
        Ok(backends) => models::examine(&settings.config, backends, load),
        Err(error) => Examination {
            errors: vec![error],
            ..Examination::default()
        },
    }
}

/// How many settings come from where.
fn summary(settings: &Settings) -> String {
    match settings.count() {
        0 => "nothing is set, every value is the default".to_owned(),
        1 => "1 value is set".to_owned(),
        count => format!("{count} values are set"),
    }
}
