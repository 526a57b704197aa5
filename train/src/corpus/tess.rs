//! TESS: `<speaker>_<word>_<emotion>`.

use super::{Emotion, FileName};

pub(super) fn parse(stem: &str) -> Result<FileName, String> {
    let expected = || {
        "expected <speaker>_<word>_<emotion> with speaker OAF or YAF and emotion angry, disgust, \
         fear, happy, neutral, ps or sad"
            .to_owned()
    };
    let [speaker, word, emotion] = stem
        .split('_')
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| expected())?;
    let speaker = match speaker {
        // `OA_bite_neutral` is misnamed in the published archive.
        "OAF" | "OA" => "OAF",
        "YAF" => "YAF",
        _ => return Err(expected()),
    };
    let emotion = match emotion {
        "angry" => Emotion::Angry,
        "disgust" => Emotion::Disgust,
        "fear" => Emotion::Fear,
        "happy" => Emotion::Happy,
        "neutral" => Emotion::Neutral,
        "ps" => Emotion::PleasantSurprise,
        "sad" => Emotion::Sad,
        _ => return Err(expected()),
    };
    if word.is_empty() {
        return Err(expected());
    }
    Ok(FileName {
        speaker: speaker.to_owned(),
        emotion,
    })
}
