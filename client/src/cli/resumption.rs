//! What becomes of streams that break.

use std::time::Duration;

use clap::Args;
use ser_client::Timeouts;

use super::values::duration;

/// For commands whose streams go on elsewhere.
#[derive(Debug, Clone, Args)]
pub(crate) struct Resumption {
    /// How long to try to go on with a stream that breaks, here or on another server.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = duration,
        help_heading = "Connection"
    )]
    resume_timeout: Duration,
    /// End with the first failure, and don't keep audio to go on elsewhere.
    #[arg(long, conflicts_with = "resume_timeout", help_heading = "Connection")]
    no_resume: bool,
}

impl Resumption {
    /// `timeouts` with this one.
    pub(crate) fn within(&self, timeouts: Timeouts) -> Timeouts {
        Timeouts {
            resume: match self.no_resume {
                true => Duration::ZERO,
                false => self.resume_timeout,
            },
            ..timeouts
        }
    }
}
