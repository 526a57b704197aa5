//! From the files of a corpus to rows of features.

mod cache;
mod extract;
#[cfg(test)]
mod tests;

pub use cache::FeatureCache;
pub(crate) use cache::write_atomically;
pub use extract::{Extraction, extract};

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::corpus::{CorpusKind, Emotion};

/// A recording by the SHA-256 of its decoded samples: two files with the same
/// sound have the same.
pub type RecordingId = [u8; 32];

/// One clip, ready to be trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// The file's name without its extension.
    pub id: String,
    /// Where it lies in the corpus's folder.
    pub file: PathBuf,
    /// Where it comes from.
    pub corpus: CorpusKind,
    /// Who speaks.
    pub speaker: String,
    /// What was acted.
    pub emotion: Emotion,
    /// What was recorded.
    pub recording: RecordingId,
    /// The features of the whole clip.
    pub features: Vec<f32>,
}

/// The clips of one or more corpora.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    /// In the order of the corpora, then of ids. All have equally many features.
    pub clips: Vec<Clip>,
}

impl Dataset {
    /// Features of a clip; 0 without clips.
    #[must_use]
    pub fn features(&self) -> usize {
        self.clips.first().map_or(0, |clip| clip.features.len())
    }

    /// The corpora that clips come from, in order.
    #[must_use]
    pub fn corpora(&self) -> Vec<CorpusKind> {
        let mut corpora: Vec<_> = self.clips.iter().map(|clip| clip.corpus).collect();
        corpora.sort_unstable();
        corpora.dedup();
        corpora
    }

    /// SHA-256 over everything that a training can see of the clips.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for clip in &self.clips {
            let Clip {
                id,
                corpus,
                speaker,
                emotion,
                recording,
                features,
                file: _,
            } = clip;
            hash.update(format!("{corpus}\n{id}\n{speaker}\n{emotion}\n"));
            hash.update(recording);
            for value in features {
                hash.update(value.to_le_bytes());
            }
        }
        hex(&hash.finalize())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
