//! How loud the audio is that leaves.

use std::collections::VecDeque;

use ser_client::proto::{AudioFormat, ChannelPolicy, Encoding, StreamingConfig};
use ser_features::{
    ChannelCount, ChannelSelection, Encoding as PcmEncoding, PcmFormat, PcmReader, SampleRate,
};

/// Blocks a second in which levels are taken.
const BLOCKS_A_SECOND: u32 = 20;
/// Blocks that the RMS level is taken over: 300 ms, as the eye follows it.
const RMS_BLOCKS: usize = 6;
/// Blocks for which a peak stays: 1.5 s.
const PEAK_BLOCKS: usize = 30;

/// The level of one lane, 1 being full scale.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Level {
    /// Root mean square over the last 300 ms.
    pub(super) rms: f64,
    /// The largest magnitude of the last 1.5 s.
    pub(super) peak: f64,
}

/// An amplitude in dB relative to full scale; minus infinity for silence.
pub(super) fn dbfs(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// Listens to all lanes of the audio that is sent.
#[derive(Debug)]
pub(super) struct Meter {
    reader: PcmReader,
    bytes_a_second: f64,
    block: usize,
    lanes: Vec<Blocks>,
}

/// The last blocks of a lane: sums of squares, and peaks.
#[derive(Debug, Clone, Default)]
struct Blocks {
    done: VecDeque<(f64, f64)>,
    squares: f64,
    peak: f64,
    samples: usize,
}

impl Meter {
    /// For a stream with the settings `effective`; `None` for what no server
    /// accepts.
    pub(super) fn new(effective: &StreamingConfig) -> Option<Self> {
        let options = effective.options.clone().unwrap_or_default();
        let selection = match options.channels() {
            ChannelPolicy::Separate => ChannelSelection::Separate,
            ChannelPolicy::Pick => ChannelSelection::Pick(options.picked_channel? as usize),
            ChannelPolicy::Mix | ChannelPolicy::Unspecified => ChannelSelection::Mix,
        };
        let format = pcm_format(effective.audio?)?;
        let reader = PcmReader::new(format, selection).ok()?;
        Some(Self {
            bytes_a_second: (format.frame_bytes() * format.sample_rate.hz() as usize) as f64,
            block: (format.sample_rate.hz() / BLOCKS_A_SECOND) as usize,
            lanes: vec![Blocks::default(); reader.lanes()],
            reader,
        })
    }

    /// How long `audio` lasts, in seconds.
    pub(super) fn duration(&self, audio: &[u8]) -> f64 {
        audio.len() as f64 / self.bytes_a_second
    }

    /// Listens to audio, cut anywhere.
    pub(super) fn push(&mut self, audio: &[u8]) {
        let (block, lanes) = (self.block, &mut self.lanes);
        // The server says what is wrong with a sample that isn't finite.
        let _ = self.reader.push(audio, &mut |lane, samples| {
            for &sample in samples {
                lanes[lane].push(sample.into(), block);
            }
        });
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn level(&self, lane: usize) -> Level {
        self.lanes
            .get(lane)
            .map(|blocks| blocks.level(self.block))
            .unwrap_or_default()
    }
}

impl Blocks {
    fn push(&mut self, sample: f64, block: usize) {
        self.squares += sample * sample;
        self.peak = self.peak.max(sample.abs());
        self.samples += 1;
        if self.samples == block {
            if self.done.len() == PEAK_BLOCKS {
                self.done.pop_front();
            }
            self.done.push_back((self.squares, self.peak));
            (self.squares, self.peak, self.samples) = (0.0, 0.0, 0);
        }
    }

    fn level(&self, block: usize) -> Level {
        let last = self.done.iter().rev().take(RMS_BLOCKS);
        let (count, squares) = last.fold((0, 0.0), |(count, sum), (squares, _)| {
            (count + 1, sum + squares)
        });
        Level {
            rms: (squares / (count.max(1) * block) as f64).sqrt(),
            peak: self.done.iter().map(|(_, peak)| *peak).fold(0.0, f64::max),
        }
    }
}

fn pcm_format(format: AudioFormat) -> Option<PcmFormat> {
    let encoding = match format.encoding() {
        Encoding::S16le => PcmEncoding::S16Le,
        Encoding::F32le => PcmEncoding::F32Le,
        Encoding::Mulaw => PcmEncoding::MuLaw,
        Encoding::Alaw => PcmEncoding::ALaw,
        Encoding::Unspecified => return None,
    };
    Some(PcmFormat {
        encoding,
        sample_rate: SampleRate::new(format.sample_rate).ok()?,
        channels: ChannelCount::new(format.channels).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{SQRT_2, TAU};

    use ser_client::proto::RecognitionOptions;

    use super::*;

    fn meter(channels: u32, policy: ChannelPolicy) -> Meter {
        let options = RecognitionOptions {
            channels: policy.into(),
            ..RecognitionOptions::default()
        };
        let audio = AudioFormat {
            encoding: Encoding::F32le.into(),
            sample_rate: 8_000,
            channels,
        };
        let effective = StreamingConfig {
            audio: Some(audio),
            options: Some(options),
            pace: 0,
            ..StreamingConfig::default()
        };
        Meter::new(&effective).unwrap()
    }

    #[test]
    fn a_sine_of_half_scale() {
        let mut meter = meter(1, ChannelPolicy::Mix);
        let sine = (0..8_000).map(|i| 0.5 * (TAU * 200.0 * f64::from(i) / 8_000.0).sin());
        let bytes: Vec<u8> = sine
            .flat_map(|sample| (sample as f32).to_le_bytes())
            .collect();
        for piece in bytes.chunks(1_003) {
            meter.push(piece);
        }
        let level = meter.level(0);
        assert!((level.rms - 0.5 / SQRT_2).abs() < 1e-6, "{level:?}");
        assert!((level.peak - 0.5).abs() < 1e-6, "{level:?}");
        assert!((dbfs(level.peak) + 6.02).abs() < 0.01);
        // The level falls with the sound, the peak stays for a while.
        meter.push(&[0; 4 * 4_000]);
        assert_eq!(meter.level(0).rms, 0.0);
        assert!((meter.level(0).peak - 0.5).abs() < 1e-6);
        meter.push(&[0; 4 * 16_000]);
        assert_eq!(meter.level(0), Level::default());
    }

    #[test]
    fn every_lane_has_its_own_level() {
        let mut meter = meter(2, ChannelPolicy::Separate);
        let frame = [0.25_f32.to_le_bytes(), 1.0_f32.to_le_bytes()].concat();
        meter.push(&frame.repeat(8_000));
        assert_eq!(meter.lanes(), 2);
        assert_eq!((meter.level(0).rms, meter.level(0).peak), (0.25, 0.25));
        assert_eq!((meter.level(1).rms, meter.level(1).peak), (1.0, 1.0));
    }
}
