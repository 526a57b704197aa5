use proptest::prelude::*;

use super::*;
use crate::ChannelSelection::{Mix, Pick, Separate};

const ENCODINGS: [Encoding; 4] = [
    Encoding::S16Le,
    Encoding::F32Le,
    Encoding::MuLaw,
    Encoding::ALaw,
];

fn format(encoding: Encoding, channels: u32) -> PcmFormat {
    PcmFormat {
        encoding,
        sample_rate: SampleRate::MIN,
        channels: ChannelCount::new(channels).unwrap(),
    }
}

/// The samples of each lane, of bytes that come in the given chunks.
fn read<'a>(
    format: PcmFormat,
    selection: ChannelSelection,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Vec<f32>>, FeatureError> {
    let mut reader = PcmReader::new(format, selection)?;
    let mut lanes = vec![Vec::new(); reader.lanes()];
    for chunk in chunks {
        reader.push(chunk, &mut |lane, samples| {
            lanes[lane].extend_from_slice(samples)
        })?;
    }
    reader.finish()?;
    Ok(lanes)
}

fn s16(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

fn f32s(samples: &[f32]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

#[test]
fn integers_are_scaled_exactly() {
    let bytes = s16(&[0, 1, -1, 16_384, i16::MAX, i16::MIN]);
    let lanes = read(format(Encoding::S16Le, 1), Mix, [&bytes[..]]).unwrap();
    let lsb = 1.0 / 32_768.0;
    assert_eq!(lanes, [[0.0, lsb, -lsb, 0.5, 1.0 - lsb, -1.0]]);
}

/// One octet of each half segment, positive; values by CPython's `audioop`.
#[test]
fn companded_samples_follow_g711() {
    let octets: Vec<u8> = (0x80..=0xff).step_by(8).collect();
    let mu_law = [
        32124, 23932, 15996, 11900, 7932, 5884, 3900, 2876, 1884, 1372, 876, 620, 372, 244, 120, 56,
    ];
    let a_law = [
        5504, 7552, 2752, 3776, 22016, 30208, 11008, 15104, 344, 472, 88, 216, 1376, 1888, 688, 944,
    ];
    for (encoding, values) in [(Encoding::MuLaw, mu_law), (Encoding::ALaw, a_law)] {
        let negative: Vec<u8> = octets.iter().map(|octet| octet ^ 0x80).collect();
        let expected = values.map(|value: i16| f32::from(value) / 32_768.0);
        let lanes = read(format(encoding, 1), Mix, [&octets[..]]).unwrap();
        assert_eq!(lanes, [expected], "{encoding:?}");
        let lanes = read(format(encoding, 1), Mix, [&negative[..]]).unwrap();
        assert_eq!(lanes, [expected.map(|value| -value)], "{encoding:?}");
    }
}

#[test]
fn channels_become_lanes() {
    let bytes = f32s(&[0.25, 0.75, -0.5, 0.5]);
    let stereo = format(Encoding::F32Le, 2);
    let lanes = |selection| read(stereo, selection, [&bytes[..]]).unwrap();
    assert_eq!(lanes(Mix), [[0.5, 0.0]]);
    assert_eq!(lanes(Pick(1)), [[0.75, 0.5]]);
    assert_eq!(lanes(Separate), [[0.25, -0.5], [0.75, 0.5]]);
}

#[test]
fn a_picked_channel_must_be_there() {
    let error = PcmReader::new(format(Encoding::S16Le, 2), Pick(2)).unwrap_err();
    assert_eq!(error.to_string(), "picked_channel: 2; expected 0 to 1");
}

#[test]
fn rates_and_counts_outside_are_refused() {
    for hz in [0, 1, 7_999, 192_001, 1_000_000_000] {
        let message = SampleRate::new(hz).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("sample_rate: {hz} Hz; expected 8000 to 192000 Hz")
        );
    }
    for count in [0, 9, 257, 300] {
        let message = ChannelCount::new(count).unwrap_err().to_string();
        assert_eq!(message, format!("channels: {count}; expected 1 to 8"));
    }
}

#[test]
fn samples_before_one_that_is_not_finite_are_delivered() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut samples = vec![0.5; 2 * 1_000];
        samples[2 * 777 + 1] = bad;
        let bytes = f32s(&samples);
        let mut reader = PcmReader::new(format(Encoding::F32Le, 2), Mix).unwrap();
        let mut delivered = 0;
        let mut push = |bytes| reader.push(bytes, &mut |_, lane| delivered += lane.len());
        let error = bytes
            .chunks(100)
            .find_map(|chunk| push(chunk).err())
            .unwrap();
        assert_eq!(delivered, 777);
        assert_eq!(
            error.to_string(),
            format!("sample 777 is {bad}; expected finite numbers")
        );
    }
}

#[test]
fn huge_floats_are_limited() {
    let bytes = f32s(&[f32::MAX, f32::MIN, 2.0]);
    let lanes = read(format(Encoding::F32Le, 1), Mix, [&bytes[..]]).unwrap();
    assert_eq!(lanes, [[LARGEST, -LARGEST, 2.0]]);
}

#[test]
fn audio_must_end_with_a_whole_frame() {
    let error = |bytes: &[u8]| read(format(Encoding::S16Le, 2), Mix, [bytes]).unwrap_err();
    assert_eq!(
        error(&[0; 5]).to_string(),
        "1 byte left over at the end; expected whole frames of 4 bytes"
    );
    assert_eq!(
        error(&[0; 3]).to_string(),
        "3 bytes left over at the end; expected whole frames of 4 bytes"
    );
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        encoding in prop::sample::select(ENCODINGS.to_vec()),
        channels in 1_u32..=8,
        selection in prop::sample::select(vec![Mix, Pick(0), Separate]),
        octets in prop::collection::vec(0_u8..0x7f, 0..5_000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let format = format(encoding, channels);
        let bytes = &octets[..octets.len() - octets.len() % format.frame_bytes()];
        let whole = read(format, selection, [bytes]).unwrap();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]);
        prop_assert_eq!(&read(format, selection, pieces).unwrap(), &whole);
        prop_assert_eq!(&read(format, selection, bytes.chunks(1)).unwrap(), &whole);
        prop_assert_eq!(whole[0].len(), bytes.len() / format.frame_bytes());
    }
}
