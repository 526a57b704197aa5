//! The emotions that the corpora name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An acted emotion. The order is alphabetical, and so is the order of a model's
/// outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emotion {
    /// Anger.
    Angry,
    /// Boredom (Emo-DB).
    Boredom,
    /// Calm (RAVDESS).
    Calm,
    /// Disgust.
    Disgust,
    /// Fear.
    Fear,
    /// Happiness.
    Happy,
    /// None in particular.
    Neutral,
    /// A pleasant surprise (TESS): not the same instruction to the actor as
    /// [`Surprise`](Self::Surprise).
    PleasantSurprise,
    /// Sadness.
    Sad,
    /// Surprise of any kind (RAVDESS).
    Surprise,
}

impl Emotion {
    /// The label in packages, reports and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Boredom => "boredom",
            Self::Calm => "calm",
            Self::Disgust => "disgust",
            Self::Fear => "fear",
            Self::Happy => "happy",
            Self::Neutral => "neutral",
            Self::PleasantSurprise => "pleasant_surprise",
            Self::Sad => "sad",
            Self::Surprise => "surprise",
        }
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
