//! Environment variables that look like ours, and aren't.

use std::env;

use super::{EXAMPLE, load::PREFIX};

/// Variables of this process that have one underscore where two were meant, each
/// with what was meant: `SER_LIMITS_IDLE` with `SER__LIMITS__IDLE`. No error, since
/// they may be somebody else's.
pub fn misspelt_variables() -> impl Iterator<Item = (String, String)> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter_map(|name| meant(&name).map(|meant| (name, meant)))
}

pub(super) fn meant(name: &str) -> Option<String> {
    variables().find(|variable| variable.replace("__", "_") == name)
}

/// The variable of each key that the example shows.
fn variables() -> impl Iterator<Item = String> {
    let mut section = "";
    EXAMPLE.lines().filter_map(move |line| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
        }
        let (key, _) = line.split_once(" = ")?;
        let variable = format!("{PREFIX}{section}__{key}");
        Some(variable.to_uppercase())
    })
}
