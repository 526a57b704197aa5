//! Settings in environment variables, and variables that were meant to be some.

use std::{collections::BTreeMap, env};

use ::config::{Map, Value};
use toml::Table;

use super::{
    Problem,
    check::DEEPEST,
    keys::{self, Kind},
    layer::Layer,
    standard,
};

/// The start of the name of every environment variable that is read. The double
/// underscore keeps out what Kubernetes injects beside a service named
/// `ser-server`, for instance `SER_SERVER_PORT=tcp://10.0.0.1:50051`.
const PREFIX: &str = "SER__";

/// The variables of this process that are read, by name.
pub(super) fn variables(problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let ours = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX) || standard::knows(name));
    ours.filter_map(|(name, value)| match value.into_string() {
        Ok(value) => Some((name, value)),
        Err(value) => {
            let reason = format!("{}; expected UTF-8", value.display());
            problems.push(Problem::new(key(&name), reason).from(origin(&name)));
            None
        }
    })
    .collect()
}

/// What `variables` set: two underscores stand where a file has a dot.
pub(super) fn read(variables: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new(Map::new());
    let ours = variables
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX));
    for (name, text) in ours {
        let (key, origin) = (key(name), origin(name));
        let path: Vec<_> = key.split('.').collect();
        if path.len() > DEEPEST {
            let reason = format!("{} names; expected at most {DEEPEST}", path.len());
            problems.push(Problem::new(key, reason).from(origin));
            continue;
        }
        if !layer.set(&path, value(&key, text, &origin)) {
            let reason = "another variable sets what this one is in; expected one of them";
            problems.push(Problem::new(key, reason).from(origin));
        }
    }
    layer
}

/// Variables of this process that aren't read, since they lack the second underscore
/// after `SER`, and perhaps others, each with what was meant: `SER_LIMITS_IDLE` with
/// `SER__LIMITS__IDLE`. No error, since they may be somebody else's.
pub fn misspelt_variables() -> impl Iterator<Item = (String, String)> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter_map(|name| meant(&name).map(|meant| (name, meant)))
}

pub(super) fn meant(name: &str) -> Option<String> {
    if name.starts_with(PREFIX) {
        return None;
    }
    let flat = |name: &str| name.replace("__", "_");
    let mut variables = keys::root().paths().into_iter().map(|path| variable(&path));
    variables.find(|variable| flat(variable) == flat(name))
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn key(variable: &str) -> String {
    let name = variable.strip_prefix(PREFIX).unwrap_or(variable);
    name.replace("__", ".").to_lowercase()
}

fn origin(variable: &str) -> String {
    format!("environment variable {variable}")
}

/// A variable is text, which the type of its key reads. The types of a backend's own
/// settings are the backend's business, so that theirs is a value of TOML: `4`,
/// `[1, 64]`, `{ min = 1 }`. What is none is text, which needs no quotes there.
fn value(key: &str, text: &str, origin: &str) -> Value {
    let origin = origin.to_owned();
    let is_free = keys::root()
        .at(key)
        .is_some_and(|key| matches!(key.kind, Kind::Anything));
    let line = format!("value = {text}").parse::<Table>();
    match line.ok().filter(|table| is_free && table.len() == 1) {
        Some(mut table) => {
            let value = table.remove("value").expect("the only key of its line");
            typed(value, &origin)
        }
        None => Value::new(Some(&origin), text),
    }
}

fn typed(value: toml::Value, origin: &String) -> Value {
    let from = Some(origin);
    match value {
        toml::Value::String(text) => Value::new(from, text),
        toml::Value::Integer(integer) => Value::new(from, integer),
        toml::Value::Float(float) => Value::new(from, float),
        toml::Value::Boolean(boolean) => Value::new(from, boolean),
        toml::Value::Datetime(datetime) => Value::new(from, datetime.to_string()),
        toml::Value::Array(items) => {
            let items = items.into_iter().map(|item| typed(item, origin));
            Value::new(from, items.collect::<Vec<_>>())
        }
        toml::Value::Table(table) => {
            let table = table
                .into_iter()
                .map(|(key, one)| (key, typed(one, origin)));
            Value::new(from, table.collect::<Map<_, _>>())
        }
    }
}
