//! The weights of an LSTM layer.

use crate::GraphError;

/// One gate's weights as Keras and Burn keep them: input first.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// `[width, hidden]`: from the input to the gate.
    pub kernel: &'a [f32],
    /// `[hidden, hidden]`: from the last hidden state to the gate.
    pub recurrent_kernel: &'a [f32],
    /// `[hidden]`.
    pub bias: &'a [f32],
}

/// The weights of an LSTM layer as ONNX keeps them: output first, the gates one
/// after another in the order input, output, forget, cell.
#[derive(Clone, Debug, PartialEq)]
pub struct LstmWeights {
    pub(crate) width: usize,
    pub(crate) hidden: usize,
    pub(crate) w: Vec<f32>,
    pub(crate) r: Vec<f32>,
    pub(crate) b: Vec<f32>,
}

impl LstmWeights {
    /// Takes ONNX's `W` `[4·hidden, width]`, `R` `[4·hidden, hidden]` and the sum
    /// of the two halves of its `B` `[4·hidden]`.
    ///
    /// # Errors
    ///
    /// When a size is zero, a length is not as said, or a number isn't finite.
    pub fn new(
        width: usize,
        hidden: usize,
        w: Vec<f32>,
        r: Vec<f32>,
        b: Vec<f32>,
    ) -> Result<Self, GraphError> {
        check("W", &[4, hidden, width], &w)?;
        check("R", &[4, hidden, hidden], &r)?;
        check("B", &[4, hidden], &b)?;
        Ok(Self {
            width,
            hidden,
            w,
            r,
            b,
        })
    }

    /// Brings the four gates of a Keras or Burn layer into ONNX's order and
    /// orientation.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_gates(
        width: usize,
        hidden: usize,
        input: Gate<'_>,
        output: Gate<'_>,
        forget: Gate<'_>,
        cell: Gate<'_>,
    ) -> Result<Self, GraphError> {
        let (mut w, mut r, mut b) = (Vec::new(), Vec::new(), Vec::new());
        for (name, gate) in [
            ("input", input),
            ("output", output),
            ("forget", forget),
            ("cell", cell),
        ] {
            check(
                &format!("kernel of the {name} gate"),
                &[width, hidden],
                gate.kernel,
            )?;
            check(
                &format!("recurrent kernel of the {name} gate"),
                &[hidden, hidden],
                gate.recurrent_kernel,
            )?;
            check(&format!("bias of the {name} gate"), &[hidden], gate.bias)?;
            w.extend(transposed(gate.kernel, hidden));
            r.extend(transposed(gate.recurrent_kernel, hidden));
            b.extend_from_slice(gate.bias);
        }
        Self::new(width, hidden, w, r, b)
    }

    /// Values of a step of the input.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Values of the hidden and of the cell state.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// `[4·hidden, width]`, gates in the order input, output, forget, cell.
    #[must_use]
    pub fn w(&self) -> &[f32] {
        &self.w
    }

    /// `[4·hidden, hidden]`, gates in the same order.
    #[must_use]
    pub fn r(&self) -> &[f32] {
        &self.r
    }

    /// `[4·hidden]`, gates in the same order: the sum of ONNX's two biases.
    #[must_use]
    pub fn b(&self) -> &[f32] {
        &self.b
    }
}

fn check(what: &str, dims: &[usize], values: &[f32]) -> Result<(), GraphError> {
    let expected = dims
        .iter()
        .try_fold(1_usize, |len, dim| len.checked_mul(*dim));
    if expected != Some(values.len()) || values.is_empty() {
        return Err(GraphError::model(
            what,
            format!("holds {} values, expected those of {dims:?}", values.len()),
        ));
    }
    finite(what, values)
}

/// Refuses infinities and NaN.
pub(crate) fn finite(what: &str, values: &[f32]) -> Result<(), GraphError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(GraphError::model(
            what,
            format!("value {at} is {}, expected a finite number", values[at]),
        )),
    }
}

fn transposed(values: &[f32], columns: usize) -> impl Iterator<Item = f32> + '_ {
    (0..columns).flat_map(move |column| values[column..].iter().step_by(columns).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_come_into_the_order_and_orientation_of_onnx() {
        // One input value, two units: the tens say which gate, the units which place.
        let numbers =
            |gate: f32| -> Vec<f32> { (0..8).map(|at| gate * 10.0 + at as f32).collect() };
        let (i, o, f, c) = (numbers(1.0), numbers(2.0), numbers(3.0), numbers(4.0));
        fn gate(numbers: &[f32]) -> Gate<'_> {
            let (kernel, rest) = numbers.split_at(2);
            let (recurrent_kernel, bias) = rest.split_at(4);
            Gate {
                kernel,
                recurrent_kernel,
                bias,
            }
        }
        let weights =
            LstmWeights::from_gates(1, 2, gate(&i), gate(&o), gate(&f), gate(&c)).unwrap();
        assert_eq!(weights.w(), [10., 11., 20., 21., 30., 31., 40., 41.]);
        assert_eq!(
            weights.r()[..4],
            [12., 14., 13., 15.],
            "[from, to] becomes [to, from]"
        );
        assert_eq!(weights.b(), [16., 17., 26., 27., 36., 37., 46., 47.]);
    }

    #[test]
    fn a_wrong_size_is_named() {
        let error = LstmWeights::new(1, 2, vec![0.0; 8], vec![0.0; 15], vec![0.0; 8]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "R: holds 15 values, expected those of [4, 2, 2]"
        );
    }
}
