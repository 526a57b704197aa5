//! What devices record, and what the protocol has for it.

use bytes::Bytes;
use cpal::{SampleFormat, SupportedStreamConfig};
use ser_features::{ChannelCount, SampleRate};
use ser_proto::v1::{AudioFormat, Encoding};

use crate::Error;

/// The format in which audio of the device's own format `native` is sent: the same
/// rate and channels, and the encoding that loses nothing, or the least. Integers of
/// up to 16 bits become 16-bit integers; of up to 24 bits, exactly 32-bit floats;
/// wider numbers are rounded to those.
pub(super) fn declared(device: &str, native: &SupportedStreamConfig) -> Result<AudioFormat, Error> {
    let refuse = |reason| Error::MicrophoneFormat {
        device: device.to_owned(),
        reason,
    };
    let (rate, channels) = (native.sample_rate(), u32::from(native.channels()));
    SampleRate::new(rate).map_err(|error| refuse(error.to_string()))?;
    ChannelCount::new(channels).map_err(|error| refuse(error.to_string()))?;
    let encoding = match native.sample_format() {
        SampleFormat::I8 | SampleFormat::U8 | SampleFormat::I16 | SampleFormat::U16 => {
            Encoding::S16le
        }
        format if format.is_dsd() => {
            return Err(refuse(format!(
                "samples: {format}; expected integers or floats"
            )));
        }
        _ => Encoding::F32le,
    };
    Ok(AudioFormat {
        encoding: encoding.into(),
        sample_rate: rate,
        channels,
    })
}

/// Samples as a device gives them, in this machine's byte order, as
/// [`declared`] promised them.
pub(super) fn encode(format: SampleFormat, native: &[u8]) -> Bytes {
    match format {
        SampleFormat::I8 => map(native, |[s]| {
            (i16::from(s.cast_signed()) << 8).to_le_bytes()
        }),
        SampleFormat::U8 => map(native, |[s]| ((i16::from(s) - 0x80) << 8).to_le_bytes()),
        SampleFormat::I16 => map(native, |s| i16::from_ne_bytes(s).to_le_bytes()),
        SampleFormat::U16 => map(native, |s| (u16::from_ne_bytes(s) ^ 0x8000).to_le_bytes()),
        // 24 bits in the lower part of 32, the rest of which means nothing.
        SampleFormat::I24 => integers(native, |s| i64::from(i32::from_ne_bytes(s) << 8), 31),
        SampleFormat::U24 => integers(
            native,
            |s| i64::from(u32::from_ne_bytes(s) << 8) - (1 << 31),
            31,
        ),
        SampleFormat::I32 => integers(native, |s| i64::from(i32::from_ne_bytes(s)), 31),
        SampleFormat::U32 => integers(native, |s| i64::from(u32::from_ne_bytes(s)) - (1 << 31), 31),
        SampleFormat::I64 => integers(native, i64::from_ne_bytes, 63),
        SampleFormat::U64 => integers(
            native,
            |s| (u64::from_ne_bytes(s) ^ (1 << 63)).cast_signed(),
            63,
        ),
        SampleFormat::F64 => map(native, |s| (f64::from_ne_bytes(s) as f32).to_le_bytes()),
        // The other formats were refused.
        _ => map(native, |s| f32::from_ne_bytes(s).to_le_bytes()),
    }
}

/// Integers, of which `1 << scale` would be full scale, as floats.
fn integers<const N: usize>(native: &[u8], integer: impl Fn([u8; N]) -> i64, scale: i32) -> Bytes {
    let full_scale = 2_f32.powi(scale);
    // A power of two: the division is exact.
    map(native, |s| (integer(s) as f32 / full_scale).to_le_bytes())
}

