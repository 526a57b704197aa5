//! Durations as people write them, for instance `30s` or `1m 30s`.

use std::time::Duration;

use humantime_serde::re::humantime::parse_duration;
use serde::{Deserialize, Deserializer, de::Error};

pub(super) use humantime_serde::serialize;

pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(source)?;
    parse_duration(&text)
        .map_err(|_| D::Error::custom(format!("{text:?}; expected a duration such as 30s")))
}
