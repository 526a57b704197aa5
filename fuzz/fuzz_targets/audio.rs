//! Files of audio: WAV and FLAC.
//!
//! What can be decoded at all is finite, as long as it says, and within the limit.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ser_features::{AudioFile, FeatureError};
use ser_fuzz::{seeds, sound::babble};

/// Long for the few bytes of an input: FLAC says in four that nothing is heard.
const LIMIT: Duration = Duration::from_secs(10);

/// Bits that a WAV file's format has, of each coding.
const CODINGS: [(u16, u16); 7] = [(1, 8), (1, 16), (1, 24), (3, 32), (3, 64), (6, 8), (7, 8)];

fn wav((coding, bits): (u16, u16), channels: u16, audio: &[u8]) -> Vec<u8> {
    let frame = channels * bits / 8;
    let whole = audio.len() - audio.len() % usize::from(frame);
    let audio = &audio[..whole];
    let length = u32::try_from(whole).expect("a short seed");
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + length).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&coding.to_le_bytes());
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&8_000_u32.to_le_bytes());
    file.extend_from_slice(&(8_000 * u32::from(frame)).to_le_bytes());
    file.extend_from_slice(&frame.to_le_bytes());
    file.extend_from_slice(&bits.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(audio);
    file
}

fn seeds() -> Vec<Vec<u8>> {
    let audio = babble(200, 0.3, 1);
    let wavs = CODINGS
        .into_iter()
        .flat_map(|coding| [1, 2].map(|channels| wav(coding, channels, &audio)));
    // The blocks of a FLAC file at the start of this one.
    let flac = include_bytes!("../../samples/call-44100-stereo.flac");
    let mut seeds: Vec<_> = wavs.collect();
    seeds.push(flac[..4_096].to_vec());
    // A file as a program writes it that can't go back to its header.
    let mut open_ended = wav((1, 16), 1, &audio);
    open_ended[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    open_ended[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    seeds.push(open_ended);
    seeds
}

fn decode(bytes: &[u8]) -> Result<(), FeatureError> {
    let mut file = AudioFile::open(bytes.to_vec(), Some(LIMIT))?;
    let channels = file.channels().get();
    let longest = LIMIT.as_secs() as usize * file.sample_rate().hz() as usize;
    let mut samples = Vec::new();
    let mut frames = 0;
    while file.read(&mut samples)? {
        assert!(samples.iter().all(|sample| sample.is_finite()));
        assert!(samples.len().is_multiple_of(channels));
        frames += samples.len() / channels;
        assert!(frames <= longest, "{frames} frames of at most {longest}");
    }
    Ok(())
}

fuzz_target!(
    init: {
        // What a decoder's panic costs is the file: it is caught where it comes from. One
        // that gets through ends the target all the same.
        std::panic::set_hook(Box::new(|_| {}));
        seeds::write(seeds());
    },
    |data: &[u8]| {
        // Each says what it was: the text is no trap either.
        if let Err(error) = decode(data) {
            assert!(!error.to_string().is_empty());
        }
    }
);
