//! From log-mel rows to features: clipping, mean, DCT.

use std::f64::consts::PI;

use pulp::Arch;

use crate::{FeatureKind, FrontEndParams, Reduction};

/// What becomes of log-mel rows.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    bands: usize,
    width: usize,
    top_db: Option<f32>,
    reduce: Reduction,
    dct: Option<Dct>,
    /// The instruction set in use.
    arch: Arch,
}

impl Features {
    pub(crate) fn new(params: &FrontEndParams) -> Self {
        let width = params.width();
        let dct = match params.features {
            FeatureKind::Mfcc => Some(Dct::new(params.n_mels, width)),
            FeatureKind::LogMel => None,
        };
        Self {
            bands: params.n_mels,
            width,
            top_db: params.top_db,
            reduce: params.reduce,
            dct,
            arch: Arch::new(),
        }
    }

    /// Bands of a log-mel row.
    pub(crate) fn bands(&self) -> usize {
        self.bands
    }

    /// Values of a step.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Steps of a window of `frames` frames.
    pub(crate) fn steps(&self, frames: usize) -> usize {
        match self.reduce {
            Reduction::Mean => 1,
            Reduction::None => frames,
        }
    }

    /// The features of one frame, `[width]`.
    #[inline(always)]
    pub(crate) fn frame(&self, levels: &[f32], features: &mut [f32]) {
        match &self.dct {
            Some(dct) => dct.apply(levels, features),
            None => features.copy_from_slice(levels),
        }
    }

    /// The features of the window whose frames' levels are `rows`, `[steps,
    /// width]`, with the help of `levels`, `[bands]`.
    pub(crate) fn window<'a>(
        &self,
        rows: impl ExactSizeIterator<Item = &'a [f32]> + Clone,
        levels: &mut [f32],
        features: &mut [f32],
    ) {
        self.arch.dispatch(
            #[inline(always)]
            || self.vectorised(rows, levels, features),
        );
    }

    #[inline(always)]
    fn vectorised<'a>(
        &self,
        rows: impl ExactSizeIterator<Item = &'a [f32]> + Clone,
        levels: &mut [f32],
        features: &mut [f32],
    ) {
        let mut floor = f32::NEG_INFINITY;
        if let Some(top_db) = self.top_db {
            for row in rows.clone() {
                floor = floor.max(loudest(row));
            }
            floor -= top_db;
        }
        match self.reduce {
            // The DCT is linear: that of the mean is the mean of the DCTs.
            Reduction::Mean => {
                let frames = rows.len() as f32;
                levels.fill(0.0);
                for row in rows {
                    add_clipped(levels, row, floor);
                }
                levels.iter_mut().for_each(|sum| *sum /= frames);
                self.frame(levels, features);
            }
            Reduction::None => {
                for (row, features) in rows.zip(features.chunks_exact_mut(self.width)) {
                    levels.fill(0.0);
                    add_clipped(levels, row, floor);
                    self.frame(levels, features);
                }
            }
        }
    }
}

#[inline(always)]
fn add_clipped(sums: &mut [f32], levels: &[f32], floor: f32) {
    for (sum, &level) in sums.iter_mut().zip(levels) {
        *sum += if level > floor { level } else { floor };
    }
}

/// The highest level, found in lanes that compilers turn into vectors.
#[inline(always)]
fn loudest(levels: &[f32]) -> f32 {
    let higher = |a: f32, b: f32| if a > b { a } else { b };
    let (groups, rest) = levels.as_chunks::<16>();
    let mut lanes = [f32::NEG_INFINITY; 16];
    for group in groups {
        for (lane, &level) in lanes.iter_mut().zip(group) {
            *lane = higher(*lane, level);
        }
    }
    rest.iter()
        .chain(&lanes)
        .copied()
        .fold(f32::NEG_INFINITY, higher)
}

/// The first coefficients of the orthonormal DCT-II.
#[derive(Clone, Debug)]
struct Dct {
    /// `[bands, coefficients]`.
    basis: Box<[f32]>,
    coefficients: usize,
}

impl Dct {
    fn new(bands: usize, coefficients: usize) -> Self {
        let basis = (0..bands)
            .flat_map(|band| {
                (0..coefficients).map(move |k| {
                    let gain = if k == 0 { 1.0 } else { 2.0 };
                    let angle = PI * (band as f64 + 0.5) * k as f64 / bands as f64;
                    ((gain / bands as f64).sqrt() * angle.cos()) as f32
                })
            })
            .collect();
        Self {
            basis,
            coefficients,
        }
    }

    #[inline(always)]
    fn apply(&self, levels: &[f32], cepstrum: &mut [f32]) {
        cepstrum.fill(0.0);
        for (level, basis) in levels
            .iter()
            .zip(self.basis.chunks_exact(self.coefficients))
        {
            for (coefficient, basis) in cepstrum.iter_mut().zip(basis) {
                *coefficient += level * basis;
            }
        }
    }
}
