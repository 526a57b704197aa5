//! The sound devices of this machine, and which of them is meant.

use cpal::{
    ErrorKind, SupportedStreamConfig,
    traits::{DeviceTrait, HostTrait},
};

use crate::Error;

/// A device that audio can be recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What people call it.
    pub name: String,
    /// What the sound system calls it; no other device has it.
    pub id: String,
    /// Whether it is recorded from unless another is asked for.
    pub is_default: bool,
    /// Whether it is no microphone: it hears what a loudspeaker of this machine plays.
    pub is_monitor: bool,
    /// Whether it can be recorded from now.
    pub state: DeviceState,
}

/// Whether a device can be recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    /// It can, in its own format.
    Ready(NativeFormat),
    /// Another program has it for itself.
    Busy,
    /// This user may not.
    Denied,
}

/// The format that a device records in unless it is told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeFormat {
    /// One sample, such as `i16`, `i24` or `f32`.
    pub sample: String,
    /// In Hz.
    pub sample_rate: u32,
    /// Interleaved channels.
    pub channels: u16,
}

impl From<&SupportedStreamConfig> for NativeFormat {
    fn from(config: &SupportedStreamConfig) -> Self {
        Self {
            sample: config.sample_format().to_string(),
            sample_rate: config.sample_rate(),
            channels: config.channels(),
        }
    }
}

/// The sound system: the server that mixes for all programs, if one runs, or else
/// the devices themselves.
fn host() -> Result<cpal::Host, Error> {
    let mut hosts = cpal::available_hosts().into_iter();
    hosts
        .find_map(|id| cpal::host_from_id(id).ok())
        .ok_or(Error::NoMicrophone)
}

/// Every device that can be recorded from, the default one first, monitors last.
pub(super) fn list() -> Result<Vec<Device>, Error> {
    let found = all(&host()?)?;
    Ok(found.into_iter().map(|(_, device)| device).collect())
}

/// A device, and the sound system that has it.
pub(super) struct Found {
    pub(super) host: cpal::Host,
    pub(super) device: cpal::Device,
    pub(super) name: String,
}

/// The device that `wanted` means, the default one if it means none.
pub(super) fn find(wanted: Option<&str>) -> Result<Found, Error> {
    let host = host()?;
    let default = host.default_input_device();
    let device = match (wanted, default) {
        // To describe all devices takes time, so not for a default that will do.
        (None, Some(device)) if !hears_loudspeaker(&device) => device,
        (None, None) => return Err(Error::NoMicrophone),
        _ => {
            let (mut handles, devices): (Vec<_>, Vec<_>) = all(&host)?.into_iter().unzip();
            handles.swap_remove(choose(&devices, wanted)?)
        }
    };
    let name = device.to_string();
    Ok(Found { host, device, name })
}

fn all(host: &cpal::Host) -> Result<Vec<(cpal::Device, Device)>, Error> {
    let default = host.default_input_device();
    let inputs = host.input_devices().map_err(|error| Error::SoundSystem {
        reason: error.to_string(),
    })?;
    let others = inputs.filter(|device| Some(device) != default.as_ref());
    let described = default.iter().cloned().chain(others).filter_map(|handle| {
        let device = describe(&handle)?;
        Some((handle, device))
    });
    let mut found: Vec<_> = described.collect();
    found.sort_by_key(|(_, device)| device.is_monitor);
    let of_monitor = default.as_ref().is_some_and(hears_loudspeaker);
    if let Some((handle, first)) = found.first_mut() {
        let is_default = of_monitor || Some(&*handle) == default.as_ref();
        first.is_default = is_default && !first.is_monitor;
    }
    Ok(found)
}

fn hears_loudspeaker(device: &cpal::Device) -> bool {
    device.id().is_ok_and(|id| is_monitor(&id))
}

/// PulseAudio's name of what a loudspeaker plays, for whoever records that.
fn is_monitor(id: &cpal::DeviceId) -> bool {
    id.host().name() == "PulseAudio" && id.id().ends_with(".monitor")
}

/// Whether it is ALSA's device that gives silence for ever.
fn is_null(id: &cpal::DeviceId) -> bool {
    id.host().name() == "ALSA" && id.id() == "null"
}

/// `None` for what the sound system lists although it isn't there, or hears nothing.
fn describe(handle: &cpal::Device) -> Option<Device> {
    let id = handle.id().ok().filter(|id| !is_null(id))?;
    let state = match handle.default_input_config() {
        Ok(config) => DeviceState::Ready(NativeFormat::from(&config)),
        Err(error) => match error.kind() {
            ErrorKind::DeviceBusy => DeviceState::Busy,
            ErrorKind::PermissionDenied => DeviceState::Denied,
            _ => return None,
        },
    };
    Some(Device {
        name: handle.to_string(),
        id: id.id().to_owned(),
        is_default: false,
        is_monitor: is_monitor(&id),
        state,
    })
}

