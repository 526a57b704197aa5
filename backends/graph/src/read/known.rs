//! Tensors that are known before any row is: weights, and the arithmetic on shapes
//! that exporters leave in a graph, in which the number of rows is a symbol.

use crate::{Arithmetic, Dim};

/// One number of a shape, or computed from some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// The number of rows.
    Rows,
    /// A number.
    Number(i64),
}

impl From<Dim> for Size {
    fn from(dim: Dim) -> Self {
        match dim {
            Dim::Rows => Self::Rows,
            // Sizes are far below the largest i64.
            Dim::Fixed(size) => Self::Number(i64::try_from(size).unwrap_or(i64::MAX)),
        }
    }
}

/// A tensor without input: its axes and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// All fixed, except under [`Data::Fill`].
    pub(super) dims: Vec<Dim>,
    pub(super) data: Data,
}

/// The numbers of a [`Known`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// As many as the axes say.
    Floats(Vec<f32>),
    /// As many as the axes say.
    Sizes(Vec<Size>),
    /// The same number everywhere: initial states.
    Fill(f32),
}

impl Known {
    /// A list of sizes.
    pub(super) fn list(sizes: Vec<Size>) -> Self {
        Self {
            dims: vec![Dim::Fixed(sizes.len())],
            data: Data::Sizes(sizes),
        }
    }

    /// How many numbers are kept.
    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Floats(values) => values.len(),
            Data::Sizes(values) => values.len(),
            Data::Fill(_) => 1,
        }
    }

    /// The same numbers under another shape.
    pub(super) fn reshape(self, dims: Vec<Dim>) -> Result<Self, String> {
        let count = |dims: &[Dim]| {
            let rows = dims.iter().filter(|dim| **dim == Dim::Rows).count();
            (rows, fixed(dims))
        };
        if count(&dims) != count(&self.dims) {
            let (from, to) = (describe(&self.dims), describe(&dims));
            return Err(format!("can't reshape {from} to {to}"));
        }
        Ok(Self { dims, ..self })
    }

    /// `start..end` of an axis.
    pub(super) fn slice(mut self, axis: usize, start: usize, end: usize) -> Result<Self, String> {
        let Dim::Fixed(size) = self.dims[axis] else {
            return Err("works along the rows".to_owned());
        };
        if start >= end || end > size {
            let dims = describe(&self.dims);
            return Err(format!("takes {start}..{end} of axis {axis} of {dims}"));
        }
        let inner = fixed(&self.dims[axis + 1..]).unwrap_or(1);
        let [block, from, to] = [size, start, end].map(|place| place.saturating_mul(inner));
        self.data = match self.data {
            Data::Floats(values) => Data::Floats(cut(&values, block, from, to)),
            Data::Sizes(values) => Data::Sizes(cut(&values, block, from, to)),
            fill @ Data::Fill(_) => fill,
        };
        self.dims[axis] = Dim::Fixed(end - start);
        Ok(self)
    }

    /// Axis `i` of the result is axis `axes[i]` of this tensor.
    pub(super) fn transpose(self, axes: &[usize]) -> Self {
        let dims: Vec<Dim> = axes.iter().map(|axis| self.dims[*axis]).collect();
        let data = match self.data {
            Data::Floats(values) => Data::Floats(transpose(&values, &sizes(&self.dims), axes)),
            Data::Sizes(values) => Data::Sizes(transpose(&values, &sizes(&self.dims), axes)),
            fill @ Data::Fill(_) => fill,
        };
        Self { dims, data }
    }

    /// Tensors one after another along an axis.
    pub(super) fn concat(parts: Vec<Self>, axis: usize) -> Result<Self, String> {
        let first = parts
            .first()
            .ok_or("has no inputs, expected at least one")?;
        let mut dims = first.dims.clone();
        let mut total = 0_usize;
        for part in &parts {
            let mut same = part.dims.clone();
            let Some(&Dim::Fixed(size)) = same.get(axis) else {
                return Err("works along the rows".to_owned());
            };
            same[axis] = dims[axis];
            if same != dims {
                let (one, other) = (describe(&dims), describe(&part.dims));
                return Err(format!("can't join {one} and {other} along axis {axis}"));
            }
            total = total.saturating_add(size);
        }
        dims[axis] = Dim::Fixed(total);
        let outer = fixed(&dims[..axis]).unwrap_or(1);
        let data = if let Some(parts) = all(&parts, Known::as_floats) {
            Data::Floats(join(&parts, outer))
        } else if let Some(parts) = all(&parts, Known::as_sizes) {
            Data::Sizes(join(&parts, outer))
        } else {
            match all(&parts, Known::uniform) {
                Some(fills) if fills.iter().all(|fill| *fill == fills[0]) => Data::Fill(fills[0]),
                _ => return Err("joins constants of different kinds".to_owned()),
            }
        };
        Ok(Self { dims, data })
    }

    /// This tensor, its one number repeated, under the shape that it and `sizes`
    /// broadcast to.
    pub(super) fn expand(self, sizes: &[Size]) -> Result<Self, String> {
        let rank = self.dims.len().max(sizes.len());
        let own = |at: usize| {
            let place = (at + self.dims.len()).checked_sub(rank);
            place.map_or(Dim::Fixed(1), |place| self.dims[place])
        };
        let asked = |at: usize| {
            let place = (at + sizes.len()).checked_sub(rank);
            place.map_or(Ok(Dim::Fixed(1)), |place| dim(sizes[place]))
        };
        let dims = (0..rank)
            .map(|at| match (own(at), asked(at)?) {
                (Dim::Fixed(1), size) | (size, Dim::Fixed(1)) => Ok(size),
                (own, asked) if own == asked => Ok(own),
                (own, asked) => Err(format!("axis {at} is {own}, and can't become {asked}")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if dims == self.dims {
            return Ok(self);
        }
        match self.uniform() {
            Some(value) => Ok(Self {
                dims,
                data: Data::Fill(value),
            }),
            None => Err("repeats constants that are not all equal".to_owned()),
        }
    }

    /// `left ∘ right`, number by number, or a single one with all of the other.
    pub(super) fn combine(kind: Arithmetic, left: &Self, right: &Self) -> Result<Self, String> {
        let dims = if left.dims == right.dims || fixed(&right.dims) == Some(1) {
            &left.dims
        } else if fixed(&left.dims) == Some(1) {
            &right.dims
        } else {
            let (left, right) = (describe(&left.dims), describe(&right.dims));
            return Err(format!("combines constants of shapes {left} and {right}"));
        };
        let data = match (&left.data, &right.data) {
            (Data::Floats(left), Data::Floats(right)) => {
                let number = |(left, right): (&f32, &f32)| floats(kind, *left, *right);
                Data::Floats(pairs(left, right).map(number).collect())
            }
            (Data::Sizes(left), Data::Sizes(right)) => {
                let number = |(left, right): (&Size, &Size)| sum(kind, *left, *right);
                Data::Sizes(pairs(left, right).map(number).collect::<Result<_, _>>()?)
            }
            _ => return Err("combines constants of different kinds".to_owned()),
        };
        let dims = dims.clone();
        Ok(Self { dims, data })
    }

    /// The number that all of its numbers are.
    fn uniform(&self) -> Option<f32> {
        match &self.data {
            Data::Fill(value) => Some(*value),
            Data::Floats(values) => {
                let first = *values.first()?;
                values.iter().all(|value| *value == first).then_some(first)
            }
            Data::Sizes(_) => None,
        }
    }

    fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Floats(values) => Some(values),
            _ => None,
        }
    }

    fn as_sizes(&self) -> Option<&[Size]> {
        match &self.data {
            Data::Sizes(values) => Some(values),
            _ => None,
        }
    }
}

