//! The layer written plainly, in double precision, one row after another.

use super::Case;

#[derive(Clone)]
pub(super) struct Layer {
    pub(super) width: usize,
    pub(super) hidden: usize,
    pub(super) steps: usize,
    pub(super) rows: usize,
    pub(super) w: Vec<f64>,
    pub(super) r: Vec<f64>,
    pub(super) b: Vec<f64>,
    pub(super) x: Vec<f64>,
    pub(super) h0: Vec<f64>,
    pub(super) c0: Vec<f64>,
    pub(super) valid_steps: Vec<usize>,
}

pub(super) struct Outputs {
    pub(super) h: Vec<f64>,
    pub(super) c: Vec<f64>,
    pub(super) all: Vec<f64>,
    /// Of each row, its valid steps.
    saved: Vec<Vec<Step>>,
}

/// Gates in order, states before the step, cell state after it.
struct Step {
    gates: Vec<f64>,
    h_before: Vec<f64>,
    c_before: Vec<f64>,
    c: Vec<f64>,
}

#[derive(Default)]
pub(super) struct Gradients {
    pub(super) x: Vec<f64>,
    pub(super) w: Vec<f64>,
    pub(super) r: Vec<f64>,
    pub(super) b: Vec<f64>,
    pub(super) h0: Vec<f64>,
    pub(super) c0: Vec<f64>,
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

impl Layer {
    pub(super) fn new(case: &Case) -> Self {
        let state = |state: &Option<Vec<f32>>| {
            let zeros = || vec![0.0; case.rows * case.hidden];
            state.as_deref().map_or_else(zeros, double)
        };
        Self {
            width: case.width,
            hidden: case.hidden,
            steps: case.steps,
            rows: case.rows,
            w: double(&case.w),
            r: double(&case.r),
            b: double(&case.b),
            x: double(&case.x),
            h0: state(&case.h0),
            c0: state(&case.c0),
            valid_steps: case
                .valid_steps
                .clone()
                .unwrap_or_else(|| vec![case.steps; case.rows]),
        }
    }

    pub(super) fn forward(&self) -> Outputs {
        let n = self.hidden;
        let mut outputs = Outputs {
            h: self.h0.clone(),
            c: self.c0.clone(),
            all: vec![0.0; self.steps * self.rows * n],
            saved: Vec::new(),
        };
        for row in 0..self.rows {
            let h = &mut outputs.h[row * n..][..n];
            let c = &mut outputs.c[row * n..][..n];
            let mut saved = Vec::new();
            for step in 0..self.valid_steps[row] {
                let at = step * self.rows + row;
                let x = &self.x[at * self.width..][..self.width];
                let gates: Vec<f64> = (0..4 * n)
                    .map(|gate| {
                        let sum = self.b[gate]
                            + dot(x, &self.w[gate * self.width..])
                            + dot(h, &self.r[gate * n..]);
                        if gate < 3 * n {
                            1.0 / (1.0 + (-sum).exp())
                        } else {
                            sum.tanh()
                        }
                    })
                    .collect();
                let (h_before, c_before) = (h.to_vec(), c.to_vec());
                for unit in 0..n {
                    c[unit] = gates[2 * n + unit] * c[unit] + gates[unit] * gates[3 * n + unit];
                    h[unit] = gates[n + unit] * c[unit].tanh();
                }
                outputs.all[at * n..][..n].copy_from_slice(h);
                saved.push(Step {
                    gates,
                    h_before,
                    c_before,
                    c: c.to_vec(),
                });
            }
            outputs.saved.push(saved);
        }
        outputs
    }

    /// The gradients of the sum of the outputs, each times its weight.
    pub(super) fn backward(&self, weights: &Weights) -> Gradients {
        let n = self.hidden;
        let outputs = self.forward();
        let mut gradients = Gradients {
            x: vec![0.0; self.x.len()],
            w: vec![0.0; self.w.len()],
            r: vec![0.0; self.r.len()],
            b: vec![0.0; self.b.len()],
            h0: weights.h.clone(),
            c0: weights.c.clone(),
        };
        for (row, saved) in outputs.saved.iter().enumerate() {
            let dh = &mut gradients.h0[row * n..][..n];
            let dc = &mut gradients.c0[row * n..][..n];
            for (step, kept) in saved.iter().enumerate().rev() {
                let at = step * self.rows + row;
                let mut by_gates = vec![0.0; 4 * n];
                for unit in 0..n {
                    let [i, o, f, g] = [0, 1, 2, 3].map(|gate| kept.gates[gate * n + unit]);
                    let squashed = kept.c[unit].tanh();
                    let dh = dh[unit] + weights.all[at * n + unit];
                    let through = dc[unit] + dh * o * (1.0 - squashed * squashed);
                    by_gates[unit] = through * g * i * (1.0 - i);
                    by_gates[n + unit] = dh * squashed * o * (1.0 - o);
                    by_gates[2 * n + unit] = through * kept.c_before[unit] * f * (1.0 - f);
                    by_gates[3 * n + unit] = through * i * (1.0 - g * g);
                    dc[unit] = through * f;
                }
                dh.fill(0.0);
                let x = at * self.width..(at + 1) * self.width;
                for (gate, d) in by_gates.iter().enumerate() {
                    let line = gate * n..(gate + 1) * n;
                    add(dh, *d, &self.r[line.clone()]);
                    add(&mut gradients.r[line], *d, &kept.h_before);
                    let line = gate * self.width..(gate + 1) * self.width;
                    add(&mut gradients.x[x.clone()], *d, &self.w[line.clone()]);
                    add(&mut gradients.w[line], *d, &self.x[x.clone()]);
                    gradients.b[gate] += d;
                }
            }
        }
        gradients
    }

    /// The sum of the outputs, each times its weight.
    pub(super) fn loss(&self, weights: &Weights) -> f64 {
        let outputs = self.forward();
        dot(&outputs.h, &weights.h) + dot(&outputs.c, &weights.c) + dot(&outputs.all, &weights.all)
    }
}

/// What the loss weighs the outputs with.
pub(super) struct Weights {
    pub(super) h: Vec<f64>,
    pub(super) c: Vec<f64>,
    pub(super) all: Vec<f64>,
}

impl Weights {
    pub(super) fn new(h: &[f32], c: &[f32], all: &[f32]) -> Self {
        Self {
            h: double(h),
            c: double(c),
            all: double(all),
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(target: &mut [f64], factor: f64, values: &[f64]) {
    for (target, value) in target.iter_mut().zip(values) {
        *target += factor * value;
    }
}
