//! What the front end takes for speech.

mod common;

use std::f64::consts::TAU;

use common::{seed_plan, stream};

const SECONDS: usize = 8;

/// Whether somebody speaks, window by window.
fn speech(hz: u32, samples: &[f32]) -> Vec<bool> {
    stream(&seed_plan(hz), [samples])
        .iter()
        .map(|segment| segment.speech)
        .collect()
}

/// `sound` of the time in seconds, at 16 bits.
fn synthesise(hz: u32, gain_db: f32, mut sound: impl FnMut(f64) -> f64) -> Vec<f32> {
    let gain = 10_f64.powf(f64::from(gain_db) / 20.0) * 32_768.0;
    (0..hz as usize * SECONDS)
        .map(|n| {
            let integer = (gain * sound(n as f64 / f64::from(hz)))
                .round()
                .clamp(-32_768.0, 32_767.0);
            integer as f32 / 32_768.0
        })
        .collect()
}

/// Uniform white noise between -1 and 1.
fn noise() -> impl FnMut() -> f64 {
    let mut state = 1_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / 8_388_608.0 - 1.0
    }
}

/// Noise whose power falls by 3 dB an octave, by Paul Kellet's filter.
fn pink() -> impl FnMut() -> f64 {
    let (mut white, mut poles) = (noise(), [0.0; 3]);
    move || {
        let input = white();
        for (pole, (decay, gain)) in poles.iter_mut().zip([
            (0.99765, 0.0990460),
            (0.96300, 0.2965164),
            (0.57000, 1.0526913),
        ]) {
            *pole = decay * *pole + gain * input;
        }
        (poles.iter().sum::<f64>() + input * 0.1848) / 8.0
    }
}

/// Harmonics of a gliding pitch under a moving resonance, in four syllables a
/// second.
fn voice(time: f64) -> f64 {
    let syllable = (TAU * 2.0 * time).sin().powi(2);
    let phase = 140.0 * time + 4.0 * (TAU * 0.7 * time).sin();
    let resonance = 900.0 + 500.0 * (TAU * 1.3 * time).sin();
    let harmonics = (1..20).map(|harmonic| {
        let distance = (f64::from(harmonic) * 140.0 - resonance) / 600.0;
        (TAU * (f64::from(harmonic) * phase).fract()).sin() / (1.0 + distance * distance)
    });
    0.1 * syllable * harmonics.sum::<f64>()
}

#[track_caller]
fn assert_silent(name: &str, hz: u32, samples: &[f32]) {
    let speech = speech(hz, samples);
    assert!(speech.len() > 10);
    assert!(!speech.contains(&true), "{name} at {hz} Hz: {speech:?}");
}

#[test]
fn steady_sounds_are_not_speech() {
    for hz in [8_000, 16_000, 22_050, 48_000] {
        for gain in [-60.0, -30.0, -6.0] {
            let (mut white, mut pink) = (noise(), pink());
            assert_silent("white noise", hz, &synthesise(hz, gain, |_| white()));
            assert_silent("pink noise", hz, &synthesise(hz, gain, |_| pink()));
            let hum = |time: f64| {
                (1..20)
                    .map(|n| (TAU * (50.0 * f64::from(n) * time).fract()).sin() / f64::from(n))
                    .sum()
            };
            assert_silent("hum", hz, &synthesise(hz, gain, hum));
            for tone in [200.0, 440.0, 1_000.0, 3_000.0] {
                let sine = |time: f64| (TAU * (tone * time).fract()).sin();
                assert_silent(&format!("{tone} Hz"), hz, &synthesise(hz, gain, sine));
            }
        }
    }
}

#[test]
fn silence_is_not_speech() {
    let hz = 16_000;
    assert_silent("digital zero", hz, &vec![0.0; hz as usize * SECONDS]);
    let mut noise = noise();
    let mut last_bit = synthesise(
        hz,
        0.0,
        |time| if time > 3.0 { noise() / 32_768.0 } else { 0.0 },
    );
    assert_silent("the last bit", hz, &last_bit);
    last_bit[5 * hz as usize] = 1.0;
    assert_silent("a click", hz, &last_bit);
}

#[test]
fn speech_is_speech_from_the_first_window_on() {
    for hz in [8_000, 16_000, 24_414, 48_000] {
        for gain in [-30.0, 0.0, 10.0] {
            let speech = speech(hz, &synthesise(hz, gain, voice));
            assert!(!speech.contains(&false), "{gain} dB at {hz} Hz: {speech:?}");
        }
    }
}

#[test]
fn windows_after_speech_are_silent_again() {
    let hz = 16_000;
    let mut samples = synthesise(hz, 0.0, voice);
    samples.extend_from_slice(&vec![0.0; hz as usize * SECONDS]);
    let speech = speech(hz, &samples);
    assert_eq!(speech.first(), Some(&true));
    assert_eq!(speech.last(), Some(&false));
}

/// Every clip holds speech, as recorded, at telephone bandwidth, overdriven, and
/// as faint as 16 bits still carry.
#[cfg(feature = "files")]
#[test]
#[ignore = "needs SER_CORPORA"]
fn real_speech_is_speech_in_every_clip() {
    use std::path::Path;

    use common::variable;
    use ser_features::{AudioClip, Resampler, ResamplerTables, SampleRate};

    /// Below four bits nothing but toggling bits is left of a voice.
    const FAINTEST: f32 = 16.0 / 32_768.0;

    let corpora = variable("SER_CORPORA", "the folder of the corpora");
    for corpus in ["tess", "ravdess", "emodb"] {
        let folder = Path::new(&corpora).join(corpus);
        let mut clips = 0;
        let mut rejected = Vec::new();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let clip = AudioClip::read(&path).unwrap();
            let mono = clip.mono();
            let mut telephone = Vec::new();
            let tables = ResamplerTables::shared(clip.sample_rate, SampleRate::MIN).unwrap();
            let mut resampler = Resampler::new(tables);
            resampler.push(&mono, &mut |samples| telephone.extend_from_slice(samples));
            resampler.finish(&mut |samples| telephone.extend_from_slice(samples));
            for (hz, samples) in [(clip.sample_rate.hz(), mono), (8_000, telephone)] {
                for gain_db in [-30.0, 0.0, 10.0] {
                    let gain = 10_f32.powf(gain_db / 20.0) * 32_768.0;
                    let loud: Vec<f32> = samples
                        .iter()
                        .map(|x| (gain * x).round().clamp(-32_768.0, 32_767.0) / 32_768.0)
                        .collect();
                    let peak = loud.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
                    if peak < FAINTEST {
                        continue;
                    }
                    clips += 1;
                    if !speech(hz, &loud).contains(&true) {
                        rejected.push(format!("{}, {hz} Hz, {gain_db} dB", path.display()));
                    }
                }
            }
        }
        println!("{corpus}: {} of {clips} rejected", rejected.len());
        assert!(clips > 0, "no clips in {}", folder.display());
        assert!(rejected.is_empty(), "{rejected:#?}");
    }
}