/// The axis that a size stands for.
pub(super) fn dim(size: Size) -> Result<Dim, String> {
    match size {
        Size::Rows => Ok(Dim::Rows),
        Size::Number(number) => match usize::try_from(number) {
            Ok(size) if size > 0 => Ok(Dim::Fixed(size)),
            _ => Err(format!("size {number}, expected at least 1")),
        },
    }
}

/// The product of all sizes but the rows'; none when it overflows.
pub(super) fn fixed(dims: &[Dim]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |product, dim| match dim {
        Dim::Rows => Some(product),
        Dim::Fixed(size) => product.checked_mul(*size),
    })
}

pub(super) fn describe(dims: &[Dim]) -> String {
    let dims: Vec<String> = dims.iter().map(Dim::to_string).collect();
    format!("[{}]", dims.join(", "))
}

fn sizes(dims: &[Dim]) -> Vec<usize> {
    let size = |dim: &Dim| match dim {
        Dim::Rows => 1,
        Dim::Fixed(size) => *size,
    };
    dims.iter().map(size).collect()
}

fn all<'a, T>(parts: &'a [Known], of: impl Fn(&'a Known) -> Option<T>) -> Option<Vec<T>> {
    parts.iter().map(of).collect()
}

/// `from..to` of each block.
fn cut<T: Copy>(values: &[T], block: usize, from: usize, to: usize) -> Vec<T> {
    let blocks = values.chunks_exact(block);
    blocks.flat_map(|block| block[from..to].to_vec()).collect()
}

/// One block of each part, `outer` times.
fn join<T: Copy>(parts: &[&[T]], outer: usize) -> Vec<T> {
    let mut joined = Vec::new();
    for at in 0..outer {
        for part in parts {
            let block = part.len() / outer;
            joined.extend_from_slice(&part[at * block..][..block]);
        }
    }
    joined
}

fn transpose<T: Copy>(values: &[T], sizes: &[usize], axes: &[usize]) -> Vec<T> {
    let stride = |axis: usize| sizes[axis + 1..].iter().product::<usize>();
    let mut places = vec![0];
    for axis in axes {
        let step = |place: usize| (0..sizes[*axis]).map(move |at| place + at * stride(*axis));
        places = places.into_iter().flat_map(step).collect();
    }
    places.into_iter().map(|place| values[place]).collect()
}

