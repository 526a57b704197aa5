//! When a session may work on.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{admission::Pressure, batcher::Pace};

/// When a session may work on: a live one at once, one of a recording after a pause
/// while live ones need the time.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Of a recording.
    pressure: Option<Arc<Pressure>>,
    next: Option<Instant>,
}

impl Turn {
    pub(crate) fn new(pressure: &Arc<Pressure>, pace: Pace) -> Self {
        Self {
            pressure: (pace == Pace::Bulk).then(|| Arc::clone(pressure)),
            next: None,
        }
    }

    /// Waits for it. May be dropped and called again.
    pub(crate) async fn comes(&self) {
        if let Some(next) = self.next {
            sleep_until(next).await;
        }
    }

    /// It was taken, and `work` has been done since the one before.
    pub(crate) fn taken(&mut self, work: Duration) {
        let Some(pressure) = &self.pressure else {
            return;
        };
        pressure.worked_on_bulk(work);
        let pause = pressure.bulk_pause();
        self.next = (!pause.is_zero()).then(|| Instant::now() + pause);
    }
}
