//! Keys, values and comments as TOML writes them.

use std::fmt::Write as _;

use serde_json::Value;

/// How long the lines of comments are.
const WIDTH: usize = 79;

/// A key, in quotes where it needs them.
pub(super) fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        toml::Value::from(name).to_string()
    }
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