fn pairs<'a, T>(left: &'a [T], right: &'a [T]) -> impl Iterator<Item = (&'a T, &'a T)> {
    let len = left.len().max(right.len());
    left.iter().cycle().zip(right.iter().cycle()).take(len)
}

fn floats(kind: Arithmetic, left: f32, right: f32) -> f32 {
    match kind {
        Arithmetic::Add => left + right,
        Arithmetic::Sub => left - right,
        Arithmetic::Mul => left * right,
        Arithmetic::Div => left / right,
    }
}

fn sum(kind: Arithmetic, left: Size, right: Size) -> Result<Size, String> {
    use Arithmetic::{Add, Div, Mul, Sub};
    use Size::{Number, Rows};
    let number = match (kind, left, right) {
        (Mul | Div, Rows, Number(1)) | (Mul, Number(1), Rows) => return Ok(Rows),
        (Add | Sub, Rows, Number(0)) | (Add, Number(0), Rows) => return Ok(Rows),
        (_, Rows, _) | (_, _, Rows) => {
            return Err("computes with the number of rows".to_owned());
        }
        (Add, Number(left), Number(right)) => left.checked_add(right),
        (Sub, Number(left), Number(right)) => left.checked_sub(right),
        (Mul, Number(left), Number(right)) => left.checked_mul(right),
        (Div, Number(left), Number(right)) => left.checked_div(right),
    };
    let fault = || format!("can't compute {kind:?} of {left:?} and {right:?}");
    number.map(Number).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(dims: &[usize]) -> Known {
        Known {
            dims: dims.iter().copied().map(Dim::Fixed).collect(),
            data: Data::Floats(
                (0..dims.iter().product())
                    .map(|at: usize| at as f32)
                    .collect(),
            ),
        }
    }

    fn values(known: Known) -> Vec<f32> {
        match known.data {
            Data::Floats(values) => values,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn weights_are_cut_joined_and_turned() {
        // Two gates of two rows, exchanged: what PyTorch writes for ONNX's order.
        let gates = floats(&[4, 2]);
        let first = gates.clone().slice(0, 0, 2).unwrap();
        let second = gates.clone().slice(0, 2, 4).unwrap();
        let exchanged = Known::concat(vec![second, first], 0).unwrap();
        assert_eq!(values(exchanged), [4., 5., 6., 7., 0., 1., 2., 3.]);
        let column = gates.clone().slice(1, 1, 2).unwrap();
        assert_eq!(values(column.clone()), [1., 3., 5., 7.]);
        let wide = Known::concat(vec![gates, column], 1).unwrap();
        assert_eq!(wide.dims, [Dim::Fixed(4), Dim::Fixed(3)]);
        assert_eq!(values(wide)[..6], [0., 1., 1., 2., 3., 3.]);
        let turned = floats(&[2, 3, 2]).transpose(&[2, 0, 1]);
        assert_eq!(turned.dims, [2, 2, 3].map(Dim::Fixed));
        assert_eq!(
            values(turned),
            [0., 2., 4., 6., 8., 10., 1., 3., 5., 7., 9., 11.]
        );
    }

    #[test]
    fn one_number_takes_any_shape_and_several_do_not() {
        let zero = Known {
            dims: Vec::new(),
            data: Data::Floats(vec![0.0]),
        };
        let state = [Size::Number(1), Size::Rows, Size::Number(4)];
        let filled = zero.expand(&state).unwrap();
        assert_eq!(filled.dims, [Dim::Fixed(1), Dim::Rows, Dim::Fixed(4)]);
        assert_eq!(filled.data, Data::Fill(0.0));
        let half = filled.slice(2, 0, 2).unwrap();
        assert_eq!(half.dims, [Dim::Fixed(1), Dim::Rows, Dim::Fixed(2)]);
        assert_eq!(
            floats(&[1, 1, 4]).expand(&state).unwrap_err(),
            "repeats constants that are not all equal"
        );
        assert_eq!(
            floats(&[3]).expand(&[Size::Number(4)]).unwrap_err(),
            "axis 0 is 3, and can't become 4"
        );
    }

    #[test]
    fn the_number_of_rows_is_a_symbol() {
        let one = |kind, left, right| sum(kind, left, Size::Number(right));
        assert_eq!(one(Arithmetic::Mul, Size::Rows, 1), Ok(Size::Rows));
        assert_eq!(
            one(Arithmetic::Mul, Size::Number(3), 5),
            Ok(Size::Number(15))
        );
        for (kind, right) in [(Arithmetic::Mul, 2), (Arithmetic::Sub, 1)] {
            let error = one(kind, Size::Rows, right).unwrap_err();
            assert_eq!(error, "computes with the number of rows");
        }
        assert!(one(Arithmetic::Div, Size::Number(3), 0).is_err());
        assert!(one(Arithmetic::Mul, Size::Number(i64::MAX), 2).is_err());
    }
}
