//! Fresh weights, by the distributions that Keras draws them from.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::random::normal;

/// `[inputs, units]`, uniform in `±√(6 / (inputs + units))` (Glorot and Bengio,
/// 2010).
pub(super) fn glorot_uniform(inputs: usize, units: usize, generator: &mut ChaCha8Rng) -> Vec<f32> {
    let limit = (6.0 / (inputs + units) as f64).sqrt();
    let draw = || (limit * (2.0 * generator.random::<f64>() - 1.0)) as f32;
    std::iter::repeat_with(draw).take(inputs * units).collect()
}

/// `[rows, columns]` with orthonormal rows (Saxe et al., 2014), at most as many
/// rows as columns: normal vectors, made orthogonal by Gram and Schmidt.
pub(super) fn orthogonal(rows: usize, columns: usize, generator: &mut ChaCha8Rng) -> Vec<f32> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(rows);
    while basis.len() < rows {
        let mut row: Vec<f64> = (0..columns).map(|_| f64::from(normal(generator))).collect();
        // Twice: the first pass leaves rounding errors of the size of what it
        // removed.
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = row.iter().map(|a| a * a).sum::<f64>().sqrt();
        row.iter_mut().for_each(|a| *a /= norm);
        basis.push(row);
    }
    basis
        .into_iter()
        .flatten()
        .map(|value| value as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    #[test]
    fn orthogonal_rows_are_orthonormal() {
        let (rows, columns) = (12, 48);
        let matrix = orthogonal(rows, columns, &mut generator(1, Purpose::Weights, 0));
        let row = |index: usize| &matrix[index * columns..][..columns];
        for a in 0..rows {
            for b in 0..rows {
                let product: f32 = row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum();
                let expected = if a == b { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-5, "{a}·{b} = {product}");
            }
        }
    }

    #[test]
    fn glorot_fills_its_interval_evenly() {
        let limit = (6.0_f32 / 150.0).sqrt();
        let kernel = glorot_uniform(100, 50, &mut generator(1, Purpose::Weights, 0));
        assert!(kernel.iter().all(|value| value.abs() <= limit));
        let variance = kernel.iter().map(|value| value * value).sum::<f32>() / 5_000.0;
        // A uniform distribution's variance is limit² / 3; 5,000 draws are within 5 %.
        assert!((variance / (limit * limit / 3.0) - 1.0).abs() < 0.05);
    }
}
