//! Keys, values and comments as TOML writes them.

use std::fmt::Write as _;

use serde_json::Value;
use toml::Table;

/// How long the lines of comments are.
const WIDTH: usize = 79;

/// A key, in quotes where it needs them. Unlike a value it is always on one line.
pub(super) fn key(name: &str) -> String {
    let line = Table::from_iter([(name.to_owned(), true.into())]).to_string();
    let key = line.trim_end().strip_suffix(" = true");
    key.expect("a key and its value").to_owned()
}

/// A value on one line; nothing for null.
pub(super) fn value(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| String::new(), |value| value.to_string())
}

/// Writes prose as a comment, wrapped. An empty line stays one.
pub(super) fn comment(file: &mut String, prose: &str) {
    for (at, paragraph) in prose.split("\n\n").enumerate() {
        if at > 0 {
            file.push_str("#\n");
        }
        let mut line = String::from("#");
        for word in paragraph.split_whitespace() {
            if line.len() + 1 + word.len() > WIDTH {
                let _ = writeln!(file, "{line}");
                line.truncate(1);
            }
            line.push(' ');
            line.push_str(word);
        }
        let _ = writeln!(file, "{line}");
    }
}
