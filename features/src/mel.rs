//! The mel filter bank of `librosa.filters.mel`.

use crate::stft::PowerSpectrum;
use crate::{FrontEndParams, MelNorm, MelScale};

/// Filters are padded to whole vectors of this many weights.
const LANES: usize = PowerSpectrum::PADDING;

/// Triangular filters, of which only the weights that aren't 0 are kept.
#[derive(Clone, Debug)]
pub(crate) struct MelBank {
    bands: Box<[Band]>,
    /// Those of all bands, one after the other.
    weights: Box<[[f32; LANES]]>,
    centres: Box<[f32]>,
}

#[derive(Clone, Copy, Debug)]
struct Band {
    /// The bin of the first weight.
    first_bin: usize,
    /// Groups of [`LANES`] weights.
    groups: usize,
}

impl MelBank {
    pub(crate) fn new(params: &FrontEndParams) -> Self {
        let scale = params.mel_scale;
        let (lowest, highest) = (scale.to_mel(params.f_min), scale.to_mel(params.f_max));
        let edges: Vec<f64> = (0..params.n_mels + 2)
            .map(|i| {
                let part = i as f64 / (params.n_mels + 1) as f64;
                scale.to_hz(lowest + (highest - lowest) * part)
            })
            .collect();
        let bin_width = f64::from(params.sample_rate) / params.n_fft as f64;
        let mut bands = Vec::with_capacity(params.n_mels);
        let mut weights = Vec::new();
        for edge in edges.windows(3) {
            let first_bin = (edge[0] / bin_width).ceil() as usize;
            let end_bin = ((edge[2] / bin_width).ceil() as usize).min(params.n_fft / 2 + 1);
            let gain = match params.mel_norm {
                MelNorm::Slaney => 2.0 / (edge[2] - edge[0]),
                MelNorm::None => 1.0,
            };
            let triangle: Vec<f32> = (first_bin..end_bin)
                .map(|bin| {
                    let hz = bin as f64 * bin_width;
                    let rising = (hz - edge[0]) / (edge[1] - edge[0]);
                    let falling = (edge[2] - hz) / (edge[2] - edge[1]);
                    (gain * rising.min(falling).max(0.0)) as f32
                })
                .collect();
            let groups = triangle.chunks(LANES).map(|chunk| {
                let mut group = [0.0; LANES];
                group[..chunk.len()].copy_from_slice(chunk);
                group
            });
            bands.push(Band {
                first_bin,
                groups: groups.len(),
            });
            weights.extend(groups);
        }
        Self {
            bands: bands.into(),
            weights: weights.into(),
            centres: edges[1..=params.n_mels]
                .iter()
                .map(|&hz| hz as f32)
                .collect(),
        }
    }

    /// Where each band peaks, in Hz.
    pub(crate) fn centres(&self) -> &[f32] {
        &self.centres
    }

    /// The power of each band, from that of each bin and of
    /// [`PowerSpectrum::PADDING`] more.
    #[inline(always)]
    pub(crate) fn apply(&self, bins: &[f32], powers: &mut [f32]) {
        let mut weights = &*self.weights;
        let groups = powers.chunks_mut(LANES).zip(self.bands.chunks(LANES));
        for (powers, bands) in groups {
            // Added up later, so that compilers keep the lanes of a sum together.
            let mut sums = [[0.0_f32; LANES]; LANES];
            for (sums, band) in sums.iter_mut().zip(bands) {
                let (band_weights, rest) = weights.split_at(band.groups);
                weights = rest;
                let (bins, _) = bins[band.first_bin..].as_chunks::<LANES>();
                let mut sum = [0.0_f32; LANES];
                for (bins, weights) in bins.iter().zip(band_weights) {
                    for lane in 0..LANES {
                        sum[lane] += bins[lane] * weights[lane];
                    }
                }
                *sums = sum;
            }
            for (power, [a, b, c, d, e, f, g, h]) in powers.iter_mut().zip(sums) {
                *power = ((a + e) + (c + g)) + ((b + f) + (d + h));
            }
        }
    }
}

impl MelScale {
    /// Slaney's scale is linear to 1 kHz, and a factor of 6.4 there is 27 steps
    /// (Slaney 1998, Auditory Toolbox, `mfcc.m`).
    const SLANEY_HZ_PER_MEL: f64 = 200.0 / 3.0;
    const SLANEY_BREAK_HZ: f64 = 1000.0;
    const SLANEY_BREAK_MEL: f64 = Self::SLANEY_BREAK_HZ / Self::SLANEY_HZ_PER_MEL;

    fn slaney_log_step() -> f64 {
        6.4_f64.ln() / 27.0
    }

    fn to_mel(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz < Self::SLANEY_BREAK_HZ => hz / Self::SLANEY_HZ_PER_MEL,
            Self::Slaney => {
                Self::SLANEY_BREAK_MEL + (hz / Self::SLANEY_BREAK_HZ).ln() / Self::slaney_log_step()
            }
            Self::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
        }
    }

    fn to_hz(self, mel: f64) -> f64 {
        match self {
            Self::Slaney if mel < Self::SLANEY_BREAK_MEL => mel * Self::SLANEY_HZ_PER_MEL,
            Self::Slaney => {
                let steps = mel - Self::SLANEY_BREAK_MEL;
                Self::SLANEY_BREAK_HZ * (steps * Self::slaney_log_step()).exp()
            }
            Self::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
        }
    }
}

#[cfg(test)]
mod tests;
