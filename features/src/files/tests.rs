use proptest::prelude::*;

use super::*;

/// Written by libsndfile, see `tests/reference/files.py`.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// What the fixtures hold: a linear congruential generator's upper bits.
fn noise(bits: u32, samples: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state.cast_signed() >> (32 - bits)) / f64::from(1_u32 << (bits - 1))
    };
    (0..samples).map(|_| next() as f32).collect()
}

#[test]
fn samples_are_exact() {
    for (name, bits, hz, channels) in [
        ("u8.wav", 8, 8_000, 1),
        ("s16-stereo.wav", 16, 44_100, 2),
        ("s24-surround.wav", 24, 48_000, 6),
        ("s32.wav", 32, 192_000, 1),
        ("s16-stereo.flac", 16, 16_000, 2),
        ("s24.flac", 24, 24_414, 1),
    ] {
        let clip = AudioClip::decode(fixture(name)).unwrap();
        assert_eq!(clip.sample_rate.hz(), hz, "{name}");
        assert_eq!(clip.channels.get(), channels, "{name}");
        assert_eq!((clip.bits_per_sample, clip.float), (bits, false), "{name}");
        assert_eq!(clip.samples, noise(bits, 300 * channels), "{name}");
    }
}

#[test]
fn floats_are_exact() {
    let clip = AudioClip::decode(fixture("f32.wav")).unwrap();
    assert_eq!((clip.bits_per_sample, clip.float), (32, true));
    assert_eq!(clip.samples, noise(24, 300));
}

#[test]
fn mono_is_the_mean_of_all_channels() {
    let clip = AudioClip::decode(fixture("s16-stereo.wav")).unwrap();
    let means = clip
        .samples
        .chunks(2)
        .map(|frame| f32::midpoint(frame[0], frame[1]));
    assert_eq!(clip.mono(), means.collect::<Vec<_>>());
    assert_eq!(
        clip.duration(),
        Duration::from_nanos(300 * 1_000_000_000 / 44_100)
    );
}

