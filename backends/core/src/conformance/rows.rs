//! Rows to feed a model with.

use crate::{GoldenRow, InputSpec, ModelPackage, Row, golden::largest_difference};

/// Inputs of one row.
#[derive(Clone, Debug)]
pub(super) struct OwnedRow {
    pub(super) features: Vec<f32>,
    pub(super) state: Vec<f32>,
    pub(super) valid_steps: usize,
}

impl OwnedRow {
    pub(super) fn row(&self) -> Row<'_> {
        Row {
            features: &self.features,
            state: &self.state,
            valid_steps: self.valid_steps,
        }
    }
}

/// What a model gives for a row.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) posteriors: Vec<f32>,
    pub(super) next_state: Vec<f32>,
}

impl Output {
    fn values(&self) -> impl Iterator<Item = f32> + '_ {
        self.posteriors.iter().chain(&self.next_state).copied()
    }

    /// The largest difference of two values; infinite if one is NaN.
    pub(super) fn distance(&self, other: &Self) -> f32 {
        largest_difference(&self.posteriors, &other.posteriors)
            .max(largest_difference(&self.next_state, &other.next_state))
    }

    pub(super) fn same_bits(&self, other: &Self) -> bool {
        self.values()
            .map(f32::to_bits)
            .eq(other.values().map(f32::to_bits))
    }

    pub(super) fn is_finite(&self) -> bool {
        self.values().all(f32::is_finite)
    }
}

/// Different rows between the golden ones: the same ones on every machine.
pub(super) fn rows(package: &ModelPackage, count: usize) -> Vec<OwnedRow> {
    let golden = &package.golden.rows;
    let recurrent = matches!(package.manifest.input, InputSpec::Recurrent { .. });
    let mut random = Random(1);
    let mut one = |at: usize| {
        let pick = |offset: usize| -> &GoldenRow { &golden[(at + offset) % golden.len()] };
        let (left, right) = (pick(0), pick(1));
        let weight = random.next();
        let mut mix = |left: &[f32], right: &[f32]| -> Vec<f32> {
            let noise = |value: f32, random: f32| value * (1.0 + 0.1 * (random - 0.5));
            let pairs = left.iter().zip(right);
            pairs
                .map(|(l, r)| noise(l + weight * (r - l), random.next()))
                .collect()
        };
        let valid_steps = match recurrent {
            true => 1 + at % package.manifest.row_shape().steps,
            false => left.valid_steps,
        };
        OwnedRow {
            features: mix(&left.features, &right.features),
            state: mix(&left.state, &right.state),
            valid_steps,
        }
    };
    (0..count).map(&mut one).collect()
}

/// A linear congruential generator (the constants of Numerical Recipes).
struct Random(u32);

impl Random {
    /// 0 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1_u32 << 24) as f32
    }
}
