//! Features on disk, keyed by the content of the audio file and the parameters of
//! the front end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ser_features::FrontEndParams;
use sha2::{Digest, Sha256};

use super::{RecordingId, hex};
use crate::TrainError;
use crate::error::AtPath;

/// Raised when the front end computes other values from the same parameters.
const REVISION: u32 = 1;

/// A folder of computed features. An entry is named by the SHA-256 of the audio
/// file, the parameters and the revision of the front end, so nothing in it is
/// ever out of date.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    parameters: String,
}

/// What is kept of a clip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CachedClip {
    pub(super) recording: RecordingId,
    pub(super) features: Vec<f32>,
}

impl FeatureCache {
    /// The cache in `folder` for features by `params`.
    ///
    /// # Errors
    ///
    /// When the folder can't be made.
    pub fn open(folder: &Path, params: &FrontEndParams) -> Result<Self, TrainError> {
        std::fs::create_dir_all(folder).at(folder)?;
        // Debug shows every field with its exact value; a new field changes the key.
        let parameters = format!("{REVISION} {params:?}");
        Ok(Self {
            folder: folder.to_owned(),
            parameters,
        })
    }

    /// The entry for the bytes of an audio file.
    pub(super) fn entry(&self, audio: &[u8]) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(Sha256::digest(audio));
        hash.update(&self.parameters);
        let name = hex(&hash.finalize());
        self.folder.join(&name[..2]).join(name)
    }

    /// `None` where nothing, or nothing whole, is stored.
    pub(super) fn load(entry: &Path) -> Option<CachedClip> {
        let bytes = std::fs::read(entry).ok()?;
        let (recording, values) = bytes.split_first_chunk::<32>()?;
        let (values, rest) = values.as_chunks::<4>();
        (rest.is_empty() && !values.is_empty()).then(|| CachedClip {
            recording: *recording,
            features: values
                .iter()
                .map(|value| f32::from_le_bytes(*value))
                .collect(),
        })
    }

    /// Writes beside the entry and renames, so that a killed run leaves no half
    /// entry behind.
    pub(super) fn store(entry: &Path, clip: &CachedClip) -> Result<(), TrainError> {
        let mut bytes = clip.recording.to_vec();
        bytes.extend(clip.features.iter().flat_map(|value| value.to_le_bytes()));
        let folder = entry
            .parent()
            .expect("an entry lies in a folder of the cache");
        std::fs::create_dir_all(folder).at(folder)?;
        write_atomically(entry, &bytes)
    }
}

/// Writes beside `path`, then renames. Several threads and processes may do so at once.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let (process, write) = (std::process::id(), WRITES.fetch_add(1, Relaxed));
    let partial = path.with_extension(format!("{process}-{write}.partial"));
    std::fs::write(&partial, bytes).at(&partial)?;
    std::fs::rename(&partial, path).at(path)
}
