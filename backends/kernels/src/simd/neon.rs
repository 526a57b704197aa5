//! Vectors of NEON.

use std::arch::aarch64::*;

use super::{Kernel, Simd};

/// The proof of the instructions: made by [`run`] only, whose caller vouches for them.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

/// # Safety
/// The processor has NEON.
#[allow(unsafe_code, reason = "a target feature that the caller has checked")]
#[target_feature(enable = "neon")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Neon(()))
}

#[allow(unsafe_code, reason = "vector instructions")]
impl Simd for Neon {
    const LANES: usize = 4;
    const TILE_ROWS: usize = 6;
    const SINGLE_ROW_PANELS: usize = 4;
    type Vector = float32x4_t;

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> float32x4_t {
        // SAFETY: `self` proves NEON; the caller vouches for the pointer.
        unsafe { vld1q_f32(source) }
    }

    #[inline(always)]
    unsafe fn store_to(self, target: *mut f32, vector: float32x4_t) {
        // SAFETY: `self` proves NEON; the caller vouches for the pointer.
        unsafe { vst1q_f32(target, vector) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn fraction(self, x: float32x4_t) -> float32x4_t {
        let x = bounded(self, x);
        // SAFETY: `self` proves NEON.
        unsafe { vsubq_f32(x, vrndmq_f32(x)) }
    }

    /// Multiplies by two halves of the power, each of which is a normal number, so that
    /// the product falls to zero and rises to infinity by itself.
    #[inline(always)]
    fn scale(self, mantissa: float32x4_t, x: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe {
            let power = vcvtmq_s32_f32(bounded(self, x));
            let half = vshrq_n_s32::<1>(power);
            let rest = vsubq_s32(power, half);
            vmulq_f32(vmulq_f32(mantissa, power_of_two(half)), power_of_two(rest))
        }
    }
}

/// Beyond it a power of two is infinity, or zero, whatever the mantissa.
const MOST_POWER: f32 = 250.0;

#[inline(always)]
fn bounded(simd: Neon, x: float32x4_t) -> float32x4_t {
    let x = simd.min(simd.splat(MOST_POWER), x);
    simd.max(simd.splat(-MOST_POWER), x)
}

/// `2^power` for powers of normal numbers.
///
/// # Safety
/// The processor has NEON.
#[allow(unsafe_code, reason = "vector instructions")]
#[inline(always)]
unsafe fn power_of_two(power: int32x4_t) -> float32x4_t {
    // SAFETY: the caller's.
    unsafe {
        let biased = vaddq_s32(power, vdupq_n_s32(127));
        vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
    }
}
