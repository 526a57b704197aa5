//! Who is trained on and who is tested on.
//!
//! A split keeps three promises: no clip is on two sides; clips that are the same
//! recording are on one side (RAVDESS publishes one twice); and every emotion is
//! divided in the same proportion.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::corpus::{CorpusKind, Emotion};
use crate::dataset::Dataset;
use crate::random::{Purpose, generator};
use crate::recipe::SplitSpec;

/// Indices into [`Dataset::clips`], each list in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What the weights are fitted to.
    pub train: Vec<usize>,
    /// What the state is chosen and calibrated on: a part of the training side.
    pub validation: Vec<usize>,
    /// What is read once, at the end.
    pub test: Vec<usize>,
}

/// How the test side is taken from the clips at hand.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Protocol {
    /// Clips at random: speakers and words occur on both sides.
    Random,
    /// Half of the speakers are tested on, the other half trained on.
    Speaker {
        /// 0 or 1: which half is the test side.
        fold: usize,
    },
    /// One corpus is tested on, another trained on; emotions that only one of
    /// them has are left out.
    Cross {
        /// The corpus that is trained on.
        train: CorpusKind,
        /// The corpus that is tested on.
        test: CorpusKind,
    },
}

impl Protocol {
    /// A name for folders, for instance `speaker-1`.
    #[must_use]
    pub fn slug(&self) -> String {
        match self {
            Self::Random => "random".to_owned(),
            Self::Speaker { fold } => format!("speaker-{fold}"),
            Self::Cross { train, test } => format!("cross-{train}-{test}"),
        }
    }

    /// Splits the clips of `dataset`.
    ///
    /// # Errors
    ///
    /// When a side would be empty: too few clips, one speaker only, a corpus that
    /// isn't there, no emotion in common.
    pub fn split(
        &self,
        dataset: &Dataset,
        spec: &SplitSpec,
        seed: u64,
    ) -> Result<Split, TrainError> {
        let all: Vec<usize> = (0..dataset.clips.len()).collect();
        let (rest, test) = match self {
            Self::Random => hold_out(dataset, &all, spec.test, seed, Purpose::TestSide),
            Self::Speaker { fold } => {
                let tested = half_of_the_speakers(dataset, *fold, seed);
                let on_test_side = |&index: &usize| {
                    let clip = &dataset.clips[index];
                    tested.contains(&(clip.corpus, clip.speaker.as_str()))
                };
                all.iter().partition(|index| !on_test_side(index))
            }
            Self::Cross { train, test } => {
                let shared = shared_emotions(dataset, *train, *test);
                let of = |corpus| {
                    let chosen = all.iter().copied().filter(|&index| {
                        let clip = &dataset.clips[index];
                        clip.corpus == corpus && shared.contains(&clip.emotion)
                    });
                    chosen.collect::<Vec<_>>()
                };
                (of(*train), of(*test))
            }
        };
        let (train, validation) = hold_out(
            dataset,
            &rest,
            spec.validation,
            seed,
            Purpose::ValidationPart,
        );
        let split = Split {
            train,
            validation,
            test,
        };
        for (part, clips) in [
            ("train", &split.train),
            ("validation", &split.validation),
            ("test", &split.test),
        ] {
            if clips.is_empty() {
                let reason = format!("the {part} part of protocol {} is empty", self.slug());
                return Err(TrainError::Data(reason));
            }
        }
        Ok(split)
    }
}

/// Emotions of the clips of a split, in order: the labels of its model.
#[must_use]
pub fn labels(dataset: &Dataset, split: &Split) -> Vec<Emotion> {
    let parts = [&split.train, &split.validation, &split.test];
    let emotions = parts
        .into_iter()
        .flatten()
        .map(|&index| dataset.clips[index].emotion);
    emotions.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Takes `fraction` of each emotion's clips, rounded, out of `indices`: first what
/// stays, then what was taken.
fn hold_out(
    dataset: &Dataset,
    indices: &[usize],
    fraction: f64,
    seed: u64,
    purpose: Purpose,
) -> (Vec<usize>, Vec<usize>) {
    let mut recordings: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for &index in indices {
        recordings
            .entry(&dataset.clips[index].recording)
            .or_default()
            .push(index);
    }
    let mut by_emotion: BTreeMap<Emotion, Vec<Vec<usize>>> = BTreeMap::new();
    for clips in recordings.into_values() {
        by_emotion
            .entry(dataset.clips[clips[0]].emotion)
            .or_default()
            .push(clips);
    }
    let mut generator = generator(seed, purpose, 0);
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for mut recordings in by_emotion.into_values() {
        let clips: usize = recordings.iter().map(Vec::len).sum();
        let wanted = (clips as f64 * fraction).round() as usize;
        // Hashes order the recordings; the clips' own order is what people expect
        // a seed to shuffle.
        recordings.sort_unstable();
        recordings.shuffle(&mut generator);
        let mut taken = 0;
        for recording in recordings {
            if taken < wanted {
                taken += recording.len();
                held.extend(recording);
            } else {
                kept.extend(recording);
            }
        }
    }
    kept.sort_unstable();
    held.sort_unstable();
    (kept, held)
}

fn half_of_the_speakers(dataset: &Dataset, fold: usize, seed: u64) -> BTreeSet<(CorpusKind, &str)> {
    let speakers: BTreeSet<_> = dataset
        .clips
        .iter()
        .map(|clip| (clip.corpus, clip.speaker.as_str()))
        .collect();
    let mut speakers: Vec<_> = speakers.into_iter().collect();
    // Two speakers have only two folds: shuffling them would only change names.
    if speakers.len() > 2 {
        speakers.shuffle(&mut generator(seed, Purpose::Speakers, 0));
    }
    let (first, second) = speakers.split_at(speakers.len() / 2);
    [first, second][fold % 2].iter().copied().collect()
}

fn shared_emotions(dataset: &Dataset, one: CorpusKind, other: CorpusKind) -> BTreeSet<Emotion> {
    let of = |corpus| {
        let clips = dataset
            .clips
            .iter()
            .filter(move |clip| clip.corpus == corpus);
        clips.map(|clip| clip.emotion).collect::<BTreeSet<_>>()
    };
    of(one).intersection(&of(other)).copied().collect()
}
