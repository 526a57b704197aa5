//! Whether the device that was opened is the one that is heard.

use std::time::{Duration, Instant};

use cpal::{
    DeviceId,
    traits::{DeviceTrait, HostTrait},
};

use super::device::Found;
use crate::Error;

/// How often the sound server is asked. Until then another device may be heard.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks after a device of PulseAudio, or of PipeWire in its place. When it goes away
/// they let the stream go on from another, and what they say of it doesn't get here.
/// Other sound systems end the stream or tell.
pub(super) struct Watch {
    host: cpal::Host,
    id: DeviceId,
    name: String,
    due: Instant,
}

impl Watch {
    /// Of a device that needs it.
    pub(super) fn over(found: Found) -> Option<Self> {
        let id = found.device.id().ok()?;
        (id.host().name() == "PulseAudio").then(|| Self {
            host: found.host,
            id,
            name: found.name,
            due: Instant::now() + INTERVAL,
        })
    }

    /// Looks whether the device is still there, if it is time to.
    pub(super) fn look(&mut self, now: Instant) -> Option<Error> {
        if now < self.due {
            return None;
        }
        self.due = now + INTERVAL;
        let lost = self.host.device_by_id(&self.id).is_none();
        lost.then(|| Error::MicrophoneLost {
            device: self.name.clone(),
            reason: "the sound server no longer has it".to_owned(),
        })
    }
}
