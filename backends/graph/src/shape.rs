//! Shapes with one axis of rows.

use std::fmt;

/// Axes of a value at most.
pub(crate) const MAX_RANK: usize = 4;

/// Numbers that one row of a value may hold at most, so that no graph can ask
/// for more memory than a batch deserves.
pub(crate) const MAX_ROW_LEN: usize = 1 << 20;

/// The size of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// The rows of the batch, known only at run time.
    Rows,
    /// A constant, at least 1.
    Fixed(usize),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows => f.write_str("rows"),
            Self::Fixed(size) => size.fmt(f),
        }
    }
}

/// The type of a value's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 32-bit integers: counts of valid steps.
    I32,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::I32 => "int32",
        })
    }
}

/// The shape of a value: 1 to 4 axes, exactly one of them [`Dim::Rows`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(Vec<Dim>);

impl Shape {
    /// Checks the axes.
    pub(crate) fn new(dims: Vec<Dim>) -> Result<Self, String> {
        let shape = Self(dims);
        let rows = shape.0.iter().filter(|dim| **dim == Dim::Rows).count();
        if rows != 1 {
            return Err(format!(
                "shape {shape} has {rows} axes of rows, expected exactly one"
            ));
        }
        if shape.0.len() > MAX_RANK {
            return Err(format!(
                "shape {shape} has {} axes, expected at most {MAX_RANK}",
                shape.rank()
            ));
        }
        let len = shape.0.iter().try_fold(1_usize, |len, dim| match dim {
            Dim::Rows => Some(len),
            Dim::Fixed(size) => len.checked_mul(*size),
        });
        match len {
            Some(1..=MAX_ROW_LEN) => Ok(shape),
            _ => Err(format!(
                "shape {shape} must hold 1 to {MAX_ROW_LEN} values a row"
            )),
        }
    }

    /// The axes.
    #[must_use]
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// How many axes there are.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Which axis is the rows'.
    #[must_use]
    pub fn rows_axis(&self) -> usize {
        self.0
            .iter()
            .position(|dim| *dim == Dim::Rows)
            .expect("checked by new")
    }

    /// How many numbers a row holds.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.sizes(1).iter().product()
    }

    /// The sizes of all axes for a number of rows.
    #[must_use]
    pub fn sizes(&self, rows: usize) -> Vec<usize> {
        let size = |dim: &Dim| match dim {
            Dim::Rows => rows,
            Dim::Fixed(size) => *size,
        };
        self.0.iter().map(size).collect()
    }

    /// The last axis' size, unless that is the rows'.
    #[must_use]
    pub fn last(&self) -> Option<usize> {
        match self.0.last() {
            Some(Dim::Fixed(size)) => Some(*size),
            _ => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.0.iter().map(Dim::to_string).collect();
        write!(f, "[{}]", dims.join(", "))
    }
}
