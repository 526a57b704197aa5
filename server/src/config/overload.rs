//! When new streams are refused so that open ones keep up.

use std::{num::NonZeroUsize, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration;

/// `[overload]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OverloadConfig {
    /// The result of a live stream is late when it takes longer than this after the
    /// audio that it needs. While more than 5 % of a second's results are, new streams
    /// are refused; bulk streams are slowed before. Default: 50 ms.
    #[serde(with = "duration::Positive")]
    pub lag: Duration,
    /// The share of the processors that live streams may need, 0.01 to 1: new
    /// ones are refused that would need more, judged by what the open ones need.
    /// Default: 0.75.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub utilisation: f64,
    /// Live streams for each processor that may begin within two seconds on a server that
    /// doesn't know yet what one costs; beyond it, three for each that is open. So many are
    /// never refused for what they would need. Default: 64.
    pub burst: NonZeroUsize,
}

impl Default for OverloadConfig {
    fn default() -> Self {
        const BURST: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");
        Self {
            lag: Duration::from_millis(50),
            utilisation: 0.75,
            burst: BURST,
        }
    }
}
