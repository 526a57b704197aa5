use serde::Deserialize;

use super::MelBank;
use crate::FrontEndParams;
use crate::stft::PowerSpectrum;

/// What `tests/reference/mfcc.py` wrote.
#[derive(Deserialize)]
struct Reference {
    mel: Vec<Bank>,
}

#[derive(Deserialize)]
struct Bank {
    front_end: FrontEndParams,
    skip: usize,
    powers: Vec<f32>,
}

/// The script's pseudo-random powers.
fn noise(skip: usize, count: usize) -> impl Iterator<Item = f32> {
    let numbers = std::iter::successors(Some(1_u32), |x| {
        Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    numbers
        .skip(1 + skip)
        .take(count)
        .map(|x| (((x >> 16) as i32 - 32_768) >> 1).abs() as f32)
}

#[test]
fn banks_answer_pseudo_random_powers_as_librosa_does() {
    let reference = include_str!("../../tests/reference/reference.json");
    let reference: Reference = serde_json::from_str(reference).unwrap();
    assert_eq!(reference.mel.len(), 4);
    for bank in reference.mel {
        let mut bins: Vec<f32> = noise(bank.skip, bank.front_end.n_fft / 2 + 1).collect();
        bins.extend([0.0; PowerSpectrum::PADDING]);
        let mut powers = vec![f32::NAN; bank.front_end.n_mels];
        MelBank::new(&bank.front_end).apply(&bins, &mut powers);
        for (band, (ours, librosa)) in powers.iter().zip(&bank.powers).enumerate() {
            let tolerance = librosa.abs().max(1e-3) * 1e-5;
            assert!(
                (ours - librosa).abs() <= tolerance,
                "{:?}: band {band}: {ours}; librosa: {librosa}",
                bank.front_end
            );
        }
    }
}
