//! Raw PCM bytes, cut anywhere, to samples.

use crate::channels::{mix, pick};
use crate::g711::{A_LAW, MU_LAW};
use crate::{ChannelCount, ChannelSelection, FeatureError, SampleRate};

#[cfg(test)]
mod tests;

/// How one sample is written. Multi-byte samples are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Signed 16-bit integer, full scale 32,768.
    S16Le,
    /// IEEE 754 binary32, full scale 1, finite. Magnitudes above 2²⁴ are taken
    /// for 2²⁴, so that no power of a spectrum overflows.
    F32Le,
    /// ITU-T G.711 µ-law.
    MuLaw,
    /// ITU-T G.711 A-law.
    ALaw,
}

impl Encoding {
    /// Bytes of one sample.
    #[must_use]
    pub const fn bytes_per_sample(self) -> usize {
        match self {
            Self::S16Le => 2,
            Self::F32Le => 4,
            Self::MuLaw | Self::ALaw => 1,
        }
    }

    /// Decodes whole samples. Floats come out as they are.
    fn decode(self, bytes: &[u8], samples: &mut [f32]) {
        match self {
            Self::S16Le => {
                let (pairs, _) = bytes.as_chunks();
                for (sample, &pair) in samples.iter_mut().zip(pairs) {
                    *sample = f32::from(i16::from_le_bytes(pair)) / 32_768.0;
                }
            }
            Self::F32Le => {
                let (quads, _) = bytes.as_chunks();
                for (sample, &quad) in samples.iter_mut().zip(quads) {
                    *sample = f32::from_le_bytes(quad);
                }
            }
            Self::MuLaw => expand(&MU_LAW, bytes, samples),
            Self::ALaw => expand(&A_LAW, bytes, samples),
        }
    }
}

fn expand(table: &[f32; 256], octets: &[u8], samples: &mut [f32]) {
    for (sample, &octet) in samples.iter_mut().zip(octets) {
        *sample = table[usize::from(octet)];
    }
}

/// The largest magnitude of a floating-point sample, see [`Encoding::F32Le`].
const LARGEST: f32 = 16_777_216.0;

/// Limits samples to what the front end can square; returns the place and value
/// of the first that isn't finite, up to which all are done.
pub(crate) fn limit(samples: &mut [f32]) -> Option<(usize, f32)> {
    for (place, sample) in samples.iter_mut().enumerate() {
        if !sample.is_finite() {
            return Some((place, *sample));
        }
        *sample = sample.clamp(-LARGEST, LARGEST);
    }
    None
}

/// The layout of raw audio bytes; channels are interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PcmFormat {
    /// How one sample is written.
    pub encoding: Encoding,
    /// Samples a second of each channel.
    pub sample_rate: SampleRate,
    /// Interleaved channels.
    pub channels: ChannelCount,
}

impl PcmFormat {
    /// Bytes of one sample of every channel.
    #[must_use]
    pub const fn frame_bytes(self) -> usize {
        self.encoding.bytes_per_sample() * self.channels.get()
    }
}

/// Frames that are decoded at a time.
const BLOCK: usize = 256;
/// Bytes of the widest frame.
const WIDEST_FRAME: usize = ChannelCount::MAX.get() * Encoding::F32Le.bytes_per_sample();

/// Bytes, cut anywhere, to the samples of each lane. Allocates nothing after
/// [`new`](Self::new).
#[derive(Clone, Debug)]
pub struct PcmReader {
    format: PcmFormat,
    selection: ChannelSelection,
    /// The frame that the last push ended in.
    carry: [u8; WIDEST_FRAME],
    carried: usize,
    /// Frames of the stream before those that haven't been decoded.
    frames: u64,
    interleaved: Box<[f32]>,
    lane: Box<[f32]>,
}

