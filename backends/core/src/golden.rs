//! Replays golden rows: a wrong execution provider, a bad cast or a mixed-up
//! gate order never reaches a user.

use crate::{BackendError, Batch, GoldenRow, Model, ModelPackage, Row};

/// Runs the package's golden rows, each on its own.
///
/// # Errors
///
/// [`BackendError::Golden`] names the first value that is further off than the
/// package's tolerance, or the first row with another top label.
pub fn replay(model: &mut dyn Model, package: &ModelPackage) -> Result<(), BackendError> {
    let mut batch = Batch::new(package.manifest.row_shape());
    for (at, golden) in package.golden.rows.iter().enumerate() {
        batch.clear();
        batch.push(golden.row());
        model.infer(&mut batch)?;
        compare(package, &format!("golden row {at}"), golden, &batch)?;
    }
    Ok(())
}

/// The largest difference of two values at the same place. Infinite if one is NaN, or
/// if one side has more values.
#[must_use]
pub fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
    if left.len() != right.len() {
        return f32::INFINITY;
    }
    let differences = left.iter().zip(right).map(|(left, right)| left - right);
    differences.fold(0.0, |largest, difference| match difference.is_nan() {
        true => f32::INFINITY,
        false => largest.max(difference.abs()),
    })
}

impl GoldenRow {
    /// The row's inputs.
    #[must_use]
    pub fn row(&self) -> Row<'_> {
        Row {
            features: &self.features,
            state: &self.state,
            valid_steps: self.valid_steps,
        }
    }
}

/// Compares the outputs of a batch's first row with those of `golden`, which
/// `name` names in errors.
///
/// # Errors
///
/// Those of [`replay`].
pub fn compare(
    package: &ModelPackage,
    name: &str,
    golden: &GoldenRow,
    batch: &Batch,
) -> Result<(), BackendError> {
    let tolerance = package.manifest.precision.tolerance();
    let differs = |what: String, got, expected, tolerance| BackendError::Golden {
        package: package.manifest.id(),
        what,
        got,
        expected,
        tolerance,
    };
    let outputs = [
        ("posterior", batch.posteriors(0), &golden.posteriors),
        ("state", batch.next_state(0), &golden.next_state),
    ];
    for (output, got, expected) in outputs {
        for (index, (&got, &expected)) in got.iter().zip(expected).enumerate() {
            let distance = (got - expected).abs();
            if distance.is_nan() || distance > tolerance {
                let what = format!("{output} {index} of {name}");
                return Err(differs(what, got, expected, tolerance));
            }
        }
    }
    let (got, expected) = (top(batch.posteriors(0)), top(&golden.posteriors));
    if got != expected {
        let what = format!("index of the top label of {name}");
        return Err(differs(what, got as f32, expected as f32, 0.0));
    }
    Ok(())
}

/// The index of the first of the largest values.
fn top(values: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_is_no_number_is_the_largest() {
        assert_eq!(largest_difference(&[], &[]), 0.0);
        assert_eq!(largest_difference(&[1.0, -0.5], &[0.75, 0.0]), 0.5);
        for (left, right) in [
            (&[f32::NAN, 0.5][..], &[0.5, 0.5][..]),
            (&[0.5, 0.5], &[0.5, f32::NAN]),
            (&[0.5], &[0.5, 0.5]),
            (&[f32::INFINITY], &[f32::INFINITY]),
        ] {
            let largest = largest_difference(left, right);
            assert_eq!(largest, f32::INFINITY, "{left:?} {right:?}");
        }
    }
}
