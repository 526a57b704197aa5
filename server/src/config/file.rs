//! Settings in a TOML file.

use std::{fs, path::Path};

use ::config::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Problem, layer::Layer};

/// What a file sets. Where it is no TOML, nothing is known of it.
pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> Layer {
    match fs::read_to_string(path) {
        Ok(text) => parse(&path.display().to_string(), &text, problems),
        Err(error) => {
            let reason = format!("{error}; expected a configuration file in TOML");
            problems.push(Problem::new("", reason).from(path.display().to_string()));
            Layer::new(Map::new())
        }
    }
}

/// What the `text` of the file called `name` sets.
pub(super) fn parse(name: &str, text: &str, problems: &mut Vec<Problem>) -> Layer {
    let origin = |at: usize| {
        let line = text
            .as_bytes()
            .iter()
            .take(at)
            .filter(|byte| **byte == b'\n');
        format!("{name}:{}", line.count() + 1)
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Layer::new(self::table(table.get_ref(), &origin));
    }
    problems.extend(errors.iter().map(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Problem::new("", error.message()).from(origin(at))
    }));
    Layer::new(Map::new())
}

fn table(table: &DeTable<'_>, origin: &impl Fn(usize) -> String) -> Map<String, Value> {
    let values = table.iter();
    values
        .map(|(key, one)| (key.get_ref().to_string(), value(one, origin)))
        .collect()
}

fn value(spanned: &Spanned<DeValue<'_>>, origin: &impl Fn(usize) -> String) -> Value {
    let from = origin(spanned.span().start);
    let from = Some(&from);
    match spanned.get_ref() {
        DeValue::String(text) => Value::new(from, text.as_ref()),
        // What is too large for it is a number all the same, as text.
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::new(from, integer),
            Err(_) => Value::new(from, integer.as_str()),
        },
        DeValue::Float(float) => match float.as_str().parse::<f64>() {
            Ok(float) => Value::new(from, float),
            Err(_) => Value::new(from, float.as_str()),
        },
        DeValue::Boolean(boolean) => Value::new(from, *boolean),
        DeValue::Datetime(datetime) => Value::new(from, datetime.to_string()),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| value(item, origin)).collect();
            Value::new(from, items)
        }
        DeValue::Table(inner) => Value::new(from, table(inner, origin)),
    }
}
