//! What is wrong with the settings of one source.

use ::config::{ConfigError, Value, ValueKind};

use super::{
    Config, Problem,
    keys::{self, Key, Kind},
    layer::{self, Layer, shown},
    suggest,
};

/// How deep values may lie within each other. What is printed must be read again, and what
/// reads TOML has a limit, too.
pub(super) const DEEPEST: usize = 16;

/// Finds everything that is wrong with a source on its own, and takes it away: what
/// stays can be read.
pub(super) fn clean(layer: &mut Layer, problems: &mut Vec<Problem>) {
    let mut wrong = Vec::new();
    walk("", keys::root(), layer.value_mut(), &mut wrong);
    for problem in &wrong {
        layer.remove(&problem.key);
    }
    // One thing at a time is all that a type says when it can't be read.
    while let Err(problem) = deserialize(layer.value().clone()) {
        let origin = layer::origin(layer.value(), &problem.key).map(str::to_owned);
        let section = keys::segments(&problem.key).next().unwrap_or_default();
        // A key with a dot in it isn't found by its path.
        if !layer.remove(&problem.key) && !layer.remove(section) {
            layer.clear();
        }
        let is_known = |known: &Problem| known.key.starts_with(&problem.key);
        if !wrong.iter().any(is_known) {
            wrong.push(Problem { origin, ..problem });
        }
    }
    wrong.sort_by(|one, other| one.place().cmp(&other.place()));
    problems.append(&mut wrong);
}

/// Reads settings.
///
/// # Errors
///
/// The first that can't be read.
pub(super) fn deserialize(value: Value) -> Result<Config, Problem> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| Problem::new(error.path().to_string(), describe(error.inner())))
}

/// Holds every value against what its key says of it.
fn walk(path: &str, key: &Key, value: &Value, problems: &mut Vec<Problem>) {
    let wrong = |path: &str, value: &Value, reason: String| Problem {
        origin: origin_within(value).map(str::to_owned),
        key: path.to_owned(),
        reason,
    };
    match (&key.kind, &value.kind) {
        (Kind::Table(keys), ValueKind::Table(table)) => {
            for key in keys.iter().filter(|key| key.required) {
                if !table.contains_key(&key.name) {
                    let reason = format!("no {}; expected one", key.name);
                    problems.push(wrong(path, value, reason));
                }
            }
            let mut table: Vec<_> = table.iter().collect();
            table.sort_by_key(|(name, _)| *name);
            for (name, inner) in table {
                let below = join(path, name);
                match key.child(name) {
                    Some(key) => walk(&below, key, inner, problems),
                    None => {
                        let reason = format!("no such key; {}", suggest::key(&below, key));
                        problems.push(wrong(&below, inner, reason));
                    }
                }
            }
        }
        (Kind::Map(each), ValueKind::Table(table)) => {
            for (name, inner) in table {
                walk(&join(path, name), each, inner, problems);
            }
        }
        (Kind::List(each), ValueKind::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                walk(&format!("{path}[{at}]"), each, item, problems);
            }
        }
        // Its own type reads it: in a variable, commas stand between the items.
        (Kind::List(_) | Kind::Map(_), ValueKind::String(_)) => {}
        (Kind::Anything, _) => {
            if depth(value) > DEEPEST {
                let reason = format!("nested too deep; expected at most {DEEPEST} levels");
                problems.push(wrong(path, value, reason));
            } else if let Some(number) = infinite(value) {
                let reason = format!("{number}; expected finite numbers");
                problems.push(wrong(path, value, reason));
            }
        }
        (kind, _) => {
            if let Some(expected) = kind.expected()
                && !fits(kind, value)
            {
                let near = match kind {
                    Kind::Choice(words) => suggest::word(&shown(value), words),
                    _ => String::new(),
                };
                let reason = format!("{}; expected {expected}{near}", shown(value));
                problems.push(wrong(path, value, reason));
            }
        }
    }
}

/// The levels of tables and lists in a value.
fn depth(value: &Value) -> usize {
    let deepest = match &value.kind {
        ValueKind::Table(table) => table.values().map(depth).max(),
        ValueKind::Array(items) => items.iter().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// A number in a value that is none, or has no end: JSON, which settings are printed as,
/// too, knows neither.
fn infinite(value: &Value) -> Option<f64> {
    match &value.kind {
        ValueKind::Table(table) => table.values().find_map(infinite),
        ValueKind::Array(items) => items.iter().find_map(infinite),
        ValueKind::Float(number) => (!number.is_finite()).then_some(*number),
        _ => None,
    }
}

/// Whether a value is of its key's kind, read as leniently as the loader does: a
/// variable is always text.
fn fits(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Choice(words) => {
            let word = value.clone().into_string();
            word.is_ok_and(|word| words.contains(&word))
        }
        Kind::Boolean => {
            let is_one = matches!(value.kind, ValueKind::Boolean(_) | ValueKind::String(_));
            is_one && value.clone().into_bool().is_ok()
        }
        Kind::Number {
            integer,
            least,
            most,
        } => {
            let number = match value.kind {
                ValueKind::Boolean(_) => None,
                ValueKind::Float(_) if *integer => None,
                _ if *integer => value.clone().into_int().ok().map(|integer| integer as f64),
                _ => value.clone().into_float().ok(),
            };
            number.is_some_and(|number| {
                least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
            })
        }
        Kind::Table(_) | Kind::Map(_) | Kind::List(_) => false,
        Kind::Text | Kind::Anything => true,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Where a value comes from; of a table that several things made, the first of them.
fn origin_within(value: &Value) -> Option<&str> {
    value.origin().or_else(|| match &value.kind {
        ValueKind::Table(table) => table.values().filter_map(origin_within).min(),
        _ => None,
    })
}

fn describe(error: &ConfigError) -> String {
    match error {
        ConfigError::Type {
            unexpected,
            expected,
            ..
        } => format!("{unexpected}; expected {expected}"),
        ConfigError::At { error, .. } => describe(error),
        other => other.to_string(),
    }
}
