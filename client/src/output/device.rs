//! A sound device as text.

use std::io::{self, Write};

use ser_client::audio::microphone::{Device, DeviceState};

use super::{palette, printable};

/// Writes what the sound system says of `device`, for people, with its place in the
/// list.
pub(crate) fn write(out: &mut impl Write, index: usize, device: &Device) -> io::Result<()> {
    let (bold, dim) = (palette::BOLD, palette::DIM);
    let (name, id) = (printable(&device.name), printable(&device.id));
    let kind = match (device.is_default, device.is_monitor) {
        (true, _) => " (default)",
        (_, true) => " (hears a loudspeaker)",
        _ => "",
    };
    let state = match &device.state {
        DeviceState::Ready(native) => format!(
            "{} Hz, {} channel{}, {}",
            native.sample_rate,
            native.channels,
            if native.channels == 1 { "" } else { "s" },
            native.sample
        ),
        DeviceState::Busy => "in use by another program".to_owned(),
        DeviceState::Denied => "no permission".to_owned(),
    };
    writeln!(
        out,
        "{index:>2}  {bold}{name}{bold:#}{kind}  {state}  {dim}{id}{dim:#}"
    )
}
