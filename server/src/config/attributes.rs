//! Attributes that one environment variable can hold.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
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

/// Reads a table of strings, or one string such as `region=eu,zone=b`, where what
/// separates is written `%2C` and `%3D` within a key or value (W3C Baggage, as
/// OpenTelemetry has it of `OTEL_RESOURCE_ATTRIBUTES`).
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
            Ok((decode(key.trim())?, decode(value.trim())?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| format!("{text:?}; expected UTF-8 in %XX"))?;
    Ok(decoded.into_owned())
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
        let read = parse("a%2Cb=1%2C2%3D3 %C3%BC,c=50%").unwrap();
        assert_eq!(read["a,b"], "1,2=3 ü");
        assert_eq!(read["c"], "50%");
        assert_eq!(
            parse("a=%FF").unwrap_err(),
            "\"%FF\"; expected UTF-8 in %XX"
        );
        assert_eq!(parse("").unwrap(), Attributes::new());
        assert_eq!(parse("a=1,b").unwrap_err(), "\"b\"; expected key=value");
    }
}
