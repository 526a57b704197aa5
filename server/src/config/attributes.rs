//! Attributes that one environment variable can hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};

type Attributes = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a table, or key=value pairs separated by commas"
)]
enum Either {
    Joined(String),
    Table(Attributes),
}

/// Reads a table of strings, or one string such as `region=eu,zone=b`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Attributes, D::Error> {
    match Either::deserialize(source)? {
        Either::Table(table) => Ok(table),
        Either::Joined(joined) => parse(&joined).map_err(D::Error::custom),
    }
}

fn parse(joined: &str) -> Result<Attributes, String> {
    joined
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("{pair:?}; expected key=value"))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_separated_by_commas() {
        let read = parse(" a=1, b = x=y ,").unwrap();
        assert_eq!(read["a"], "1");
        assert_eq!(read["b"], "x=y");
        assert_eq!(read.len(), 2);
        assert_eq!(parse("").unwrap(), Attributes::new());
        assert_eq!(parse("a=1,b").unwrap_err(), "\"b\"; expected key=value");
    }
}
