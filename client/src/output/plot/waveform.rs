//! The outline of a sound.

use ser_client::{
    audio::Recording,
    proto::{ChannelPolicy, RecognitionOptions},
};

/// Columns of the outline: about one a pixel.
const COLUMNS: usize = 800;

/// The lowest and the highest sample of each of at most 800 equal parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waveform(Vec<(f32, f32)>);

impl Waveform {
    /// Of each channel that `options` have classified.
    pub(crate) fn of(recording: &Recording, options: &RecognitionOptions) -> Vec<Self> {
        let channels = recording.format().channels as usize;
        let samples: Vec<f32> = recording.samples().collect();
        let one = |channel: usize| -> Vec<f32> {
            samples
                .iter()
                .skip(channel)
                .step_by(channels)
                .copied()
                .collect()
        };
        match options.channels() {
            ChannelPolicy::Separate => (0..channels).map(|n| Self::new(&one(n))).collect(),
            ChannelPolicy::Pick => {
                vec![Self::new(
                    &one(options.picked_channel.unwrap_or(0) as usize),
                )]
            }
            ChannelPolicy::Mix | ChannelPolicy::Unspecified => {
                let frames = samples.chunks(channels);
                let mix = frames.map(|frame| frame.iter().sum::<f32>() / channels as f32);
                vec![Self::new(&mix.collect::<Vec<_>>())]
            }
        }
    }

    fn new(samples: &[f32]) -> Self {
        let length = samples.len().div_ceil(COLUMNS).max(1);
        let range = |part: &[f32]| {
            let start = (f32::INFINITY, f32::NEG_INFINITY);
            part.iter()
                .fold(start, |(low, high), &s| (low.min(s), high.max(s)))
        };
        Self(samples.chunks(length).map(range).collect())
    }

    /// The largest distance from 0.
    pub(super) fn peak(&self) -> f32 {
        let extremes = self
            .0
            .iter()
            .flat_map(|&(low, high)| [low.abs(), high.abs()]);
        extremes.fold(0.0, f32::max)
    }

    /// Its corners over `length` seconds: along the top, and back along the bottom.
    pub(super) fn outline(&self, length: f64) -> impl Iterator<Item = (f64, f64)> {
        let step = length / self.0.len().max(1) as f64;
        let middle = move |index: usize| (index as f64 + 0.5) * step;
        let columns = || self.0.iter().enumerate();
        let top = columns().map(move |(i, &(_, high))| (middle(i), f64::from(high)));
        let bottom = columns()
            .rev()
            .map(move |(i, &(low, _))| (middle(i), f64::from(low)));
        top.chain(bottom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_touches_every_extreme() {
        let mut samples = vec![0.0; 8_000];
        (samples[4_000], samples[4_001]) = (0.5, -0.75);
        let waveform = Waveform::new(&samples);
        assert_eq!(waveform.0.len(), COLUMNS);
        assert_eq!(waveform.0[400], (-0.75, 0.5));
        assert_eq!(waveform.peak(), 0.75);
        let corners: Vec<_> = waveform.outline(8.0).collect();
        assert_eq!(corners.len(), 2 * COLUMNS);
        assert_eq!(corners[400], (4.005, 0.5));
        assert_eq!(corners[2 * COLUMNS - 1 - 400], (4.005, -0.75));
    }

    #[test]
    fn silence_and_nothing_have_outlines() {
        assert_eq!(Waveform::new(&[]).outline(1.0).count(), 0);
        assert_eq!(Waveform::new(&[0.0]).peak(), 0.0);
    }
}