fn map<const N: usize, const M: usize>(
    native: &[u8],
    sample: impl Fn([u8; N]) -> [u8; M],
) -> Bytes {
    let samples = native.as_chunks::<N>().0.iter();
    samples.flat_map(|bytes| sample(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use cpal::SupportedBufferSize;

    use super::*;

    fn native(format: SampleFormat, rate: u32, channels: u16) -> SupportedStreamConfig {
        SupportedStreamConfig::new(channels, rate, SupportedBufferSize::Unknown, format)
    }

    fn integers_of(format: SampleFormat, native: &[u8]) -> Vec<i16> {
        let sent = encode(format, native);
        let samples = sent.as_chunks::<2>().0.iter();
        samples.map(|s| i16::from_le_bytes(*s)).collect()
    }

    fn floats_of<const N: usize>(format: SampleFormat, samples: &[[u8; N]]) -> Vec<f32> {
        let sent = encode(format, samples.as_flattened());
        let samples = sent.as_chunks::<4>().0.iter();
        samples.map(|s| f32::from_le_bytes(*s)).collect()
    }

    #[test]
    fn narrow_integers_stay_exact() {
        let half = [0x4000, 0, -0x8000];
        assert_eq!(integers_of(SampleFormat::I8, &[0x40, 0, 0x80]), half);
        assert_eq!(integers_of(SampleFormat::U8, &[0xc0, 0x80, 0]), half);
        let native: Vec<u8> = half.iter().flat_map(|s| s.to_ne_bytes()).collect();
        assert_eq!(integers_of(SampleFormat::I16, &native), half);
        let shifted = [0xc000_u16, 0x8000, 0].map(u16::to_ne_bytes);
        assert_eq!(integers_of(SampleFormat::U16, shifted.as_flattened()), half);
    }

    #[test]
    fn wide_integers_become_floats() {
        let expected = [0.5, 0.0, -1.0, 1.0 - 2_f32.powi(-23)];
        // The highest byte of a sample of 24 bits may hold anything.
        let i24 = [0xff40_0000_u32, 0, 0x0080_0000, 0x007f_ffff];
        assert_eq!(
            floats_of(SampleFormat::I24, &i24.map(u32::to_ne_bytes)),
            expected
        );
        let u24 = [0xc0_0000_u32, 0x80_0000, 0, 0xff_ffff];
        assert_eq!(
            floats_of(SampleFormat::U24, &u24.map(u32::to_ne_bytes)),
            expected
        );
        let i32 = [0x4000_0000, 0, i32::MIN, 0x7fff_ff00];
        assert_eq!(
            floats_of(SampleFormat::I32, &i32.map(i32::to_ne_bytes)),
            expected
        );
        let u32 = [0xc000_0000, 0x8000_0000, 0, 0xffff_ff00];
        assert_eq!(
            floats_of(SampleFormat::U32, &u32.map(u32::to_ne_bytes)),
            expected
        );
        let i64 = i32.map(|s| i64::from(s) << 32);
        assert_eq!(
            floats_of(SampleFormat::I64, &i64.map(i64::to_ne_bytes)),
            expected
        );
        let u64 = u32.map(|s: u32| u64::from(s) << 32);
        assert_eq!(
            floats_of(SampleFormat::U64, &u64.map(u64::to_ne_bytes)),
            expected
        );
    }

    #[test]
    fn floats_keep_their_value() {
        let samples = [0.123_456_7_f32, -1.5];
        let native = samples.map(f32::to_ne_bytes);
        assert_eq!(floats_of(SampleFormat::F32, &native), samples);
        let native = samples.map(|s| f64::from(s).to_ne_bytes());
        assert_eq!(floats_of(SampleFormat::F64, &native), samples);
    }

    #[test]
    fn what_the_device_records_is_declared() {
        for (format, encoding) in [
            (SampleFormat::I16, Encoding::S16le),
            (SampleFormat::U16, Encoding::S16le),
            (SampleFormat::U8, Encoding::S16le),
            (SampleFormat::F32, Encoding::F32le),
            (SampleFormat::I24, Encoding::F32le),
            (SampleFormat::F64, Encoding::F32le),
        ] {
            let expected = AudioFormat {
                encoding: encoding.into(),
                sample_rate: 44_100,
                channels: 2,
            };
            let declared = declared("mic", &native(format, 44_100, 2));
            assert_eq!(declared.unwrap(), expected, "{format}");
        }
    }

    #[test]
    fn what_no_server_takes_is_refused() {
        for (native, reason) in [
            (
                native(SampleFormat::I16, 4_000, 1),
                "sample_rate: 4000 Hz; expected 8000 to 192000 Hz",
            ),
            (
                native(SampleFormat::I16, 384_000, 1),
                "sample_rate: 384000 Hz; expected 8000 to 192000 Hz",
            ),
            (
                native(SampleFormat::F32, 48_000, 18),
                "channels: 18; expected 1 to 8",
            ),
            (
                native(SampleFormat::DsdU8, 48_000, 2),
                "samples: dsdu8; expected integers or floats",
            ),
        ] {
            let error = declared("Studio", &native).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("Studio records what no server takes ({reason})")
            );
        }
    }
}