impl PcmReader {
    /// A reader of bytes of this `format` that keeps the selected channels.
    ///
    /// # Errors
    ///
    /// [`FeatureError::PickedChannel`] when `selection` picks a channel that
    /// isn't there.
    pub fn new(format: PcmFormat, selection: ChannelSelection) -> Result<Self, FeatureError> {
        selection.check(format.channels)?;
        let interleaved = vec![0.0; BLOCK * format.channels.get()].into_boxed_slice();
        let lane = vec![0.0; BLOCK].into_boxed_slice();
        let carry = [0; WIDEST_FRAME];
        Ok(Self {
            format,
            selection,
            carry,
            carried: 0,
            frames: 0,
            interleaved,
            lane,
        })
    }

    /// The same within a stream, whose bytes begin with frame `frame`: errors count
    /// from the stream's start.
    #[must_use]
    pub const fn starting_at(mut self, frame: u64) -> Self {
        self.frames = frame;
        self
    }

    /// How many lanes come out.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        self.selection.lanes(self.format.channels)
    }

    /// Decodes `bytes`, which may start and end inside a sample, and calls
    /// `sink(lane, samples)` with what is whole. Samples are finite.
    ///
    /// # Errors
    ///
    /// [`FeatureError::NotFinite`] after the samples before that one have been
    /// delivered. What comes of further pushes is then unspecified.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl FnMut(usize, &[f32]),
    ) -> Result<(), FeatureError> {
        let frame_bytes = self.format.frame_bytes();
        if self.carried > 0 {
            let missing = (frame_bytes - self.carried).min(bytes.len());
            let (head, rest) = bytes.split_at(missing);
            self.carry[self.carried..][..missing].copy_from_slice(head);
            self.carried += missing;
            bytes = rest;
            if self.carried < frame_bytes {
                return Ok(());
            }
            self.carried = 0;
            let frame = self.carry;
            self.whole_frames(&frame[..frame_bytes], sink)?;
        }
        let (whole, part) = bytes.split_at(bytes.len() - bytes.len() % frame_bytes);
        for block in whole.chunks(BLOCK * frame_bytes) {
            self.whole_frames(block, sink)?;
        }
        self.carry[..part.len()].copy_from_slice(part);
        self.carried = part.len();
        Ok(())
    }

    /// Ends the audio.
    ///
    /// # Errors
    ///
    /// [`FeatureError::LeftOver`] when it ended inside a frame.
    pub const fn finish(&self) -> Result<(), FeatureError> {
        match self.carried {
            0 => Ok(()),
            left_over => Err(FeatureError::LeftOver {
                left_over,
                frame_bytes: self.format.frame_bytes(),
            }),
        }
    }

    /// Decodes at most a block of frames, and delivers them.
    fn whole_frames(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(usize, &[f32]),
    ) -> Result<(), FeatureError> {
        let channels = self.format.channels;
        let mut count = bytes.len() / self.format.frame_bytes();
        let interleaved = &mut self.interleaved[..count * channels.get()];
        self.format.encoding.decode(bytes, interleaved);
        let mut error = None;
        if self.format.encoding == Encoding::F32Le
            && let Some((place, value)) = limit(interleaved)
        {
            count = place / channels.get();
            error = Some(FeatureError::NotFinite {
                index: self.frames + count as u64,
                value,
            });
        }
        self.frames += count as u64;
        if count > 0 {
            self.deliver(count, sink);
        }
        error.map_or(Ok(()), Err)
    }

    fn deliver(&mut self, count: usize, sink: &mut impl FnMut(usize, &[f32])) {
        let channels = self.format.channels;
        let interleaved = &self.interleaved[..count * channels.get()];
        let lane = &mut self.lane[..count];
        match self.selection {
            _ if channels == ChannelCount::MONO => sink(0, interleaved),
            ChannelSelection::Mix => {
                mix(interleaved, channels, lane);
                sink(0, lane);
            }
            ChannelSelection::Pick(channel) => {
                pick(interleaved, channels, channel, lane);
                sink(0, lane);
            }
            ChannelSelection::Separate => {
                for channel in 0..channels.get() {
                    pick(interleaved, channels, channel, lane);
                    sink(channel, lane);
                }
            }
        }
    }
}
