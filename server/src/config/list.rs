//! Lists that one environment variable can hold.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list, or names separated by commas")]
enum List {
    Joined(String),
    Items(Vec<String>),
}

/// Reads a list of strings, or one string with commas in it.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    Ok(match List::deserialize(source)? {
        List::Joined(joined) => joined.split(',').map(|one| one.trim().to_owned()).collect(),
        List::Items(items) => items,
    })
}
