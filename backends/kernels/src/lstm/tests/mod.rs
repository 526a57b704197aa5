mod backward;
mod forward;
mod reference;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{LstmInputs, LstmOutputs, LstmWeights, PackedLstm};
use crate::{InstructionSet, Scratch};

/// A layer and what it runs on, drawn from a seed.
struct Case {
    width: usize,
    hidden: usize,
    steps: usize,
    rows: usize,
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
    x: Vec<f32>,
    valid_steps: Option<Vec<usize>>,
    h0: Option<Vec<f32>>,
    c0: Option<Vec<f32>>,
}

impl Case {
    /// `[width, hidden, steps, rows]`; with states and valid steps unless `plain`.
    fn new([width, hidden, steps, rows]: [usize; 4], plain: bool, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut values = |count: usize, scale: f32| -> Vec<f32> {
            (0..count)
                .map(|_| random.random_range(-scale..scale))
                .collect()
        };
        let w = values(4 * hidden * width, 1.0 / (width as f32).sqrt());
        let r = values(4 * hidden * hidden, 1.0 / (hidden as f32).sqrt());
        let b = values(4 * hidden, 0.5);
        let x = values(steps * rows * width, 2.0);
        let h0 = (!plain).then(|| values(rows * hidden, 1.0));
        let c0 = (!plain).then(|| values(rows * hidden, 1.5));
        let valid_steps =
            (!plain).then(|| (0..rows).map(|_| random.random_range(0..=steps)).collect());
        Self {
            width,
            hidden,
            steps,
            rows,
            w,
            r,
            b,
            x,
            valid_steps,
            h0,
            c0,
        }
    }

    fn weights(&self) -> LstmWeights<'_> {
        LstmWeights {
            width: self.width,
            hidden: self.hidden,
            w: &self.w,
            r: &self.r,
            b: &self.b,
        }
    }

    fn inputs(&self) -> LstmInputs<'_> {
        LstmInputs {
            x: &self.x,
            steps: self.steps,
            rows: self.rows,
            valid_steps: self.valid_steps.as_deref(),
            h0: self.h0.as_deref(),
            c0: self.c0.as_deref(),
        }
    }

    /// One of the rows alone.
    fn row(&self, row: usize) -> Self {
        let state = |values: &Option<Vec<f32>>| {
            values
                .as_ref()
                .map(|values| values[row * self.hidden..][..self.hidden].to_vec())
        };
        Self {
            rows: 1,
            x: (0..self.steps)
                .flat_map(|step| &self.x[(step * self.rows + row) * self.width..][..self.width])
                .copied()
                .collect(),
            valid_steps: self.valid_steps.as_ref().map(|valid| vec![valid[row]]),
            h0: state(&self.h0),
            c0: state(&self.c0),
            w: self.w.clone(),
            r: self.r.clone(),
            b: self.b.clone(),
            ..*self
        }
    }

    fn run(&self, instruction_set: InstructionSet) -> Outputs {
        let lstm = PackedLstm::new(self.weights(), instruction_set).unwrap();
        let mut outputs = Outputs::new(self);
        let mut scratch = Scratch::new();
        lstm.run(&mut scratch, self.inputs(), outputs.targets())
            .unwrap();
        outputs
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Outputs {
    h: Vec<f32>,
    c: Vec<f32>,
    all: Vec<f32>,
}

impl Outputs {
    fn new(case: &Case) -> Self {
        let state = case.rows * case.hidden;
        Self {
            h: vec![f32::NAN; state],
            c: vec![f32::NAN; state],
            all: vec![f32::NAN; case.steps * state],
        }
    }

    fn targets(&mut self) -> LstmOutputs<'_> {
        LstmOutputs {
            h: &mut self.h,
            c: &mut self.c,
            all: Some(&mut self.all),
        }
    }

    /// The outputs of one of the case's rows.
    fn row(&self, case: &Case, row: usize) -> Self {
        let hidden = case.hidden;
        let state = |values: &[f32]| values[row * hidden..][..hidden].to_vec();
        Self {
            h: state(&self.h),
            c: state(&self.c),
            all: (0..case.steps)
                .flat_map(|step| &self.all[(step * case.rows + row) * hidden..][..hidden])
                .copied()
                .collect(),
        }
    }

    fn bits(&self) -> Vec<u32> {
        let all = [&self.h, &self.c, &self.all];
        all.into_iter()
            .flatten()
            .map(|value| value.to_bits())
            .collect()
    }
}

/// Fails where a value is further from its reference than `tolerance`, or NaN.
#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (f64::from(*found) - expected).abs();
        assert!(
            off <= tolerance,
            "{what}[{index}] is {found} where {expected} was expected"
        );
    }
}
