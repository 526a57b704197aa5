//! Vectors of the processor, so that each kernel is written once.
//!
//! A kernel is a [`Kernel`]: generic over [`Simd`], everything it calls inlined, and
//! compiled once for each instruction set behind [`InstructionSet::run`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;

use crate::InstructionSet;

/// Vectors of 32-bit floats. A value of the type is the proof that the processor has
/// the instructions, which is why the methods are safe.
#[allow(unsafe_code, reason = "loads and stores by pointer")]
pub(crate) trait Simd: Copy {
    /// Values of a vector.
    const LANES: usize;
    /// Rows of a [tile](crate::tile): with [`VECTORS`](crate::tile::VECTORS) sums for each
    /// of them, and what they are made of, the registers are full.
    const TILE_ROWS: usize;
    /// Panels side by side where there is but one row: 1, 2 or 4. As many as it takes to
    /// have enough independent sums for the processor's pipeline, and no more.
    const SINGLE_ROW_PANELS: usize;
    type Vector: Copy;

    fn splat(self, value: f32) -> Self::Vector;

    /// # Safety
    /// [`LANES`](Self::LANES) values can be read from `source`.
    unsafe fn load_from(self, source: *const f32) -> Self::Vector;

    /// # Safety
    /// [`LANES`](Self::LANES) values can be written to `target`.
    unsafe fn store_to(self, target: *mut f32, vector: Self::Vector);

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The lesser one; `b` where either is NaN.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The greater one; `b` where either is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a·b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// `x - ⌊x⌋`; NaN for NaN, and 0 where `scale` gives zero or infinity.
    fn fraction(self, x: Self::Vector) -> Self::Vector;

    /// `mantissa · 2^⌊x⌋` for a mantissa in 1 to 2: zero or infinity where that is no float,
    /// NaN for a mantissa that is NaN.
    fn scale(self, mantissa: Self::Vector, x: Self::Vector) -> Self::Vector;

    /// The first values of a slice.
    #[inline(always)]
    fn load(self, source: &[f32]) -> Self::Vector {
        let source = &source[..Self::LANES];
        // SAFETY: the line above checks the length.
        #[allow(unsafe_code, reason = "a load of a checked length")]
        unsafe {
            self.load_from(source.as_ptr())
        }
    }

    /// Overwrites the first values of a slice.
    #[inline(always)]
    fn store(self, target: &mut [f32], vector: Self::Vector) {
        let target = &mut target[..Self::LANES];
        // SAFETY: the line above checks the length.
        #[allow(unsafe_code, reason = "a store of a checked length")]
        unsafe {
            self.store_to(target.as_mut_ptr(), vector);
        }
    }
}

/// Code to compile for every instruction set.
pub(crate) trait Kernel {
    type Output;

    /// Must be `#[inline(always)]`, and so must be all it calls: only what ends up in the
    /// body of [`InstructionSet::run`] is compiled for the instruction set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

impl InstructionSet {
    /// Values of a vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Avx512 => 16,
            Self::Avx2 => 8,
            Self::Neon | Self::Portable => 4,
        }
    }

    /// Runs a kernel. Whoever keeps an instruction set has checked that it is available:
    /// otherwise the portable code runs.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        if !self.is_available() {
            return portable::run(kernel);
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions.
            #[allow(unsafe_code, reason = "a target feature checked above")]
            Self::Avx512 => unsafe { avx512::run(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions.
            #[allow(unsafe_code, reason = "a target feature checked above")]
            Self::Avx2 => unsafe { avx2::run(kernel) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the processor has the instructions.
            #[allow(unsafe_code, reason = "a target feature checked above")]
            Self::Neon => unsafe { neon::run(kernel) },
            _ => portable::run(kernel),
        }
    }
}
