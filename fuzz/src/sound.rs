//! Audio that passes for speech.

/// Noise that comes and goes like syllables: s16le of one channel at 8 kHz, a fifth of a
/// second on, a fifth almost off.
#[must_use]
pub fn babble(samples: usize, amplitude: f64, seed: u32) -> Vec<u8> {
    const RATE: f64 = 8_000.0;
    let mut random = seed.wrapping_mul(2).wrapping_add(1);
    (0..samples)
        .flat_map(|index| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random >> 8) / f64::from(1 << 23) - 1.0;
            let is_on = (index as f64 / RATE * 2.5).fract() < 0.5;
            let sample = noise * if is_on { amplitude * 32_767.0 } else { 20.0 };
            (sample as i16).to_le_bytes()
        })
        .collect()
}
