//! Vectors in plain Rust.

use super::{Kernel, Simd};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Four values, which every compiler turns into the vectors that every processor has.
#[derive(Clone, Copy)]
pub(crate) struct Four([f32; 4]);

pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Portable)
}

#[inline(always)]
fn zip(a: Four, b: Four, f: impl Fn(f32, f32) -> f32) -> Four {
    Four([0, 1, 2, 3].map(|lane| f(a.0[lane], b.0[lane])))
}

#[allow(unsafe_code, reason = "loads and stores by pointer, as the trait asks")]
impl Simd for Portable {
    const LANES: usize = 4;
    const TILE_ROWS: usize = 2;
    const SINGLE_ROW_PANELS: usize = 1;
    type Vector = Four;

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        Four([value; 4])
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> Four {
        // SAFETY: the caller vouches for four values; an array of floats is as aligned as
        // a float.
        Four(unsafe { source.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn store_to(self, target: *mut f32, vector: Four) {
        // SAFETY: as in `load_from`.
        unsafe { target.cast::<[f32; 4]>().write(vector.0) }
    }

    #[inline(always)]
    fn add(self, a: Four, b: Four) -> Four {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Four, b: Four) -> Four {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Four, b: Four) -> Four {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: Four, b: Four) -> Four {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn min(self, a: Four, b: Four) -> Four {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: Four, b: Four) -> Four {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    /// Rounded twice: `f32::mul_add` is a call into a library where the processor has no
    /// such instruction.
    #[inline(always)]
    fn mul_add(self, a: Four, b: Four, c: Four) -> Four {
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn fraction(self, x: Four) -> Four {
        Four(x.0.map(|x| {
            let x = bounded(x);
            x - floor(x) as f32
        }))
    }

    /// Multiplies by two halves of the power, each of which is a normal number, so that
    /// the product falls to zero and rises to infinity by itself.
    #[inline(always)]
    fn scale(self, mantissa: Four, x: Four) -> Four {
        zip(mantissa, x, |mantissa, x| {
            let power = floor(bounded(x));
            let half = power >> 1;
            mantissa * power_of_two(half) * power_of_two(power - half)
        })
    }
}

/// Beyond it a power of two is infinity, or zero, whatever the mantissa.
const MOST_POWER: f32 = 250.0;

#[inline(always)]
fn bounded(x: f32) -> f32 {
    x.clamp(-MOST_POWER, MOST_POWER)
}

/// `⌊x⌋` of a small number; the library's is a call into it where the processor has no
/// such instruction. 0 for NaN.
#[inline(always)]
fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(whole as f32 > x)
}

/// `2^power` for powers of normal numbers.
#[inline(always)]
fn power_of_two(power: i32) -> f32 {
    f32::from_bits(((power + 127) << 23) as u32)
}
