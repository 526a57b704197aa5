//! Between a value's own axes and `[before, rows, after]`.

use burn::tensor::{Device, Tensor, TensorData};
use ser_graph::{Constant, Dim, Shape};

/// `[before, rows, after]` as the axes of its shape, behind axes of size 1.
pub(super) fn unfold(tensor: Tensor<3>, shape: &Shape) -> Tensor<4> {
    let [_, rows, _] = tensor.dims();
    let mut sizes = [1; 4];
    sizes[4 - shape.rank()..].copy_from_slice(&shape.sizes(rows));
    tensor.reshape(sizes)
}

/// Back to `[before, rows, after]`.
pub(super) fn fold(tensor: Tensor<4>, shape: &Shape) -> Tensor<3> {
    fold_at(tensor, 4 - shape.rank() + shape.rows_axis())
}

/// Back to `[before, rows, after]`, the rows being at that axis.
pub(super) fn fold_at(tensor: Tensor<4>, rows_axis: usize) -> Tensor<3> {
    let sizes = tensor.dims();
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    let folded = [
        product(&sizes[..rows_axis]),
        sizes[rows_axis],
        product(&sizes[rows_axis + 1..]),
    ];
    tensor.reshape(folded)
}

/// A constant as large as one row of a shape, `[before, 1, after]`.
pub(super) fn broadcast(constant: &Constant, shape: &Shape, device: &Device) -> Tensor<3> {
    let leading = 4 - constant.dims.len();
    let mut sizes = [1; 4];
    sizes[leading..].copy_from_slice(&constant.dims);
    let data = TensorData::new(constant.values.clone(), sizes);
    let mut target = [1; 4];
    let dims = shape.dims();
    for (target, dim) in target[4 - dims.len()..].iter_mut().zip(dims) {
        if let Dim::Fixed(size) = dim {
            *target = *size;
        }
    }
    fold(Tensor::<4>::from_data(data, device).expand(target), shape)
}