#[test]
fn other_bytes_are_refused() {
    let text = b"To be, or not to be, that is the question".repeat(100);
    for (bytes, reason) in [
        (Vec::new(), "it is empty"),
        (text, "it starts with neither RIFF nor fLaC"),
        (b"RIFF".to_vec(), ""),
        (b"fLaC".to_vec(), ""),
    ] {
        let error = AudioClip::decode(bytes).unwrap_err();
        assert!(matches!(error, FeatureError::NotAudio { .. }), "{error}");
        let start = format!("no WAV or FLAC file ({reason}");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[test]
fn more_channels_than_symphonia_can_compute_with_are_refused() {
    let mut bytes = fixture("s16-stereo.wav");
    // The count of channels, behind "RIFF", "WAVE" and "fmt " with their sizes.
    bytes[22..24].copy_from_slice(&40_000_u16.to_le_bytes());
    let error = AudioClip::decode(bytes).unwrap_err();
    assert!(matches!(error, FeatureError::NotAudio { .. }), "{error}");
}

#[test]
fn cut_files_are_refused() {
    for name in ["s16-stereo.wav", "s24.flac", "two-minutes.flac"] {
        let bytes = fixture(name);
        let cut = bytes[..bytes.len() * 3 / 4].to_vec();
        let error = AudioClip::decode(cut).unwrap_err();
        assert!(
            matches!(error, FeatureError::Damaged { .. }),
            "{name}: {error}"
        );
    }
}

/// `s16-stereo.wav` with other lengths of the file and of its audio.
fn with_lengths(riff: u32, data: u32) -> Vec<u8> {
    let mut bytes = fixture("s16-stereo.wav");
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    bytes[40..44].copy_from_slice(&data.to_le_bytes());
    bytes
}

#[test]
fn a_file_of_unknown_length_lasts_to_its_end() {
    let whole = AudioClip::decode(fixture("s16-stereo.wav")).unwrap();
    for (writer, riff, data) in [
        ("ffmpeg", 0xffff_ffff, 0xffff_ffff),
        ("SoX", 0x7fff_f024, 0x7fff_f000),
        ("arecord", 0x7fff_ff24, 0x7fff_ff00),
        ("Python", 36, 0),
        ("nobody", 0, 0),
    ] {
        let mut bytes = with_lengths(riff, data);
        assert_eq!(
            AudioClip::decode(bytes.clone()),
            Ok(whole.clone()),
            "{writer}"
        );
        // Stopped inside a frame of 4 bytes.
        bytes.truncate(bytes.len() - 401);
        let stopped = AudioClip::decode(bytes).unwrap();
        assert_eq!(stopped.samples, whole.samples[..2 * 199], "{writer}");
    }
}

#[test]
fn a_file_without_audio_may_go_on_behind_it() {
    let mut bytes = with_lengths(0, 0);
    bytes.truncate(44);
    bytes.extend_from_slice(b"LIST\x04\0\0\0INFO");
    let riff = u32::try_from(bytes.len() - 8).unwrap();
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    assert!(AudioClip::decode(bytes).unwrap().samples.is_empty());
}

#[test]
fn a_length_that_is_merely_too_large_is_damage() {
    let error = AudioClip::decode(with_lengths(20_036, 20_000)).unwrap_err();
    assert!(matches!(error, FeatureError::Damaged { .. }), "{error}");
}

/// Reads a file to its end; returns how many samples came, and the largest piece.
fn read_all(mut file: AudioFile) -> Result<(usize, usize), FeatureError> {
    let (mut all, mut largest) = (0, 0);
    let mut piece = Vec::new();
    while file.read(&mut piece)? {
        all += piece.len();
        largest = largest.max(piece.len());
    }
    Ok((all, largest))
}

#[test]
fn long_files_are_refused() {
    let open = |seconds| {
        let limit = Some(Duration::from_secs(seconds));
        AudioFile::open(fixture("two-minutes.flac"), limit)
    };
    let file = open(120).unwrap();
    let rate = file.sample_rate().hz() as usize;
    let (all, largest) = read_all(file).unwrap();
    assert_eq!(all, 120 * rate);
    assert!(largest <= 65_535, "{largest}");
    let error = open(119).err().unwrap();
    assert_eq!(error.to_string(), "longer than 119s; expected at most 119s");
}

/// A file whose header doesn't say how long it is.
#[test]
fn decoding_stops_at_the_limit() {
    let mut bytes = fixture("two-minutes.flac");
    // STREAMINFO follows "fLaC" and a block header of 4 bytes; the lower 4 bytes
    // of its count of samples end at 18.
    bytes[8 + 14..8 + 18].fill(0);
    let limit = Duration::from_secs(1);
    let file = AudioFile::open(bytes, Some(limit)).unwrap();
    assert_eq!(file.promised_frames, None);
    assert_eq!(read_all(file), Err(FeatureError::TooLong { limit }));
}

#[test]
fn floats_must_be_finite() {
    let mut bytes = fixture("f32.wav");
    let end = bytes.len();
    bytes[end - 4 * 10..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = AudioClip::decode(bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sample 290 is NaN; expected finite numbers"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = AudioClip::read(Path::new("no/such.wav")).unwrap_err();
    assert!(error.to_string().starts_with("no/such.wav: "), "{error}");
}

proptest! {
    /// Whatever is wrong with a file, an error says so.
    #[test]
    fn damage_never_panics(
        name in prop::sample::select(vec!["s16-stereo.wav", "f32.wav", "s24.flac"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = fixture(name);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(mut file) = AudioFile::open(bytes, Some(Duration::from_secs(10))) {
            let mut piece = Vec::new();
            while let Ok(true) = file.read(&mut piece) {
                prop_assert!(piece.iter().all(|sample| sample.is_finite()));
            }
        }
    }
}
