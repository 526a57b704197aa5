//! Features of many clips on all cores.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use ser_features::{AudioClip, ClipExtractor, FrontEndParams};
use sha2::{Digest, Sha256};

use super::cache::CachedClip;
use super::{Clip, Dataset, FeatureCache};
use crate::TrainError;
use crate::corpus::Utterance;
use crate::error::UnusableFile;

/// What came of a corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Extraction {
    /// The usable clips, in the order of the utterances.
    pub dataset: Dataset,
    /// The others.
    pub unusable: Vec<UnusableFile>,
    /// How many clips were read from the cache.
    pub cached: usize,
}

/// Decodes the utterances, mixes them to mono and computes the features of each
/// whole clip, or takes them from the cache. `done` is called after each clip.
///
/// # Errors
///
/// When an entry of the cache can't be written, or features of different clips
/// have different lengths.
pub fn extract(
    utterances: &[Utterance],
    params: &FrontEndParams,
    cache: &FeatureCache,
    done: impl Fn() + Sync,
) -> Result<Extraction, TrainError> {
    params.validate()?;
    let cached = AtomicUsize::new(0);
    let outcomes = utterances
        .par_iter()
        .map_init(HashMap::new, |extractors, utterance| {
            let outcome = features(utterance, params, cache, &cached, extractors)?;
            done();
            Ok(outcome)
        })
        .collect::<Result<Vec<_>, TrainError>>()?;
    let mut dataset = Dataset::default();
    let mut unusable = Vec::new();
    for (utterance, outcome) in utterances.iter().zip(outcomes) {
        match outcome {
            Err(reason) => unusable.push(UnusableFile {
                path: utterance.path.clone(),
                reason,
            }),
            Ok(CachedClip {
                recording,
                features,
            }) => dataset.clips.push(Clip {
                id: utterance.id.clone(),
                file: utterance.file.clone(),
                corpus: utterance.corpus,
                speaker: utterance.speaker.clone(),
                emotion: utterance.emotion,
                recording,
                features,
            }),
        }
    }
    if let Some(clip) = dataset
        .clips
        .iter()
        .find(|c| c.features.len() != dataset.features())
    {
        return Err(TrainError::Data(format!(
            "{} has {} features, {} has {}: front_end.reduce must be \"mean\"",
            dataset.clips[0].id,
            dataset.features(),
            clip.id,
            clip.features.len(),
        )));
    }
    Ok(Extraction {
        dataset,
        unusable,
        cached: cached.into_inner(),
    })
}

/// By the sample rate in Hz.
type Extractors = HashMap<u32, ClipExtractor>;

fn features(
    utterance: &Utterance,
    params: &FrontEndParams,
    cache: &FeatureCache,
    cached: &AtomicUsize,
    extractors: &mut Extractors,
) -> Result<Result<CachedClip, String>, TrainError> {
    let bytes = match std::fs::read(&utterance.path) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let entry = cache.entry(&bytes);
    if let Some(clip) = FeatureCache::load(&entry) {
        cached.fetch_add(1, Ordering::Relaxed);
        return Ok(Ok(clip));
    }
    let computed = compute(bytes, params, extractors);
    if let Ok(clip) = &computed {
        FeatureCache::store(&entry, clip)?;
    }
    Ok(computed)
}

fn compute(
    bytes: Vec<u8>,
    params: &FrontEndParams,
    extractors: &mut Extractors,
) -> Result<CachedClip, String> {
    let clip = AudioClip::decode(bytes).map_err(|error| error.to_string())?;
    let mut hash = Sha256::new();
    hash.update(clip.sample_rate.hz().to_le_bytes());
    for sample in &clip.samples {
        hash.update(sample.to_le_bytes());
    }
    let extractor = match extractors.entry(clip.sample_rate.hz()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            let extractor = ClipExtractor::new(params, clip.sample_rate);
            new.insert(extractor.map_err(|error| error.to_string())?)
        }
    };
    let features = extractor
        .extract(&clip.mono())
        .map_err(|error| error.to_string())?;
    Ok(CachedClip {
        recording: hash.finalize().into(),
        features,
    })
}
