//! Sounds for golden audio. They are made up: nothing of a corpus may be in a
//! package. They have what the front end and the voice detector react to: voiced
//! stretches with a moving pitch and formants, hisses, pauses.

use rand_chacha::ChaCha8Rng;

use crate::random::{Purpose, generator, normal};

/// A syllable: vowel, hiss, pause, in seconds.
const SYLLABLE: [f64; 3] = [0.26, 0.07, 0.05];

/// `seconds` of speech-like mono sound at `rate` Hz.
pub(super) fn babble(rate: u32, seconds: f64, seed: u64) -> Vec<i16> {
    let mut generator = generator(seed, Purpose::Golden, 0);
    let rate = f64::from(rate);
    let length: f64 = SYLLABLE.iter().sum();
    let (mut phase, mut hissed) = (0.0, 0.0);
    let samples = (seconds * rate) as usize;
    let sample = |index: usize| {
        let time = index as f64 / rate;
        let syllable = (time / length) as u64;
        let within = time % length;
        let pitch = 150.0 + 50.0 * (1.7 * time).sin() + 4.0 * (35.0 * time).sin();
        phase = (phase + pitch / rate) % 1.0;
        let level = if within < SYLLABLE[0] {
            let envelope = (std::f64::consts::PI * within / SYLLABLE[0]).sin();
            envelope * vowel(phase, pitch, rate, syllable)
        } else if within < SYLLABLE[0] + SYLLABLE[1] {
            hiss(&mut hissed, &mut generator)
        } else {
            0.0
        };
        (level * 9_000.0 + f64::from(normal(&mut generator)) * 3.0) as i16
    };
    (0..samples).map(sample).collect()
}

/// Harmonics below the Nyquist rate, weighted by two formants that change with
/// the syllable. In `±1`, about.
fn vowel(phase: f64, pitch: f64, rate: f64, syllable: u64) -> f64 {
    let formants = [[700.0, 1_200.0], [350.0, 2_300.0], [450.0, 850.0]][(syllable % 3) as usize];
    let harmonics = ((0.45 * rate / pitch) as u32).min(40);
    let weight = |hertz: f64| {
        formants
            .iter()
            .map(|f| (-((hertz - f) / 220.0).powi(2)).exp())
            .sum::<f64>()
            + 0.03
    };
    let of = |n: u32| {
        let n = f64::from(n);
        weight(n * pitch) * (std::f64::consts::TAU * n * phase).sin() / n.sqrt()
    };
    0.6 * (1..=harmonics).map(of).sum::<f64>()
}

/// Noise that a first difference tilts towards high frequencies.
fn hiss(last: &mut f64, generator: &mut ChaCha8Rng) -> f64 {
    let noise = f64::from(normal(generator));
    let tilted = noise - *last;
    *last = noise;
    0.08 * tilted
}
