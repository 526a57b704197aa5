//! The corpora that `ser-train` knows: how their files are named, who speaks in
//! them and with which emotion.
//!
//! A folder is walked recursively, so both the published archives and flat
//! copies of them work.

mod emodb;
mod emotion;
mod ravdess;
mod tess;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use emotion::Emotion;

use crate::TrainError;
use crate::error::AtPath;

/// A corpus by its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CorpusKind {
    /// Toronto emotional speech set: English, two speakers, seven emotions.
    Tess,
    /// Ryerson audio-visual database, its audio-only speech: English, 24 actors,
    /// eight emotions.
    Ravdess,
    /// Berlin database of emotional speech: German, ten speakers, seven emotions.
    EmoDb,
}

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileName {
    speaker: String,
    emotion: Emotion,
}

impl CorpusKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tess, Self::Ravdess, Self::EmoDb];

    /// As on the command line: `tess`, `ravdess` or `emodb`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tess => "tess",
            Self::Ravdess => "ravdess",
            Self::EmoDb => "emodb",
        }
    }

    /// Licence of the recordings, as an SPDX expression.
    #[must_use]
    pub fn licence(self) -> &'static str {
        match self {
            Self::Tess => "CC-BY-NC-ND-4.0",
            Self::Ravdess => "CC-BY-NC-SA-4.0",
            Self::EmoDb => "CC0-1.0",
        }
    }

    /// Who recorded what, and where to get it.
    #[must_use]
    pub fn citation(self) -> &'static str {
        match self {
            Self::Tess => {
                "Toronto emotional speech set (TESS), Pichora-Fuller and Dupuis, University of \
                 Toronto, 2020, https://doi.org/10.5683/SP2/E8H2MF"
            }
            Self::Ravdess => {
                "Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), \
                 Livingstone and Russo, 2018, https://doi.org/10.5281/zenodo.1188976"
            }
            Self::EmoDb => {
                "Berlin Database of Emotional Speech (Emo-DB), Burkhardt et al., 2005, \
                 http://emodb.bilderbar.info"
            }
        }
    }

    fn parse(self, stem: &str) -> Result<FileName, String> {
        match self {
            Self::Tess => tess::parse(stem),
            Self::Ravdess => ravdess::parse(stem),
            Self::EmoDb => emodb::parse(stem),
        }
    }
}

impl fmt::Display for CorpusKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A corpus on disk, on the command line `KIND=DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusFolder {
    /// Its layout.
    pub kind: CorpusKind,
    /// Where it lies.
    pub root: PathBuf,
}

impl FromStr for CorpusFolder {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let (name, root) = argument
            .split_once('=')
            .filter(|(_, root)| !root.is_empty())
            .ok_or_else(|| format!("{argument:?}: expected KIND=DIR, for instance tess=./tess"))?;
        let kind = CorpusKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let known = CorpusKind::ALL.map(CorpusKind::name).join(", ");
                format!("{name:?}: no known corpus, expected one of {known}")
            })?;
        Ok(Self {
            kind,
            root: PathBuf::from(root),
        })
    }
}

/// One recording of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// The file's name without its extension: unique in its corpus.
    pub id: String,
    /// Where it comes from.
    pub corpus: CorpusKind,
    /// Where to read it.
    pub path: PathBuf,
    /// Where it lies in the corpus's folder.
    pub file: PathBuf,
    /// Unique in its corpus.
    pub speaker: String,
    /// What was acted.
    pub emotion: Emotion,
}

impl CorpusFolder {
    /// Every WAV and FLAC file under the folder, in the order of their ids.
    ///
    /// # Errors
    ///
    /// A folder that can't be read or holds no audio, a file that isn't named as
    /// this corpus names them, and a name that occurs twice.
    pub fn utterances(&self) -> Result<Vec<Utterance>, TrainError> {
        let mut files = Vec::new();
        collect_audio(&self.root, &mut files)?;
        let mut utterances = BTreeMap::new();
        for path in files {
            let invalid = |reason| TrainError::Corpus {
                path: path.clone(),
                reason,
            };
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .ok_or_else(|| invalid("the name is not UTF-8".to_owned()))?
                .to_owned();
            let FileName { speaker, emotion } = self.kind.parse(&id).map_err(invalid)?;
            let file = path.strip_prefix(&self.root).unwrap_or(&path).to_owned();
            let utterance = Utterance {
                id: id.clone(),
                corpus: self.kind,
                path: path.clone(),
                file,
                speaker,
                emotion,
            };
            if let Some(first) = utterances.insert(id, utterance) {
                return Err(invalid(format!(
                    "occurs twice; also as {}",
                    first.path.display()
                )));
            }
        }
        if utterances.is_empty() {
            return Err(TrainError::Corpus {
                path: self.root.clone(),
                reason: "holds no .wav and no .flac file".to_owned(),
            });
        }
        Ok(utterances.into_values().collect())
    }
}

fn collect_audio(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), TrainError> {
    for entry in std::fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().at(&path)?.is_dir() {
            collect_audio(&path, files)?;
        } else if path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("wav") || extension.eq_ignore_ascii_case("flac")
        }) {
            files.push(path);
        }
    }
    Ok(())
}
