//! `ser-server config`: settings looked at without serving.

use std::path::Path;

use crate::{
    Error,
    cli::{self, ConfigCommand},
    config::{self, Config, Overrides, Settings},
    listen::Credentials,
    models::{self, BackendRegistry, Examination},
    open_files,
    reload::Notes,
    telemetry,
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
    let is_fit = |section: &str| !problems.iter().any(|problem| problem.is_in(section));
    let mut notes = Notes::default();
    let mut found = files(&settings.config, is_fit, &mut notes);
    let mut examination = Examination::default();
    if is_fit("models") && is_fit("plugins") {
        examination = look(&settings, backends, load);
        found.append(&mut examination.errors);
    }
    let problems = problems.into_iter();
    let mut errors: Vec<_> = problems
        .map(|problem| Error::Config(vec![problem]))
        .collect();
    errors.extend(found.into_iter().map(|error| settings.explain(error)));
    if !errors.is_empty() {
        return Err(Error::Unfit(errors));
    }
    Ok(report(&settings, examination, notes))
}

/// What is wrong in the files that the sections name that are fit, but for models.
fn files(config: &Config, is_fit: impl Fn(&str) -> bool, notes: &mut Notes) -> Vec<Error> {
    let mut errors = Vec::new();
    if is_fit("tls") && is_fit("auth") {
        errors.extend(Credentials::of_clients(config).problems(notes));
    }
    if is_fit("admin") {
        errors.extend(Credentials::of_operators(config).problems(notes));
    }
    if is_fit("telemetry") {
        errors.extend(telemetry::problems(&config.telemetry));
    }
    let port_files = [
        ("server", &config.server.port_file),
        ("admin", &config.admin.port_file),
        ("metrics", &config.metrics.port_file),
    ];
    for (section, file) in port_files
        .into_iter()
        .filter(|(section, _)| is_fit(section))
    {
        errors.extend(file.as_deref().and_then(|file| homeless(section, file)));
    }
    errors
}

/// What is wrong with a file for a port that has no folder to be in.
fn homeless(section: &str, file: &Path) -> Option<Error> {
    // The folder of a bare name is the empty path.
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())?;
    let reason = format!(
        "{}: no such folder; expected a file to write",
        file.display()
    );
    (!folder.is_dir()).then(|| Error::config(format!("{section}.port_file"), reason))
}

/// What there is to say where nothing is wrong.
fn report(settings: &Settings, examination: Examination, notes: Notes) -> String {
    let config = &settings.config;
    let mut lines = vec![format!("OK: {}", summary(settings))];
    lines.extend(config.listeners().map(|listener| listener.describe()));
    lines.push(config.memory());
    lines.extend(examination.served);
    let refused = examination.refused.into_iter();
    lines.extend(refused.map(|line| format!("refused, another version serves: {line}")));
    let misspelt = config::misspelt_variables().map(|(name, meant)| {
        format!("environment variable {name} is not read; did you mean {meant}?")
    });
    lines.extend(misspelt);
    let warnings = open_files::shortage(config.server.connections.get()).into_iter();
    let warnings = warnings.chain(examination.warnings).chain(notes.warnings);
    lines.extend(warnings.map(|warning| format!("warning: {warning}")));
    lines.join("\n  ") + "\n"
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
