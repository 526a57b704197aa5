//! Whether the device that was opened is the one that is heard.

use std::{
    convert::Infallible,
    io,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use cpal::{
    DeviceId,
    traits::{DeviceTrait, HostTrait},
};

use super::device::Found;

/// How often the sound server is asked. Until then another device may be heard.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks after a device of PulseAudio, or of PipeWire in its place, until it is dropped.
/// When the device goes away they let the stream go on from another, and what they say
/// of it doesn't get here. Other sound systems end the stream or tell.
///
/// It has a thread of its own, since a sound server may take for ever to answer.
pub(super) struct Watch {
    _watching: mpsc::Sender<Infallible>,
}

impl Watch {
    /// Of a device that needs it. If it goes away, `lost` learns why.
    pub(super) fn over(
        found: Found,
        lost: impl FnOnce(&str) + Send + 'static,
    ) -> io::Result<Option<Self>> {
        let Found { host, device, .. } = found;
        let id = device.id().ok();
        let Some(id) = id.filter(|id| id.host().name() == "PulseAudio") else {
            return Ok(None);
        };
        let (watching, watched) = mpsc::channel::<Infallible>();
        thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                while watched.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    let devices = host.devices();
                    let present = devices.map(|all| all.filter_map(|device| device.id().ok()));
                    if lacks(present, &id) {
                        return lost("the sound server no longer has it");
                    }
                }
            })?;
        Ok(Some(Self {
            _watching: watching,
        }))
    }
}

/// Whether a device is missing among those that are `present`. Where they can't be told,
/// the stream itself may be all right.
fn lacks<E>(present: Result<impl IntoIterator<Item = DeviceId>, E>, id: &DeviceId) -> bool {
    present.is_ok_and(|present| present.into_iter().all(|other| other != *id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listing_without_the_device_tells_of_its_loss() {
        let [fakemic, other] = ["fakemic", "other"].map(|id| DeviceId::new(cpal::ALL_HOSTS[0], id));
        let listed = |present: &[&DeviceId]| -> Result<Vec<DeviceId>, cpal::Error> {
            Ok(present.iter().map(|&id| id.clone()).collect())
        };
        assert!(!lacks(listed(&[&other, &fakemic]), &fakemic));
        assert!(lacks(listed(&[&other]), &fakemic));
        assert!(lacks(listed(&[]), &fakemic));
        let refused = cpal::Error::new(cpal::ErrorKind::PermissionDenied);
        assert!(!lacks(Err::<Vec<_>, _>(refused), &fakemic));
    }
}
