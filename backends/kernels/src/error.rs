//! What a kernel refuses.

use std::fmt;

use crate::InstructionSet;

/// Why a layer can't be packed or run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice whose length doesn't fit the shape.
    Length {
        /// Which slice, with its shape: `"w [4·hidden, width]"`.
        tensor: &'static str,
        /// The length that the shape asks for.
        expected: usize,
        /// The length of the slice.
        found: usize,
    },
    /// A shape with more values than a number can count.
    TooLarge {
        /// Which slice, with its shape.
        tensor: &'static str,
    },
    /// A dimension that must be at least one is zero.
    Empty {
        /// Which dimension.
        dimension: &'static str,
    },
    /// The processor lacks the instruction set.
    Unavailable {
        /// The instruction set asked for.
        instruction_set: InstructionSet,
    },
}

impl fmt::Display for KernelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length {
                tensor,
                expected,
                found,
            } => write!(
                formatter,
                "{tensor} has {found} values where {expected} were expected"
            ),
            Self::TooLarge { tensor } => {
                write!(formatter, "{tensor} has a shape beyond any memory")
            }
            Self::Empty { dimension } => {
                write!(formatter, "{dimension} is 0 where at least 1 was expected")
            }
            Self::Unavailable { instruction_set } => {
                write!(formatter, "this processor has no {instruction_set}")
            }
        }
    }
}

impl std::error::Error for KernelError {}

/// Refuses a slice whose length isn't the product of the shape's sizes.
pub(crate) fn expect_len(
    tensor: &'static str,
    values: &[impl Sized],
    shape: &[usize],
) -> Result<(), KernelError> {
    let mut sizes = shape.iter();
    let expected = sizes.try_fold(1_usize, |product, size| product.checked_mul(*size));
    let expected = expected.ok_or(KernelError::TooLarge { tensor })?;
    let found = values.len();
    if found == expected {
        Ok(())
    } else {
        Err(KernelError::Length {
            tensor,
            expected,
            found,
        })
    }
}

/// Refuses a dimension of zero.
pub(crate) fn expect_some(dimension: &'static str, size: usize) -> Result<(), KernelError> {
    if size == 0 {
        Err(KernelError::Empty { dimension })
    } else {
        Ok(())
    }
}
