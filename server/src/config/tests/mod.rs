//! Every source of settings, alone and against the others.

mod generated;
mod printed;
mod problems;
mod reach;
mod sources;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use super::{Config, LogFormat, Overrides, Problem, Settings, environment::meant};

struct File {
    path: PathBuf,
    _dir: TempDir,
}

fn file(text: &str) -> File {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ser.toml");
    fs::write(&path, text).unwrap();
    File { path, _dir: dir }
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The settings of all three sources, or what is wrong with them.
fn settings(
    file: Option<&File>,
    variables: &[(&str, &str)],
    flags: &Overrides,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let file = file.map(|file| file.path.as_path());
    let settings = Settings::read(file, &environment(variables), flags, &mut problems);
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

fn from_file(text: &str) -> Result<Config, Vec<Problem>> {
    let settings = settings(Some(&file(text)), &[], &Overrides::default());
    settings.map(|settings| settings.config)
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let settings = settings(None, variables, &Overrides::default());
    settings.map(|settings| settings.config)
}

/// What is wrong with a file, without the folder that it lies in.
fn file_errors(text: &str) -> Vec<String> {
    let problems = from_file(text).unwrap_err().into_iter();
    let texts = problems.map(|problem| problem.to_string());
    texts
        .map(|text| text[text.find("ser.toml").unwrap()..].to_owned())
        .collect()
}

/// The one thing that is.
fn file_error(text: &str) -> String {
    let [error] = file_errors(text).try_into().unwrap();
    error
}

fn environment_error(variables: &[(&str, &str)]) -> String {
    let [problem] = from_environment(variables).unwrap_err().try_into().unwrap();
    Problem::to_string(&problem)
}
