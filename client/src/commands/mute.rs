//! Whether the microphone is off for a while.

use tokio::sync::watch;

/// Turned on and off by whoever holds a clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mute(watch::Sender<bool>);

impl Mute {
    /// Off if it is on, and on if it is off.
    pub(crate) fn toggle(&self) {
        self.0.send_modify(|muted| *muted = !*muted);
    }

    pub(crate) fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is on, or off.
    pub(crate) async fn until(&self, on: bool) {
        let mut changes = self.0.subscribe();
        // It can't fail while `self` holds the sender.
        let _ = changes.wait_for(|muted| *muted == on).await;
    }
}
