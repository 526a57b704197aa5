//! A configuration file with every key, its default and what it is for.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{
    keys::{self, Key, Kind},
    text::{self, comment},
};

const PREAMBLE: &str = "\
Every setting of ser-server with its default. A key behind a # without a space has none: \
what stands there is an example.

Settings come from four places, each winning over those before it: defaults, this file \
(ser-server --config FILE), environment variables named SER__SECTION__KEY (for instance \
SER__LIMITS__IDLE=30s), and flags. A key that isn't known is an error. Durations are written \
like 2ms, 30s or 1m 30s.

`ser-server config example` wrote this file, `ser-server config check` finds what is wrong in \
one.";

/// The file.
#[must_use]
pub fn example() -> String {
    let mut file = String::new();
    comment(&mut file, PREAMBLE);
    table(&mut file, "", keys::root(), "");
    file
}

/// A table's own keys, then the tables in it. `mark` is before all of them in a table
/// that is an example itself.
fn table(file: &mut String, path: &str, table: &Key, mark: &str) {
    let Kind::Table(keys) = &table.kind else {
        return;
    };
    let (inner, own): (Vec<_>, Vec<_>) = keys.iter().partition(|key| is_table(key));
    for key in own {
        comment(file, &key.doc);
        let (mark, value) = match (&key.default, &key.example) {
            (Some(default), None) => (mark, default),
            (_, example) => ("#", example.as_ref().unwrap_or(&Value::Null)),
        };
        let _ = writeln!(file, "{mark}{} = {}", key.name, text::value(value));
    }
    for key in inner {
        let path = match path {
            "" => key.name.clone(),
            path => format!("{path}.{}", key.name),
        };
        file.push('\n');
        comment(file, &key.doc);
        match &key.kind {
            Kind::Table(_) => {
                let _ = writeln!(file, "{mark}[{path}]");
                self::table(file, &path, key, mark);
            }
            Kind::List(each) => {
                let _ = writeln!(file, "#[[{path}]]");
                self::table(file, &path, each, "#");
            }
            _ => {
                if let Some(Value::Object(example)) = &key.example {
                    values(file, &path, example);
                }
            }
        }
    }
}

/// An example of a table whose keys the operator chooses.
fn values(file: &mut String, path: &str, table: &Map<String, Value>) {
    let (inner, own): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_object());
    if !own.is_empty() {
        let _ = writeln!(file, "#[{path}]");
    }
    for (name, value) in own {
        let _ = writeln!(file, "#{} = {}", text::key(name), text::value(value));
    }
    for (name, value) in inner {
        if let Value::Object(table) = value {
            values(file, &format!("{path}.{}", text::key(name)), table);
        }
    }
}

/// Whether it stands under a header of its own.
fn is_table(key: &Key) -> bool {
    match &key.kind {
        Kind::Table(_) | Kind::Map(_) => true,
        Kind::List(each) => matches!(each.kind, Kind::Table(_)),
        _ => false,
    }
}
