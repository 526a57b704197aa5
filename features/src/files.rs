//! WAV and FLAC files.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_MULAW,
};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions, FinalizeResult};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{
    MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource,
};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::{get_codecs, get_probe};

use crate::channels::mix;
use crate::pcm::limit as limit_samples;
use crate::{ChannelCount, FeatureError, SampleRate};

mod streamed;
#[cfg(test)]
mod tests;

/// The audio of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioClip {
    /// The file's own rate.
    pub sample_rate: SampleRate,
    /// Channels of the file.
    pub channels: ChannelCount,
    /// Interleaved samples, full scale 1: integers of n bits are divided by
    /// 2ⁿ⁻¹. Finite.
    pub samples: Vec<f32>,
    /// Bits of one sample in the file.
    pub bits_per_sample: u32,
    /// Whether samples are floating-point numbers in the file.
    pub float: bool,
}

impl AudioClip {
    /// Reads a WAV or FLAC file.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Unreadable`], and those of [`decode`](Self::decode).
    pub fn read(path: &Path) -> Result<Self, FeatureError> {
        let bytes = std::fs::read(path).map_err(|error| FeatureError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::decode(bytes)
    }

    /// Decodes the bytes of a WAV or FLAC file.
    ///
    /// # Errors
    ///
    /// Those of [`AudioFile::open`] and [`AudioFile::read`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, FeatureError> {
        let mut file = AudioFile::open(bytes, None)?;
        let mut samples = Vec::new();
        let mut piece = Vec::new();
        while file.read(&mut piece)? {
            samples.extend_from_slice(&piece);
        }
        Ok(Self {
            sample_rate: file.sample_rate,
            channels: file.channels,
            samples,
            bits_per_sample: file.bits_per_sample,
            float: file.float,
        })
    }

    /// The mean of all channels, as [`ChannelSelection::Mix`] makes it.
    ///
    /// [`ChannelSelection::Mix`]: crate::ChannelSelection::Mix
    #[must_use]
    pub fn mono(&self) -> Vec<f32> {
        let mut mono = vec![0.0; self.samples.len() / self.channels.get()];
        mix(&self.samples, self.channels, &mut mono);
        mono
    }

    /// How long it lasts, rounded down to whole nanoseconds.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let frames = (self.samples.len() / self.channels.get()) as u128;
        let nanoseconds = frames * 1_000_000_000 / u128::from(self.sample_rate.hz());
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

fn frames_in(duration: Duration, rate: SampleRate) -> u64 {
    let frames = duration.as_nanos() * u128::from(rate.hz()) / 1_000_000_000;
    u64::try_from(frames).unwrap_or(u64::MAX)
}

/// A WAV or FLAC file that is decoded piece by piece: a small FLAC file can hold
/// hours of audio, which need never be in memory at once.
pub struct AudioFile {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    sample_rate: SampleRate,
    channels: ChannelCount,
    bits_per_sample: u32,
    float: bool,
    /// What the header says; absent where it was written before the audio.
    promised_frames: Option<u64>,
    /// Decoded so far.
    frames: u64,
    limit: Option<Duration>,
}

impl AudioFile {
    /// Opens the bytes of a file that may last `limit`. A WAV file whose header
    /// leaves its length open lasts to the end of the bytes.
    ///
    /// # Errors
    ///
    /// [`FeatureError::NotAudio`] for other bytes, [`FeatureError::SampleRate`],
    /// [`FeatureError::Channels`], and [`FeatureError::TooLong`] if its header
    /// says so.
    pub fn open(
        bytes: impl AsRef<[u8]> + Send + Sync + 'static,
        limit: Option<Duration>,
    ) -> Result<Self, FeatureError> {
        let stranger = stranger(bytes.as_ref());
        let not_audio = |error: Error| FeatureError::NotAudio {
            reason: match (stranger, error) {
                (Some(why), _) => why.to_owned(),
                (None, Error::Unsupported(why) | Error::DecodeError(why)) => why.to_owned(),
                (None, error) => error.to_string(),
            },
        };
        let missing = |what: &str| FeatureError::NotAudio {
            reason: format!("{what} missing"),
        };

        let options = MediaSourceStreamOptions::default();
        let source = MediaSourceStream::new(media_source(bytes), options);
        let (hint, format, metadata) = (
            Hint::new(),
            FormatOptions::default(),
            MetadataOptions::default(),
        );
        let reader =
            contained(|| get_probe().probe(&hint, source, format, metadata)).map_err(not_audio)?;

        let track = reader
            .default_track(TrackType::Audio)
            .ok_or_else(|| missing("audio"))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or_else(|| missing("codec"))?;
        let rate = parameters
            .sample_rate
            .ok_or_else(|| missing("sample rate"))?;
        let channels = parameters
            .channels
            .as_ref()
            .ok_or_else(|| missing("channels"))?
            .count();
        let (bits, float) = match parameters.codec {
            CODEC_ID_PCM_F32LE => (Some(32), true),
            CODEC_ID_PCM_F64LE => (Some(64), true),
            CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW => (Some(8), false),
            _ => (parameters.bits_per_sample, false),
        };
        let options = AudioDecoderOptions::default().verify(true);
        let decoder = contained(|| get_codecs().make_audio_decoder(parameters, &options))
            .map_err(not_audio)?;
        let file = Self {
            sample_rate: SampleRate::new(rate)?,
            channels: ChannelCount::new(u32::try_from(channels).unwrap_or(u32::MAX))?,
            bits_per_sample: bits.ok_or_else(|| missing("bits per sample"))?,
            float,
            promised_frames: track.num_frames,
            frames: 0,
            limit,
            track: track.id,
            decoder,
            reader,
        };
        file.check_limit(file.promised_frames.unwrap_or(0))?;
        Ok(file)
    }

