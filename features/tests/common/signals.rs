//! The signals of `reference/mfcc.py`, in the same integer arithmetic.

/// A parabola's approximation of a sine, of a phase of 2^32 a turn, in 16 bits.
fn sine(phase: u32) -> i32 {
    let p = (phase >> 16) as i32 - 32_768;
    ((p * (32_768 - p.abs())) >> 13).min(32_767)
}

fn noise() -> impl Iterator<Item = i32> {
    let mut x = 1_u32;
    std::iter::repeat_with(move || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((x >> 16) as i32 - 32_768) >> 1
    })
}

fn decay() -> impl Iterator<Item = i32> {
    noise()
        .enumerate()
        .map(|(i, sample)| sample >> (i / 8192).min(15))
}

fn chirp() -> impl Iterator<Item = i32> {
    let (mut phase, mut step) = (0_u32, 20_000_000_u32);
    std::iter::repeat_with(move || {
        let sample = sine(phase) >> 1;
        phase = phase.wrapping_add(step);
        step = step.wrapping_add(17_000);
        sample
    })
}

fn impulses() -> impl Iterator<Item = i32> {
    (0..).map(|i| if i % 5000 == 100 { 20_000 } else { 0 })
}

/// Syllables of a gliding voice with 20 harmonics.
fn speech() -> impl Iterator<Item = i32> {
    let mut phase = 0_u32;
    (0..).map(move |i: u32| {
        phase = phase.wrapping_add(23_000_000 + (i % 11_025) * 900);
        let harmonics = 1..=20_u32;
        let voice: i32 = harmonics
            .map(|h| sine(phase.wrapping_mul(h)).div_euclid(4 * h as i32))
            .sum();
        if i / 2756 % 4 == 3 {
            0
        } else {
            voice.clamp(-32_768, 32_767)
        }
    })
}

/// The first samples of a signal, as a 16-bit recording of it reads.
pub(crate) fn signal(name: &str, length: usize) -> Vec<f32> {
    let samples: Box<dyn Iterator<Item = i32>> = match name {
        "noise" => Box::new(noise()),
        "decay" => Box::new(decay()),
        "chirp" => Box::new(chirp()),
        "silence" => Box::new(std::iter::repeat(0)),
        "impulses" => Box::new(impulses()),
        "speech" => Box::new(speech()),
        "clipped" => Box::new(speech().map(|s| (6 * s).clamp(-32_768, 32_767))),
        "quiet" => Box::new(chirp().map(|s| s >> 12)),
        _ => panic!("no signal {name}"),
    };
    samples
        .take(length)
        .map(|sample| sample as f32 / 32_768.0)
        .collect()
}
