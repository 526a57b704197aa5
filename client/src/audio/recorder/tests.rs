use std::fs;

use ser_features::AudioClip;
use tempfile::TempDir;

use super::*;
use crate::audio::frame_bytes;

fn format(encoding: Encoding, sample_rate: u32, channels: u32) -> AudioFormat {
    AudioFormat {
        encoding: encoding.into(),
        sample_rate,
        channels,
    }
}

/// A recorder of a new file.
fn recorder(format: AudioFormat) -> (TempDir, PathBuf, Recorder) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.wav");
    let recorder = Recorder::create(&path, format).unwrap();
    (folder, path, recorder)
}

#[test]
fn integers_and_floats_are_what_another_reader_finds() {
    for channels in 1..=8_u16 {
        let integers: Vec<i16> = (0..24 * i16::try_from(channels).unwrap())
            .map(|n| n * 97 - 9_000)
            .collect();
        let (_folder, path, mut recorder) =
            recorder(format(Encoding::S16le, 44_100, channels.into()));
        let bytes: Vec<u8> = integers.iter().flat_map(|s| s.to_le_bytes()).collect();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        recorder.write(first).unwrap();
        recorder.write(second).unwrap();
        let mut reader = hound::WavReader::open(&path).unwrap();
        let spec = reader.spec();
        assert_eq!(
            (spec.channels, spec.sample_rate, spec.bits_per_sample),
            (channels, 44_100, 16)
        );
        let read = reader.samples::<i16>().map(Result::unwrap);
        assert!(read.eq(integers));

        let floats = [0.1_f32, -1.5, 0.0, 3e-9].repeat(channels.into());
        let (_folder, path, mut recorder) =
            self::recorder(format(Encoding::F32le, 96_000, channels.into()));
        let bytes: Vec<u8> = floats.iter().flat_map(|s| s.to_le_bytes()).collect();
        recorder.write(&bytes).unwrap();
        let mut reader = hound::WavReader::open(&path).unwrap();
        assert_eq!(reader.spec().sample_format, hound::SampleFormat::Float);
        let read = reader.samples::<f32>().map(Result::unwrap);
        assert!(read.eq(floats));
    }
}

#[test]
fn what_was_sent_is_what_the_file_gives() {
    for encoding in [
        Encoding::S16le,
        Encoding::F32le,
        Encoding::Mulaw,
        Encoding::Alaw,
    ] {
        for channels in 1..=8 {
            let format = format(encoding, 8_000, channels);
            let (_folder, path, mut recorder) = recorder(format);
            let frame = vec![0x3a; frame_bytes(&format)];
            recorder.write(&frame.repeat(5)).unwrap();
            recorder.write(&frame.repeat(4)).unwrap();
            let clip = AudioClip::read(&path).unwrap();
            assert_eq!(clip.samples.len(), 9 * channels as usize, "{encoding:?}");
            assert_eq!(clip.sample_rate.hz(), 8_000);
            assert_eq!(clip.channels.get(), channels as usize);
        }
    }
}

#[test]
fn the_file_is_whole_whenever_the_program_ends() {
    let (_folder, path, mut recorder) = recorder(format(Encoding::Mulaw, 8_000, 1));
    assert_eq!(AudioClip::read(&path).unwrap().samples.len(), 0);
    for written in 1..=5 {
        recorder.write(&[0xff]).unwrap();
        assert_eq!(AudioClip::read(&path).unwrap().samples.len(), written);
        let bytes = fs::read(&path).unwrap();
        // The size in the file's own header, which counts a byte of padding.
        let size = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        assert_eq!(size as usize, bytes.len() - 8);
    }
    // Ended between the audio and its size.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[7; 333]).unwrap();
    assert_eq!(AudioClip::read(&path).unwrap().samples.len(), 5);
}

#[test]
fn an_older_recording_is_kept() {
    let (_folder, path, mut recorder) = recorder(format(Encoding::S16le, 8_000, 1));
    recorder.write(&[1, 2]).unwrap();
    let error = Recorder::create(&path, format(Encoding::S16le, 8_000, 1)).unwrap_err();
    let Error::Unwritable { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source.kind(), ErrorKind::AlreadyExists);
    assert_eq!(AudioClip::read(&path).unwrap().samples.len(), 1);
}

#[test]
fn a_format_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.wav");
    for (format, named) in [
        (format(Encoding::S16le, 0, 1), "sample_rate: 0 Hz"),
        (format(Encoding::S16le, 8_000, 0), "channels: 0"),
        (format(Encoding::S16le, 8_000, 70_000), "channels: 70000"),
        (format(Encoding::Unspecified, 8_000, 1), "encoding: 0"),
    ] {
        let error = Recorder::create(&path, format).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn a_file_is_as_large_as_its_header_can_tell() {
    let most = u32::MAX - HEADER_BYTES;
    assert_eq!(grown(most - 100, 100), Some(most));
    assert_eq!(grown(most - 100, 101), None);
    assert_eq!(grown(0, usize::MAX), None);
}