/// The index of the device that `wanted` means: the whole name or identifier, a
/// place in the list, or a part of the name or identifier of one microphone only,
/// whatever its case. Without it, that of the default one.
fn choose(devices: &[Device], wanted: Option<&str>) -> Result<usize, Error> {
    if devices.is_empty() {
        return Err(Error::NoMicrophone);
    }
    let Some(wanted) = wanted else {
        let default = devices.iter().position(|device| device.is_default);
        return default.ok_or(Error::NoMicrophone);
    };
    let whole = |device: &Device| device.name == wanted || device.id == wanted;
    let lower = wanted.to_lowercase();
    let part = |device: &Device| {
        let mut names = [&device.name, &device.id].into_iter();
        !device.is_monitor && names.any(|name| name.to_lowercase().contains(&lower))
    };
    let index = wanted.parse().ok().filter(|&index| index < devices.len());
    match (&matching(devices, whole)[..], index) {
        (&[only], _) | (&[], Some(only)) => Ok(only),
        (&[], None) => match matching(devices, part)[..] {
            [only] => Ok(only),
            [] => Err(Error::UnknownMicrophone {
                wanted: wanted.to_owned(),
                known: names(devices.iter()),
            }),
            ref several => Err(ambiguous(devices, wanted, several)),
        },
        (several, _) => Err(ambiguous(devices, wanted, several)),
    }
}

fn matching(devices: &[Device], fits: impl Fn(&Device) -> bool) -> Vec<usize> {
    (0..devices.len())
        .filter(|&index| fits(&devices[index]))
        .collect()
}

fn ambiguous(devices: &[Device], wanted: &str, several: &[usize]) -> Error {
    Error::AmbiguousMicrophone {
        wanted: wanted.to_owned(),
        fitting: names(several.iter().map(|&index| &devices[index])),
    }
}

fn names<'a>(devices: impl Iterator<Item = &'a Device>) -> String {
    let names: Vec<_> = devices
        .map(|device| format!("{:?} ({})", device.name, device.id))
        .collect();
    names.join(", ")
}

/// What the sound system's `error` about a device means to whoever records from it.
pub(super) fn problem(device: &str, error: &cpal::Error) -> Error {
    let device = device.to_owned();
    match error.kind() {
        ErrorKind::DeviceBusy => Error::MicrophoneBusy { device },
        ErrorKind::PermissionDenied => Error::MicrophoneDenied { device },
        _ => Error::MicrophoneFailed {
            device,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices() -> Vec<Device> {
        [
            ("Built-in Audio", "pci-0"),
            ("USB Microphone", "usb-1"),
            ("USB Webcam", "usb-2"),
            ("Line", "line"),
            ("Line In", "line.in"),
            ("Twin", "twin-a"),
            ("Twin", "twin-b"),
            ("2", "numeral"),
            ("Monitor of USB Webcam", "usb-2.monitor"),
        ]
        .map(|(name, id)| Device {
            name: name.to_owned(),
            id: id.to_owned(),
            is_default: id == "pci-0",
            is_monitor: id.ends_with(".monitor"),
            state: DeviceState::Busy,
        })
        .into()
    }

    #[test]
    fn names_identifiers_places_and_parts_are_found() {
        let devices = devices();
        for (wanted, id) in [
            ("USB Webcam", "usb-2"),
            ("usb-2", "usb-2"),
            ("0", "pci-0"),
            ("6", "twin-b"),
            ("webcam", "usb-2"),
            ("MICRO", "usb-1"),
            ("twin-a", "twin-a"),
            // Whole before part.
            ("Line", "line"),
            // A name before a place.
            ("2", "numeral"),
            ("Monitor of USB Webcam", "usb-2.monitor"),
            ("usb-2.monitor", "usb-2.monitor"),
            ("8", "usb-2.monitor"),
        ] {
            let index = choose(&devices, Some(wanted)).unwrap();
            assert_eq!(devices[index].id, id, "{wanted}");
        }
        assert_eq!(choose(&devices, None).unwrap(), 0);
    }

    #[test]
    fn what_fits_several_is_refused_with_their_names() {
        for (wanted, fitting) in [
            ("usb", r#""USB Microphone" (usb-1), "USB Webcam" (usb-2)"#),
            ("Twin", r#""Twin" (twin-a), "Twin" (twin-b)"#),
        ] {
            let error = choose(&devices(), Some(wanted)).unwrap_err().to_string();
            assert!(error.contains(fitting), "{error}");
        }
    }

    #[test]
    fn what_fits_none_is_refused_with_the_names_of_all() {
        for wanted in ["Headset", "Monitor", "9", "-9"] {
            let error = choose(&devices(), Some(wanted)).unwrap_err();
            let Error::UnknownMicrophone { known, .. } = error else {
                panic!("{error}");
            };
            assert!(known.starts_with(r#""Built-in Audio" (pci-0), "#));
        }
    }

    #[test]
    fn without_microphones_none_is_unknown() {
        assert!(matches!(choose(&[], Some("usb")), Err(Error::NoMicrophone)));
        let monitor = devices().pop().unwrap();
        assert!(matches!(choose(&[monitor], None), Err(Error::NoMicrophone)));
    }

    #[test]
    fn what_hears_no_microphone_is_known() {
        use cpal::{DeviceId, HostId};

        let ids = |name: &str| {
            let hosts = cpal::ALL_HOSTS.iter();
            hosts
                .map(|&host: &HostId| DeviceId::new(host, name))
                .collect::<Vec<_>>()
        };
        let named =
            |found: Vec<DeviceId>| -> Vec<_> { found.iter().map(|id| id.host().name()).collect() };
        let monitors = ids("usb-2.monitor").into_iter().filter(is_monitor);
        let nulls = ids("null").into_iter().filter(is_null);
        if cfg!(target_os = "linux") {
            assert_eq!(named(monitors.collect()), ["PulseAudio"]);
            assert_eq!(named(nulls.collect()), ["ALSA"]);
        }
        assert!(!ids("usb-2").iter().any(is_monitor));
        assert!(!ids("null2").iter().any(is_null));
    }
}
