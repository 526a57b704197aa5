//! Something like speech, so that a server's voice detector lets it pass.

use std::f32::consts::TAU;

/// Syllables a second. In speech they come at 3 to 5 Hz.
const SYLLABLES_HZ: f32 = 3.7;

/// The mean pitch of the voice.
const PITCH_HZ: f32 = 140.0;

/// Harmonics reach to 2 kHz, where speech has its power.
const HARMONICS: u8 = 14;

/// `seconds` of a voice that never pauses for breath, full scale 1: a tone whose
/// pitch glides, in syllables, with a little breath noise.
pub(super) fn voice(sample_rate: u32, seconds: u32) -> Vec<f32> {
    let rate = sample_rate as f32;
    let mut noise = Noise(1);
    let mut phase = 0.0_f32;
    (0..sample_rate * seconds)
        .map(|n| {
            let time = n as f32 / rate;
            let pitch = PITCH_HZ * (1.0 + 0.25 * (TAU * 0.7 * time).sin());
            phase = (phase + pitch / rate).fract();
            let tone: f32 = (1..=HARMONICS)
                .map(|h| (TAU * f32::from(h) * phase).sin() / f32::from(h))
                .sum();
            let loudness = (TAU * SYLLABLES_HZ * time).sin().max(0.0);
            0.2 * tone * loudness + 0.003 * noise.next()
        })
        .collect()
}

/// White noise by xorshift (G. Marsaglia, "Xorshift RNGs", 2003), -1 to 1.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}
