//! Samples as a server reads them.

use ser_features::{ChannelCount, ChannelSelection, PcmFormat, PcmReader, SampleRate};
use ser_proto::v1::Encoding;

/// `samples`, full scale 1, as bytes in `encoding`, 16-bit integers unless it is given.
/// What is beyond full scale is clipped, but in floats.
pub fn encode(samples: impl Iterator<Item = f32>, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::F32le => samples.flat_map(f32::to_le_bytes).collect(),
        Encoding::Mulaw => companded(samples, ser_features::Encoding::MuLaw),
        Encoding::Alaw => companded(samples, ser_features::Encoding::ALaw),
        Encoding::S16le | Encoding::Unspecified => samples
            .map(|sample| (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)
            .flat_map(i16::to_le_bytes)
            .collect(),
    }
}

/// Each sample as the octet of G.711 whose value is nearest.
fn companded(samples: impl Iterator<Item = f32>, law: ser_features::Encoding) -> Vec<u8> {
    let values = values(law);
    samples
        .map(|sample| {
            let above = values.partition_point(|(value, _)| *value < sample);
            let below = above.saturating_sub(1);
            let above = above.min(values.len() - 1);
            let nearer = if sample - values[below].0 < values[above].0 - sample {
                below
            } else {
                above
            };
            values[nearer].1
        })
        .collect()
}

/// Every octet and what a server reads from it, in ascending order.
fn values(law: ser_features::Encoding) -> Vec<(f32, u8)> {
    let format = PcmFormat {
        encoding: law,
        sample_rate: SampleRate::MIN,
        channels: ChannelCount::MONO,
    };
    let mut values = Vec::new();
    let mut reader =
        PcmReader::new(format, ChannelSelection::Mix).expect("one channel can be mixed");
    let octets: Vec<u8> = (0..=u8::MAX).collect();
    reader
        .push(&octets, &mut |_, samples: &[f32]| {
            values.extend_from_slice(samples)
        })
        .expect("every octet is a finite sample");
    let mut values: Vec<_> = values.into_iter().zip(octets).collect();
    // µ-law has two zeros, of which the positive one is sent.
    values.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_g711_survives() {
        for (encoding, law) in [
            (Encoding::Mulaw, ser_features::Encoding::MuLaw),
            (Encoding::Alaw, ser_features::Encoding::ALaw),
        ] {
            for (value, _) in values(law) {
                let octet = encode([value].into_iter(), encoding)[0];
                let read = values(law).into_iter().find(|(_, o)| *o == octet);
                assert_eq!(read.unwrap().0, value, "{encoding:?}");
            }
        }
    }

    /// The octets that Python's `audioop` gives, which is Sun's g711.c.
    #[test]
    fn samples_become_the_octets_of_the_reference() {
        let samples = [0, 1_000, -1_000, 12_345, -12_345, 32_767, -32_768];
        let encoded = |encoding| {
            let samples = samples.iter().map(|&s| s as f32 / 32_768.0);
            encode(samples, encoding)
        };
        assert_eq!(
            encoded(Encoding::Mulaw),
            [0xff, 0xce, 0x4e, 0x97, 0x17, 0x80, 0x00]
        );
        assert_eq!(
            encoded(Encoding::Alaw),
            [0xd5, 0xfa, 0x7a, 0xbd, 0x3d, 0xaa, 0x2a]
        );
    }

    #[test]
    fn what_is_too_loud_is_clipped() {
        let clipped = encode([2.0, -2.0].into_iter(), Encoding::S16le);
        assert_eq!(clipped, [0xff, 0x7f, 0x00, 0x80]);
    }
}
