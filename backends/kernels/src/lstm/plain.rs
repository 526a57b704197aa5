//! The layer in plain loops, one row after another.

use super::{LstmGradients, LstmInputs, LstmOutputs, LstmUpstream, LstmWeights};

#[derive(Debug, Clone)]
pub(super) struct Plain {
    pub(super) width: usize,
    pub(super) hidden: usize,
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
}

/// A step of a row: gates in order, the states before it and after it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    gates: Vec<f32>,
    h_before: Vec<f32>,
    c_before: Vec<f32>,
    c: Vec<f32>,
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Plain {
    pub(super) fn new(weights: LstmWeights<'_>) -> Self {
        Self {
            width: weights.width,
            hidden: weights.hidden,
            w: weights.w.to_vec(),
            r: weights.r.to_vec(),
            b: weights.b.to_vec(),
        }
    }

    /// Steps by row, then step; only valid ones.
    pub(super) fn forward(
        &self,
        inputs: LstmInputs<'_>,
        mut outputs: LstmOutputs<'_>,
    ) -> Vec<Step> {
        let (n, width) = (self.hidden, self.width);
        let mut saved = Vec::new();
        if let Some(all) = outputs.all.as_deref_mut() {
            all.fill(0.0);
        }
        for row in 0..inputs.rows {
            let span = row * n..(row + 1) * n;
            let start = |state: Option<&[f32]>| {
                state.map_or_else(|| vec![0.0; n], |state| state[span.clone()].to_vec())
            };
            let (mut h, mut c) = (start(inputs.h0), start(inputs.c0));
            let valid = inputs.valid_steps.map_or(inputs.steps, |valid| valid[row]);
            for step in 0..valid.min(inputs.steps) {
                let at = (step * inputs.rows + row) * width;
                let x = &inputs.x[at..at + width];
                let gates: Vec<f32> = (0..4 * n)
                    .map(|gate| {
                        let from = |values: &[f32], matrix: &[f32]| -> f32 {
                            let line = &matrix[gate * values.len()..][..values.len()];
                            line.iter().zip(values).map(|(a, b)| a * b).sum()
                        };
                        let sum = self.b[gate] + from(x, &self.w) + from(&h, &self.r);
                        if gate < 3 * n {
                            sigmoid(sum)
                        } else {
                            sum.tanh()
                        }
                    })
                    .collect();
                let c_before = c.clone();
                let h_before = h.clone();
                for unit in 0..n {
                    c[unit] = gates[2 * n + unit] * c[unit] + gates[unit] * gates[3 * n + unit];
                    h[unit] = gates[n + unit] * c[unit].tanh();
                }
                if let Some(all) = outputs.all.as_deref_mut() {
                    all[(step * inputs.rows + row) * n..][..n].copy_from_slice(&h);
                }
                saved.push(Step {
                    gates,
                    h_before,
                    c_before,
                    c: c.clone(),
                });
            }
            outputs.h[span.clone()].copy_from_slice(&h);
            outputs.c[span].copy_from_slice(&c);
        }
        saved
    }

    pub(super) fn backward(
        &self,
        inputs: LstmInputs<'_>,
        saved: &[Step],
        upstream: LstmUpstream<'_>,
        mut gradients: LstmGradients<'_>,
    ) {
        let (n, width) = (self.hidden, self.width);
        for target in [
            &mut gradients.x,
            &mut gradients.w,
            &mut gradients.r,
            &mut gradients.b,
        ] {
            if let Some(target) = target.as_deref_mut() {
                target.fill(0.0);
            }
        }
        let mut saved = saved;
        for row in 0..inputs.rows {
            let span = row * n..(row + 1) * n;
            let start = |state: Option<&[f32]>| {
                state.map_or_else(|| vec![0.0; n], |state| state[span.clone()].to_vec())
            };
            let (mut dh, mut dc) = (start(upstream.h), start(upstream.c));
            let valid = inputs.valid_steps.map_or(inputs.steps, |valid| valid[row]);
            let valid = valid.min(inputs.steps);
            let (own, rest) = saved.split_at(valid);
            saved = rest;
            for (step, kept) in own.iter().enumerate().rev() {
                if let Some(all) = upstream.all {
                    let line = &all[(step * inputs.rows + row) * n..][..n];
                    dh.iter_mut().zip(line).for_each(|(dh, d)| *dh += d);
                }
                let mut dg = vec![0.0; 4 * n];
                for u in 0..n {
                    let [i, o, f, g] = [0, 1, 2, 3].map(|gate| kept.gates[gate * n + u]);
                    let t = kept.c[u].tanh();
                    dc[u] += dh[u] * o * (1.0 - t * t);
                    dg[u] = dc[u] * g * i * (1.0 - i);
                    dg[n + u] = dh[u] * t * o * (1.0 - o);
                    dg[2 * n + u] = dc[u] * kept.c_before[u] * f * (1.0 - f);
                    dg[3 * n + u] = dc[u] * i * (1.0 - g * g);
                    dc[u] *= f;
                }
                dh.fill(0.0);
                let at = (step * inputs.rows + row) * width;
                for (gate, d) in dg.iter().enumerate() {
                    let line = gate * n..(gate + 1) * n;
                    for (dh, r) in dh.iter_mut().zip(&self.r[line.clone()]) {
                        *dh += d * r;
                    }
                    if let Some(dr) = gradients.r.as_deref_mut() {
                        for (dr, h) in dr[line].iter_mut().zip(&kept.h_before) {
                            *dr += d * h;
                        }
                    }
                    let line = gate * width..(gate + 1) * width;
                    if let Some(dw) = gradients.w.as_deref_mut() {
                        for (dw, x) in dw[line.clone()].iter_mut().zip(&inputs.x[at..]) {
                            *dw += d * x;
                        }
                    }
                    if let Some(dx) = gradients.x.as_deref_mut() {
                        for (dx, w) in dx[at..at + width].iter_mut().zip(&self.w[line]) {
                            *dx += d * w;
                        }
                    }
                    if let Some(db) = gradients.b.as_deref_mut() {
                        db[gate] += d;
                    }
                }
            }
            if let Some(target) = gradients.h0.as_deref_mut() {
                target[span.clone()].copy_from_slice(&dh);
            }
            if let Some(target) = gradients.c0.as_deref_mut() {
                target[span].copy_from_slice(&dc);
            }
        }
    }
}
