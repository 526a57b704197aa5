//! How rows of all streams become batches.

use std::{num::NonZeroUsize, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration;

/// `[batcher]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BatcherConfig {
    /// How long a row may wait for company. Default: 2 ms.
    #[serde(with = "duration::OrZero")]
    pub max_wait: Duration,
    /// Rows that may wait for a model. Default: 4096.
    pub queue_rows: NonZeroUsize,
    /// A call that takes longer fails the model. Default: 5 s.
    #[serde(with = "duration::Positive")]
    pub call_deadline: Duration,
}

impl Default for BatcherConfig {
    fn default() -> Self {
        const QUEUE_ROWS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
        Self {
            max_wait: Duration::from_millis(2),
            queue_rows: QUEUE_ROWS,
            call_deadline: Duration::from_secs(5),
        }
    }
}
