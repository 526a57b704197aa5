//! Audio that needs no corpus.

use std::f32::consts::TAU;

use bytes::Bytes;
use realfft::{RealFftPlanner, num_complex::Complex};
use ser_features::AudioClip;

/// Something like a voice: a gliding harmonic tone in syllables, with a little
/// noise, `seconds` long. Different seeds speak differently.
#[must_use]
pub fn voice(sample_rate: u32, seconds: f32, seed: u32) -> Vec<f32> {
    let rate = sample_rate as f32;
    let base = 110.0 + (seed % 7) as f32 * 23.0;
    let mut noise = Noise(seed.wrapping_mul(2_654_435_761).max(1));
    let mut phase = 0.0_f32;
    (0..(rate * seconds) as usize)
        .map(|n| {
            let t = n as f32 / rate;
            let pitch = base * (1.0 + 0.25 * (TAU * 0.7 * t).sin());
            phase = (phase + pitch / rate).fract();
            let harmonics: f32 = (1..=12_u8)
                .map(|h| (TAU * f32::from(h) * phase).sin() / f32::from(h))
                .sum();
            let syllable = (TAU * 3.1 * t).sin().max(0.0);
            0.2 * harmonics * syllable + 0.003 * noise.next()
        })
        .collect()
}

/// A voice in chunks of 100 ms: quiet throughout, or quiet for two seconds and then
/// at full scale. The first cepstral coefficient tells the two apart: of quiet
/// voices, and of the golden audio, it is below -300; at full scale, +48.
#[must_use]
pub fn chunked_voice(sample_rate: u32, seed: u32, turns_loud: bool) -> Vec<Bytes> {
    let mut samples = voice(sample_rate, if turns_loud { 6.0 } else { 4.0 }, seed);
    if turns_loud {
        for sample in &mut samples[2 * sample_rate as usize..] {
            *sample = (*sample * 100.0).clamp(-1.0, 1.0);
        }
    }
    s16le(&samples)
        .chunks(sample_rate as usize / 10 * 2)
        .map(Bytes::copy_from_slice)
        .collect()
}

/// White noise by xorshift, -1 to 1.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}

/// Signed 16-bit little-endian bytes.
#[must_use]
pub fn s16le(samples: &[f32]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|&sample| quantise(sample).to_le_bytes())
        .collect()
}

/// 32-bit float little-endian bytes.
#[must_use]
pub fn f32le(samples: &[f32]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

/// How much one recording is like another, whenever it begins in it and whatever its
/// rate: the largest value of the normalised cross-correlation of their mono mixes.
/// Both are compared in full, so `second` must hold nothing but `first` and silence.
#[must_use]
pub fn correlation(first: &AudioClip, second: &AudioClip) -> f64 {
    let longest = first.duration().max(second.duration());
    // Padded so that no shift wraps round. Equal times give equal frequencies.
    let seconds = 2 * (longest.as_secs() as usize + 1);
    let mut planner = RealFftPlanner::<f64>::new();
    let mut spectrum = |clip: &AudioClip| {
        let mut samples: Vec<_> = clip.mono().into_iter().map(f64::from).collect();
        let length = seconds * clip.sample_rate.hz() as usize;
        samples.resize(length, 0.0);
        let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
        let transform = planner.plan_fft_forward(length);
        let mut spectrum = transform.make_output_vec();
        transform.process(&mut samples, &mut spectrum).unwrap();
        (spectrum, (energy * length as f64).sqrt())
    };
    let ((first, first_norm), (second, second_norm)) = (spectrum(first), spectrum(second));
    let pairs = first.iter().zip(&second);
    let mut product: Vec<_> = pairs.map(|(a, b)| a.conj() * b).collect();
    // What only one of them can hold counts in the norms alone.
    let length = 2 * (first.len().max(second.len()) - 1);
    product.resize(length / 2 + 1, Complex::default());
    if let Some(last) = product.last_mut() {
        last.im = 0.0;
    }
    let transform = planner.plan_fft_inverse(length);
    let mut shifts = transform.make_output_vec();
    transform.process(&mut product, &mut shifts).unwrap();
    let best = shifts.into_iter().fold(0.0, f64::max);
    best / (first_norm * second_norm)
}

/// A sample as a signed 16-bit integer.
#[must_use]
pub fn quantise(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// A WAV file of signed 16-bit samples, channels interleaved.
#[must_use]
pub fn wav(sample_rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data = s16le(samples);
    let size = u32::try_from(data.len()).unwrap();
    let frame_bytes = 2 * channels;
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + size).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&channels.to_le_bytes());
    wav.extend_from_slice(&sample_rate.to_le_bytes());
    wav.extend_from_slice(&(sample_rate * u32::from(frame_bytes)).to_le_bytes());
    wav.extend_from_slice(&frame_bytes.to_le_bytes());
    wav.extend_from_slice(&16_u16.to_le_bytes());
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&size.to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}
