//! Matrix products that give a row the same bits in any company.

use burn::tensor::{Device, Tensor, TensorData};

/// Addends that `flex` adds up in one go, whatever the number of rows. It splits
/// longer sums, where depending on the number of rows.
const MAX_ADDENDS: usize = 512;

/// A weight `[in, out]` to multiply rows with.
#[derive(Debug)]
pub(crate) struct Weight {
    inputs: usize,
    outputs: usize,
    /// Of at most [`MAX_ADDENDS`] rows each, one below the other.
    parts: Vec<Tensor<2>>,
}

impl Weight {
    /// Takes `[in, out]`, row-major.
    pub(crate) fn new(inputs: usize, outputs: usize, values: &[f32], device: &Device) -> Self {
        let part = |values: &[f32]| {
            let shape = [values.len() / outputs, outputs];
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        let parts = values.chunks(MAX_ADDENDS * outputs).map(part).collect();
        Self {
            inputs,
            outputs,
            parts,
        }
    }

    /// Takes `[out, in]`, row-major.
    pub(crate) fn transposed(
        inputs: usize,
        outputs: usize,
        values: &[f32],
        device: &Device,
    ) -> Self {
        let column = |at: usize| values[at..].iter().step_by(inputs).copied();
        let values: Vec<f32> = (0..inputs).flat_map(column).collect();
        Self::new(inputs, outputs, &values, device)
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `rows · weight` for `[rows, in]` with at least two rows.
    pub(crate) fn product(&self, rows: Tensor<2>) -> Tensor<2> {
        if let [weight] = &self.parts[..] {
            return rows.matmul(weight.clone());
        }
        let part = |(at, weight): (usize, &Tensor<2>)| {
            let first = at * MAX_ADDENDS;
            let [addends, _] = weight.dims();
            rows.clone()
                .narrow(1, first, addends)
                .matmul(weight.clone())
        };
        let mut parts = self.parts.iter().enumerate().map(part);
        let first = parts.next().expect("a weight has at least one part");
        parts.fold(first, |sum, part| sum + part)
    }
}
