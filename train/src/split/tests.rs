use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::dataset::Clip;

const EMOTIONS: [Emotion; 3] = [Emotion::Angry, Emotion::Neutral, Emotion::Sad];
const SPEC: SplitSpec = SplitSpec {
    test: 0.2,
    validation: 0.1,
};

fn clip(index: usize, corpus: CorpusKind, speaker: usize, emotion: Emotion) -> Clip {
    let mut recording = [0; 32];
    recording[..8].copy_from_slice(&index.to_le_bytes());
    Clip {
        id: format!("{index:04}"),
        file: Default::default(),
        corpus,
        speaker: format!("{speaker:02}"),
        emotion,
        recording,
        features: vec![index as f32],
    }
}

/// `clips` clips a speaker and emotion.
fn dataset(speakers: usize, clips: usize) -> Dataset {
    let mut dataset = Dataset::default();
    for speaker in 0..speakers {
        for emotion in EMOTIONS {
            for _ in 0..clips {
                let index = dataset.clips.len();
                dataset
                    .clips
                    .push(clip(index, CorpusKind::Tess, speaker, emotion));
            }
        }
    }
    dataset
}

fn parts(split: &Split) -> [&[usize]; 3] {
    [&split.train, &split.validation, &split.test]
}

fn count(dataset: &Dataset, part: &[usize], emotion: Emotion) -> usize {
    part.iter()
        .filter(|&&index| dataset.clips[index].emotion == emotion)
        .count()
}

proptest! {
    #[test]
    fn a_random_split_uses_every_clip_once_in_the_same_proportions(
        speakers in 1_usize..4, clips in 8_usize..40, seed: u64,
    ) {
        let dataset = dataset(speakers, clips);
        let split = Protocol::Random.split(&dataset, &SPEC, seed).unwrap();
        let mut all: Vec<_> = parts(&split).concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..dataset.clips.len()).collect::<Vec<_>>());
        let of_an_emotion = (speakers * clips) as f64;
        for emotion in EMOTIONS {
            let test = count(&dataset, &split.test, emotion);
            prop_assert_eq!(test, (of_an_emotion * 0.2).round() as usize);
            let validation = count(&dataset, &split.validation, emotion);
            let rest = of_an_emotion - test as f64;
            prop_assert_eq!(validation, (rest * 0.1).round() as usize);
        }
    }

    #[test]
    fn a_recording_is_on_one_side(pairs in prop::collection::vec((0_usize..60, 0_usize..60), 1..20), seed: u64) {
        let mut dataset = dataset(1, 20);
        for (one, other) in pairs {
            dataset.clips[other].recording = dataset.clips[one].recording;
            dataset.clips[other].emotion = dataset.clips[one].emotion;
        }
        let split = Protocol::Random.split(&dataset, &SPEC, seed).unwrap();
        let recordings = parts(&split).map(|part| {
            part.iter().map(|&index| dataset.clips[index].recording).collect::<BTreeSet<_>>()
        });
        prop_assert!(recordings[0].is_disjoint(&recordings[1]));
        prop_assert!(recordings[0].is_disjoint(&recordings[2]));
        prop_assert!(recordings[1].is_disjoint(&recordings[2]));
    }

    #[test]
    fn a_speaker_is_on_one_side_and_the_folds_change_sides(
        speakers in 2_usize..9, seed: u64,
    ) {
        let dataset = dataset(speakers, 10);
        let speakers_of = |part: &[usize]| {
            part.iter().map(|&i| dataset.clips[i].speaker.clone()).collect::<BTreeSet<_>>()
        };
        let folds = [0, 1].map(|fold| {
            let split = Protocol::Speaker { fold }.split(&dataset, &SPEC, seed).unwrap();
            let training = [split.train.as_slice(), &split.validation].concat();
            (speakers_of(&training), speakers_of(&split.test))
        });
        prop_assert!(folds[0].0.is_disjoint(&folds[0].1));
        prop_assert_eq!(&folds[0].0, &folds[1].1);
        prop_assert_eq!(&folds[0].1, &folds[1].0);
    }
}

#[test]
fn the_seed_decides() {
    let dataset = dataset(2, 30);
    let split = |seed| Protocol::Random.split(&dataset, &SPEC, seed).unwrap();
    assert_eq!(split(7), split(7));
    assert_ne!(split(7), split(8));
}

#[test]
fn across_corpora_only_shared_emotions_remain() {
    let mut dataset = dataset(1, 20);
    for (emotion, clips) in [
        (Emotion::Sad, 5),
        (Emotion::Angry, 5),
        (Emotion::Boredom, 5),
    ] {
        for _ in 0..clips {
            let index = dataset.clips.len();
            dataset
                .clips
                .push(clip(index, CorpusKind::EmoDb, 0, emotion));
        }
    }
    let protocol = Protocol::Cross {
        train: CorpusKind::Tess,
        test: CorpusKind::EmoDb,
    };
    let split = protocol.split(&dataset, &SPEC, 0).unwrap();
    assert_eq!(labels(&dataset, &split), [Emotion::Angry, Emotion::Sad]);
    let corpus_of = |index: &usize| dataset.clips[*index].corpus;
    assert!(
        split
            .train
            .iter()
            .chain(&split.validation)
            .all(|i| corpus_of(i) == CorpusKind::Tess)
    );
    assert_eq!(split.test.len(), 10);
    assert!(split.test.iter().all(|i| corpus_of(i) == CorpusKind::EmoDb));
}

#[test]
fn an_empty_part_is_an_error_that_names_it() {
    let one_speaker = dataset(1, 20);
    let reason = Protocol::Speaker { fold: 1 }
        .split(&one_speaker, &SPEC, 0)
        .unwrap_err();
    assert!(
        reason.to_string().contains("protocol speaker-1 is empty"),
        "{reason}"
    );
    let reason = Protocol::Random
        .split(&Dataset::default(), &SPEC, 0)
        .unwrap_err();
    assert!(
        reason.to_string().contains("protocol random is empty"),
        "{reason}"
    );
}
