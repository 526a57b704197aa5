//! Durations as people write them, for instance `30s` or `1m 30s`.

use std::{borrow::Cow, time::Duration};

use humantime_serde::re::humantime::parse_duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

use crate::session::text::seconds;

/// The longest of all durations: far beyond any use, and short enough to be added
/// to any time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How a duration of more than nothing is read, written and described.
pub(super) struct Positive;

/// The same of a duration that may be nothing.
pub(super) struct OrZero;

impl Positive {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
        let duration = OrZero::deserialize(source)?;
        if duration.is_zero() {
            return Err(D::Error::custom("0s; expected more than 0s"));
        }
        Ok(duration)
    }

    pub(super) fn serialize<S: Serializer>(one: &Duration, target: S) -> Result<S::Ok, S::Error> {
        humantime_serde::serialize(one, target)
    }
}

impl OrZero {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(source)?;
        let duration = parse_duration(&text)
            .map_err(|_| D::Error::custom(format!("{text:?}; expected a duration such as 30s")))?;
        if duration > LONGEST {
            let found = seconds(duration);
            return Err(D::Error::custom(format!("{found}; expected at most 24h")));
        }
        Ok(duration)
    }

    pub(super) fn serialize<S: Serializer>(one: &Duration, target: S) -> Result<S::Ok, S::Error> {
        humantime_serde::serialize(one, target)
    }
}

/// Both are text with a unit.
macro_rules! text {
    ($type:ty) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                "Duration".into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": r"^\s*([0-9]+\s*[a-zA-Zµ]+\s*)+$" })
            }
        }
    };
}

text!(Positive);
text!(OrZero);
