//! Rows of features on their way through a model.

use crate::BackendError;

/// The numbers of rows that a model is called with. Fixed, so that backends can
/// prepare for each of them.
pub const BUCKETS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The largest bucket.
pub const MAX_ROWS: usize = BUCKETS[BUCKETS.len() - 1];

/// The smallest bucket with room for `rows` rows, or `None` above
/// [`MAX_ROWS`].
#[must_use]
pub fn bucket_for(rows: usize) -> Option<usize> {
    BUCKETS.into_iter().find(|&bucket| bucket >= rows)
}

/// The shape of one row of a model's inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowShape {
    /// Time steps of a row.
    pub steps: usize,
    /// Values a step.
    pub width: usize,
    /// Values of recurrent state that travel with a row; 0 for a windowed model.
    pub state: usize,
    /// Posteriors.
    pub classes: usize,
}

impl RowShape {
    /// Feature values of a row: `steps · width`.
    #[must_use]
    pub fn features(&self) -> usize {
        self.steps * self.width
    }
}

/// One row to be computed.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// `[steps, width]`, row-major.
    pub features: &'a [f32],
    /// `[state]`; empty for a windowed model.
    pub state: &'a [f32],
    /// How many of the steps hold audio, at least 1: fewer than all only in the
    /// last row of a recurrent stream. The rest are padding that must change nothing.
    pub valid_steps: usize,
}

/// Up to [`MAX_ROWS`] rows with room for their outputs, contiguous and reused
/// from call to call.
#[derive(Clone, Debug)]
pub struct Batch {
    shape: RowShape,
    rows: usize,
    features: Vec<f32>,
    state: Vec<f32>,
    valid_steps: Vec<usize>,
    outputs: Vec<f32>,
    next_state: Vec<f32>,
}

/// What a model reads of a [`Batch`]: the rows, then rows of zeros up to the
/// bucket.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The number of rows to compute, padding included: one of [`BUCKETS`].
    pub bucket: usize,
    /// `[bucket, steps, width]`.
    pub features: &'a [f32],
    /// `[bucket, state]`.
    pub state: &'a [f32],
    /// `[bucket]`.
    pub valid_steps: &'a [usize],
}

/// What a model writes of a [`Batch`].
#[derive(Debug)]
pub struct Outputs<'a> {
    /// `[bucket, classes]`.
    pub posteriors: &'a mut [f32],
    /// `[bucket, state]`.
    pub next_state: &'a mut [f32],
}

impl Batch {
    /// An empty batch for rows of this shape.
    #[must_use]
    pub fn new(shape: RowShape) -> Self {
        Self {
            shape,
            rows: 0,
            features: vec![0.0; MAX_ROWS * shape.features()],
            state: vec![0.0; MAX_ROWS * shape.state],
            valid_steps: vec![0; MAX_ROWS],
            outputs: vec![0.0; MAX_ROWS * shape.classes],
            next_state: vec![0.0; MAX_ROWS * shape.state],
        }
    }

    /// The shape of each row.
    #[must_use]
    pub fn shape(&self) -> RowShape {
        self.shape
    }

    /// Rows pushed since the last [`clear`](Self::clear).
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        let shape = self.shape;
        self.features[..self.rows * shape.features()].fill(0.0);
        self.state[..self.rows * shape.state].fill(0.0);
        self.valid_steps[..self.rows].fill(0);
        self.rows = 0;
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// When the batch is full or the row isn't of the batch's shape: callers
    /// check both at their own border.
    pub fn push(&mut self, row: Row<'_>) {
        let shape = self.shape;
        assert!(self.rows < MAX_ROWS, "a batch holds {MAX_ROWS} rows");
        assert_eq!(row.features.len(), shape.features(), "features of a row");
        assert_eq!(row.state.len(), shape.state, "state of a row");
        let valid = 1..=shape.steps;
        assert!(valid.contains(&row.valid_steps), "valid steps of a row");
        let at = self.rows;
        self.features[at * shape.features()..][..shape.features()].copy_from_slice(row.features);
        self.state[at * shape.state..][..shape.state].copy_from_slice(row.state);
        self.valid_steps[at] = row.valid_steps;
        self.rows += 1;
    }

    /// Compares the rows with those that a model takes.
    ///
    /// # Errors
    ///
    /// [`BackendError::Inference`] when they are of another shape.
    pub fn expect_shape(&self, expected: RowShape) -> Result<(), BackendError> {
        if self.shape == expected {
            return Ok(());
        }
        let found = self.shape;
        Err(BackendError::Inference(format!(
            "the batch holds {found:?}; expected {expected:?}"
        )))
    }

    /// The inputs and outputs of the bucket in use, or `None` for an empty
    /// batch.
    pub fn split(&mut self) -> Option<(Inputs<'_>, Outputs<'_>)> {
        let bucket = bucket_for(self.rows).filter(|_| self.rows > 0)?;
        let shape = self.shape;
        let inputs = Inputs {
            bucket,
            features: &self.features[..bucket * shape.features()],
            state: &self.state[..bucket * shape.state],
            valid_steps: &self.valid_steps[..bucket],
        };
        let outputs = Outputs {
            posteriors: &mut self.outputs[..bucket * shape.classes],
            next_state: &mut self.next_state[..bucket * shape.state],
        };
        Some((inputs, outputs))
    }

    /// The posteriors of a row, `[classes]`, after a successful inference.
    #[must_use]
    pub fn posteriors(&self, row: usize) -> &[f32] {
        &self.outputs[..self.rows * self.shape.classes][row * self.shape.classes..]
            [..self.shape.classes]
    }

    /// The next state of a row, `[state]`, after a successful inference.
    #[must_use]
    pub fn next_state(&self, row: usize) -> &[f32] {
        &self.next_state[..self.rows * self.shape.state][row * self.shape.state..]
            [..self.shape.state]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "valid steps of a row")]
    fn a_row_has_a_valid_step() {
        let shape = RowShape {
            steps: 1,
            width: 1,
            state: 0,
            classes: 1,
        };
        let row = Row {
            features: &[0.0],
            state: &[],
            valid_steps: 0,
        };
        Batch::new(shape).push(row);
    }
}
