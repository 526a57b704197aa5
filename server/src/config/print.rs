//! The settings that a process runs by, each with where it comes from.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{
    Settings,
    keys::{self, Key, Kind},
    text,
};

/// What is said of a value that nobody has set.
const DEFAULT: &str = "default";

impl Settings {
    /// A configuration file that says the same, with the origin of each value beside
    /// it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut file = String::new();
        self.table(&Place::default(), keys::root(), &self.values(), &mut file);
        file.trim_start().to_owned()
    }

    /// The same as JSON: sections of keys, each with `value` and `origin`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = self.annotated(&Place::default(), keys::root(), &self.values());
        serde_json::to_string_pretty(&json).expect("values are JSON") + "\n"
    }

    fn values(&self) -> Value {
        serde_json::to_value(&self.config).expect("every source is UTF-8, and so every path")
    }

    fn origin_of(&self, place: &Place) -> &str {
        self.origin(&place.key).unwrap_or(DEFAULT)
    }

    /// The same in a comment, which names of files and variables could end.
    fn remark(&self, place: &Place) -> String {
        self.origin_of(place).replace(char::is_control, "?")
    }

    /// What is in a table: its own values, then the tables in it under their headers.
    fn table(&self, place: &Place, key: &Key, table: &Value, file: &mut String) {
        let entries = entries(key, table).into_iter();
        let (inner, own): (Vec<_>, Vec<_>) = entries.partition(|(_, _, value)| is_table(value));
        for (name, _, value) in own {
            let origin = self.remark(&place.inner(name));
            let name = text::key(name);
            let _ = match value {
                Value::Null => writeln!(file, "#{name} =  # not set"),
                _ => writeln!(file, "{name} = {}  # {origin}", text::value(value)),
            };
        }
        for (name, child, value) in inner {
            let place = place.inner(name);
            match value {
                Value::Array(items) => {
                    for (at, item) in items.iter().enumerate() {
                        let each = child.child("").unwrap_or(child);
                        let _ = writeln!(file, "\n[[{}]]", place.header);
                        self.table(&place.item(at), each, item, file);
                    }
                }
                _ => {
                    let _ = writeln!(file, "\n[{}]", place.header);
                    self.table(&place, child, value, file);
                }
            }
        }
    }

    fn annotated(&self, place: &Place, key: &Key, value: &Value) -> Value {
        if !is_table(value) {
            return json!({ "value": value, "origin": self.origin_of(place) });
        }
        if let Value::Array(items) = value {
            let each = key.child("").unwrap_or(key);
            let items = items.iter().enumerate();
            return items
                .map(|(at, item)| self.annotated(&place.item(at), each, item))
                .collect();
        }
        let entries = entries(key, value).into_iter();
        let entries = entries.map(|(name, key, value)| {
            let annotated = self.annotated(&place.inner(name), key, value);
            (name.to_owned(), annotated)
        });
        Value::Object(entries.collect::<Map<_, _>>())
    }
}

/// Where a value stands.
#[derive(Default)]
struct Place {
    /// As a header of TOML says it, of the table.
    header: String,
    /// As errors say it, with the places in lists.
    key: String,
}

impl Place {
    fn inner(&self, name: &str) -> Self {
        let within = |path: &str, name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Self {
            header: within(&self.header, &text::key(name)),
            key: within(&self.key, name),
        }
    }

    fn item(&self, at: usize) -> Self {
        Self {
            header: self.header.clone(),
            key: format!("{}[{at}]", self.key),
        }
    }
}

/// What is in a table, in the order of its struct.
fn entries<'a>(key: &'a Key, table: &'a Value) -> Vec<(&'a str, &'a Key, &'a Value)> {
    let Some(table) = table.as_object() else {
        return Vec::new();
    };
    match &key.kind {
        Kind::Table(keys) => keys
            .iter()
            .filter_map(|key| Some((key.name.as_str(), key, table.get(&key.name)?)))
            .collect(),
        _ => table
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), key.child(name)?, value)))
            .collect(),
    }
}

/// Whether a value stands under a header of its own.
fn is_table(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_object),
        _ => false,
    }
}
