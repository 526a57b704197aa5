//! What numeric libraries choose their code by.

/// The vector instructions of this processor that the bits of sums depend on, for
/// [`ModelInfo::numerics`](crate::ModelInfo::numerics).
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn instruction_sets() -> Vec<&'static str> {
    let sets = [
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    let there = sets.into_iter().filter(|(_, there)| *there);
    there.map(|(name, _)| name).collect()
}

/// None: NEON is part of every 64-bit Arm, and other architectures have no choice
/// either.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn instruction_sets() -> Vec<&'static str> {
    Vec::new()
}
