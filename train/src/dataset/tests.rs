use std::fs;
use std::path::Path;

use super::*;
use crate::corpus::Utterance;
use crate::recipe::Recipe;

fn params() -> ser_features::FrontEndParams {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/tess-lstm.toml");
    Recipe::read(&recipe).unwrap().front_end
}

/// A mono 16-bit WAV file at 16 kHz.
fn wav(samples: &[i16]) -> Vec<u8> {
    let data = samples.len() as u32 * 2;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    for field in [1_u16, 1] {
        bytes.extend(field.to_le_bytes());
    }
    for field in [16_000_u32, 32_000] {
        bytes.extend(field.to_le_bytes());
    }
    for field in [2_u16, 16] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(data.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn tone(hertz: f32) -> Vec<i16> {
    let sample = |n: usize| (n as f32 / 16_000.0 * hertz * std::f32::consts::TAU).sin();
    (0..16_000).map(|n| (sample(n) * 8_000.0) as i16).collect()
}

fn utterance(folder: &Path, id: &str, content: &[u8]) -> Utterance {
    let path = folder.join(format!("{id}.wav"));
    fs::write(&path, content).unwrap();
    let corpus = CorpusKind::Tess;
    Utterance {
        id: id.into(),
        corpus,
        path,
        file: Default::default(),
        speaker: "OAF".into(),
        emotion: Emotion::Sad,
    }
}

#[test]
fn a_corrupt_file_is_named_and_the_others_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let utterances = [
        utterance(folder.path(), "a", &wav(&tone(220.0))),
        utterance(folder.path(), "b", b"RIFF, but nothing else"),
        utterance(folder.path(), "c", &wav(&tone(330.0))),
    ];
    let cache = FeatureCache::open(&folder.path().join("cache"), &params()).unwrap();
    let extraction = extract(&utterances, &params(), &cache, || {}).unwrap();
    let ids: Vec<_> = extraction
        .dataset
        .clips
        .iter()
        .map(|clip| clip.id.as_str())
        .collect();
    assert_eq!(ids, ["a", "c"]);
    assert_eq!(extraction.dataset.features(), 40);
    assert_eq!(extraction.unusable.len(), 1);
    assert_eq!(extraction.unusable[0].path, utterances[1].path);
    assert!(!extraction.unusable[0].reason.is_empty());
}

#[test]
fn the_cache_is_keyed_by_content_and_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let utterances = [utterance(folder.path(), "a", &wav(&tone(220.0)))];
    let at = folder.path().join("cache");
    let run = |utterances: &[Utterance], params: &ser_features::FrontEndParams| {
        extract(
            utterances,
            params,
            &FeatureCache::open(&at, params).unwrap(),
            || {},
        )
        .unwrap()
    };
    let first = run(&utterances, &params());
    let again = run(&utterances, &params());
    assert_eq!((first.cached, again.cached), (0, 1));
    assert_eq!(first.dataset, again.dataset);

    let mut narrow = params();
    narrow.n_mfcc = Some(20);
    let other_parameters = run(&utterances, &narrow);
    assert_eq!(other_parameters.cached, 0);
    assert_eq!(other_parameters.dataset.features(), 20);

    let changed = [utterance(folder.path(), "a", &wav(&tone(221.0)))];
    let other_content = run(&changed, &params());
    assert_eq!(other_content.cached, 0);
    assert_ne!(other_content.dataset, first.dataset);
}

#[test]
fn a_damaged_entry_of_the_cache_is_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let content = wav(&tone(220.0));
    let utterances = [utterance(folder.path(), "a", &content)];
    let cache = FeatureCache::open(&folder.path().join("cache"), &params()).unwrap();
    let first = extract(&utterances, &params(), &cache, || {}).unwrap();
    let entry = cache.entry(&content);
    let bytes = fs::read(&entry).unwrap();
    fs::write(&entry, &bytes[..bytes.len() - 2]).unwrap();
    let again = extract(&utterances, &params(), &cache, || {}).unwrap();
    assert_eq!(again.cached, 0);
    assert_eq!(again.dataset, first.dataset);
}

#[test]
fn files_of_the_same_sound_are_the_same_recording() {
    let folder = tempfile::tempdir().unwrap();
    let utterances = [
        utterance(folder.path(), "a", &wav(&tone(220.0))),
        utterance(folder.path(), "b", &wav(&tone(220.0))),
        utterance(folder.path(), "c", &wav(&tone(330.0))),
    ];
    let cache = FeatureCache::open(&folder.path().join("cache"), &params()).unwrap();
    let clips = extract(&utterances, &params(), &cache, || {})
        .unwrap()
        .dataset
        .clips;
    assert_eq!(clips[0].recording, clips[1].recording);
    assert_ne!(clips[0].recording, clips[2].recording);
}

#[test]
fn many_threads_may_write_the_same_file() {
    use rayon::prelude::*;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entry");
    let written: Vec<_> = (0..200)
        .into_par_iter()
        .map(|_| super::write_atomically(&path, b"whole"))
        .collect();
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}