    /// The file's own rate.
    #[must_use]
    pub const fn sample_rate(&self) -> SampleRate {
        self.sample_rate
    }

    /// Channels of the file.
    #[must_use]
    pub const fn channels(&self) -> ChannelCount {
        self.channels
    }

    /// Replaces `samples` with the next ones, interleaved, as those of
    /// [`AudioClip::samples`]; at most a block of the file, which FLAC limits to
    /// 65,535 of each channel. False at the end.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Damaged`] for a file with a part missing,
    /// [`FeatureError::TooLong`] and [`FeatureError::NotFinite`].
    pub fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, FeatureError> {
        let before = self.frames;
        if !self.next_packet(samples)? {
            self.check_whole()?;
            return Ok(false);
        }
        self.check_limit(self.frames)?;
        if let Some((place, value)) = limit_samples(samples) {
            let index = before + (place / self.channels.get()) as u64;
            return Err(FeatureError::NotFinite { index, value });
        }
        Ok(true)
    }

    fn check_limit(&self, frames: u64) -> Result<(), FeatureError> {
        match self.limit {
            Some(limit) if frames > frames_in(limit, self.sample_rate) => {
                Err(FeatureError::TooLong { limit })
            }
            _ => Ok(()),
        }
    }

    /// Decodes the next packet into `samples`; false at the end.
    fn next_packet(&mut self, samples: &mut Vec<f32>) -> Result<bool, FeatureError> {
        samples.clear();
        let frames = self.frames;
        let damaged = |error: Error| FeatureError::Damaged {
            frames,
            reason: error.to_string(),
        };
        let Some(packet) = contained(|| self.reader.next_packet()).map_err(damaged)? else {
            return Ok(false);
        };
        if packet.track_id == self.track {
            let audio = contained(|| self.decoder.decode(&packet)).map_err(damaged)?;
            audio.copy_to_vec_interleaved(samples);
            self.frames += audio.frames() as u64;
        }
        Ok(true)
    }

    fn check_whole(&mut self) -> Result<(), FeatureError> {
        let reason = match (self.promised_frames, self.decoder.finalize()) {
            (Some(promised), _) if promised > self.frames => {
                format!("its header says {promised}")
            }
            (
                _,
                FinalizeResult {
                    verify_ok: Some(false),
                    ..
                },
            ) => "wrong checksum".to_owned(),
            _ => return Ok(()),
        };
        Err(FeatureError::Damaged {
            frames: self.frames,
            reason,
        })
    }
}

/// Why `file` is of another kind, unless it begins like a WAV or FLAC file.
fn stranger(file: &[u8]) -> Option<&'static str> {
    if file.is_empty() {
        Some("it is empty")
    } else if file.starts_with(b"RIFF") || file.starts_with(b"fLaC") {
        None
    } else {
        Some("it starts with neither RIFF nor fLaC")
    }
}

/// The bytes with a header that says how long they are.
fn media_source(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Box<dyn MediaSource> {
    let header = streamed::completed_header(bytes.as_ref());
    let mut bytes = Cursor::new(bytes);
    let Some(header) = header else {
        return Box::new(bytes);
    };
    bytes.set_position(header.len() as u64);
    Box::new(ReadOnlySource::new(Cursor::new(header).chain(bytes)))
}

/// Symphonia's arithmetic on a header isn't checked everywhere (40,000 channels of
/// 16 bits overflow it). Where overflow panics, that is to be an error like any
/// other damage.
fn contained<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::DecodeError("impossible numbers")))
}
