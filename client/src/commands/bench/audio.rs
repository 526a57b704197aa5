//! What the streams say: audio without an end, decoded once and shared.

use std::time::Duration;

use bytes::Bytes;
use ser_client::{
    audio::{Recording, encode, frame_bytes, frames_in},
    proto::{AudioFormat, Encoding},
};

use super::voice::voice;
use crate::{cli::BenchArgs, failure::Failure};

/// Long enough that no two of many streams say the same at once.
const VOICE_SECONDS: u32 = 30;

/// A recording that starts over when it ends. Clones, and the chunks of all streams,
/// share its bytes.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    format: AudioFormat,
    frame_bytes: usize,
    chunk_frames: usize,
    /// Of the recording. The bytes go on, from its beginning, for another chunk.
    frames: usize,
    bytes: Bytes,
}

impl Loop {
    /// `audio`, whole frames in `format`, at least one, in chunks of the length `chunk`.
    fn new(format: AudioFormat, audio: &Bytes, chunk: Duration) -> Self {
        let frame_bytes = frame_bytes(&format);
        let chunk_frames = frames_in(chunk, format.sample_rate);
        let length = audio.len() + chunk_frames * frame_bytes;
        Self {
            format,
            frame_bytes,
            chunk_frames,
            frames: audio.len() / frame_bytes,
            bytes: audio.iter().copied().cycle().take(length).collect(),
        }
    }

    pub(super) fn format(&self) -> AudioFormat {
        self.format
    }

    pub(super) fn chunk_frames(&self) -> usize {
        self.chunk_frames
    }

    /// The chunk that begins `frame` frames after the start of the recording, which
    /// may have ended many times since.
    pub(super) fn chunk(&self, frame: u64) -> Bytes {
        let start = (frame % self.frames as u64) as usize * self.frame_bytes;
        self.bytes
            .slice(start..start + self.chunk_frames * self.frame_bytes)
    }

    /// The place where the `index`-th of many streams begins. Multiples of the golden
    /// ratio lie apart however many there are.
    pub(super) fn place(&self, index: usize) -> u64 {
        const GOLDEN: f64 = 0.618_033_988_749_895;
        ((index as f64 * GOLDEN).fract() * self.frames as f64) as u64
    }
}

/// What is to be sent: the files, or a voice.
pub(super) fn load(args: &BenchArgs) -> Result<Vec<Loop>, Failure> {
    if args.audio.is_empty() {
        let encoding = args.encoding().unwrap_or(Encoding::S16le);
        let format = AudioFormat {
            encoding: encoding.into(),
            sample_rate: args.rate,
            channels: 1,
        };
        let voice = voice(args.rate, VOICE_SECONDS).into_iter();
        let audio = encode(voice, encoding).into();
        return Ok(vec![Loop::new(format, &audio, args.chunk)]);
    }
    let mut loops = Vec::new();
    for path in &args.audio {
        let recording = Recording::open(path)?;
        if recording.audio().is_empty() {
            return Err(Failure::NoSamples { path: path.clone() });
        }
        let mut format = recording.format();
        let mut audio = recording.audio().clone();
        if let Some(encoding) = args.encoding().filter(|e| *e != format.encoding()) {
            audio = encode(recording.samples(), encoding).into();
            format.encoding = encoding.into();
        }
        loops.push(Loop::new(format, &audio, args.chunk));
    }
    Ok(loops)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: AudioFormat = AudioFormat {
        encoding: Encoding::S16le as i32,
        sample_rate: 8_000,
        channels: 2,
    };

    /// `frames` frames that hold their own number.
    fn counted(frames: u32) -> Bytes {
        (0..frames).flat_map(u32::to_le_bytes).collect()
    }

    fn numbers(chunk: &Bytes) -> Vec<u32> {
        let frames = chunk.chunks_exact(4);
        frames
            .map(|f| u32::from_le_bytes(f.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn a_recording_starts_over_within_a_chunk() {
        // 8 frames a chunk.
        let audio = Loop::new(FORMAT, &counted(10), Duration::from_millis(1));
        assert_eq!(numbers(&audio.chunk(0)), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(numbers(&audio.chunk(8)), [8, 9, 0, 1, 2, 3, 4, 5]);
        assert_eq!(numbers(&audio.chunk(1_009)), [9, 0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_recording_shorter_than_a_chunk_is_repeated_in_it() {
        let audio = Loop::new(FORMAT, &counted(3), Duration::from_millis(1));
        assert_eq!(numbers(&audio.chunk(2)), [2, 0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn streams_begin_in_different_places() {
        let audio = Loop::new(FORMAT, &counted(8_000), Duration::from_millis(1));
        let mut places: Vec<_> = (0..1_000).map(|index| audio.place(index)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 1_000);
        assert!(places[999] < 8_000);
    }
}
