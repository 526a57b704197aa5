//! Vectors of AVX2 with FMA.

use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// The proof of the instructions: made by [`run`] only, whose caller vouches for them.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

/// # Safety
/// The processor has AVX2 and FMA.
#[allow(unsafe_code, reason = "a target feature that the caller has checked")]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

#[allow(unsafe_code, reason = "vector instructions")]
impl Simd for Avx2 {
    const LANES: usize = 8;
    const TILE_ROWS: usize = 3;
    const SINGLE_ROW_PANELS: usize = 2;
    type Vector = __m256;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load_from(self, source: *const f32) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA; the caller vouches for the pointer.
        unsafe { _mm256_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store_to(self, target: *mut f32, vector: __m256) {
        // SAFETY: `self` proves AVX2 and FMA; the caller vouches for the pointer.
        unsafe { _mm256_storeu_ps(target, vector) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn fraction(self, x: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe {
            let x = bounded(self, x);
            _mm256_sub_ps(x, _mm256_floor_ps(x))
        }
    }

    /// Multiplies by two halves of the power, each of which is a normal number, so that
    /// the product falls to zero and rises to infinity by itself.
    #[inline(always)]
    fn scale(self, mantissa: __m256, x: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe {
            let power = _mm256_cvttps_epi32(_mm256_floor_ps(bounded(self, x)));
            let half = _mm256_srai_epi32::<1>(power);
            let rest = _mm256_sub_epi32(power, half);
            _mm256_mul_ps(
                _mm256_mul_ps(mantissa, power_of_two(half)),
                power_of_two(rest),
            )
        }
    }
}

/// Beyond it a power of two is infinity, or zero, whatever the mantissa.
const MOST_POWER: f32 = 250.0;

#[inline(always)]
fn bounded(simd: Avx2, x: __m256) -> __m256 {
    let x = simd.min(simd.splat(MOST_POWER), x);
    simd.max(simd.splat(-MOST_POWER), x)
}

/// `2^power` for powers of normal numbers.
///
/// # Safety
/// The processor has AVX2.
#[allow(unsafe_code, reason = "vector instructions")]
#[inline(always)]
unsafe fn power_of_two(power: __m256i) -> __m256 {
    // SAFETY: the caller's.
    unsafe {
        let biased = _mm256_add_epi32(power, _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
    }
}
