//! Emo-DB: two digits of the speaker, three characters of the sentence, the
//! emotion's German initial, a letter for the take.

use super::{Emotion, FileName};

pub(super) fn parse(stem: &str) -> Result<FileName, String> {
    let bytes = stem.as_bytes();
    let shaped = bytes.len() == 7
        && bytes[..2].iter().all(u8::is_ascii_digit)
        && bytes[2].is_ascii_lowercase()
        && bytes[3..5].iter().all(u8::is_ascii_digit)
        && bytes[6].is_ascii_lowercase();
    if !shaped {
        return Err("expected a name like 03a01Fa: speaker, sentence, emotion, take".to_owned());
    }
    let emotion = match bytes[5] {
        b'W' => Emotion::Angry,
        b'L' => Emotion::Boredom,
        b'E' => Emotion::Disgust,
        b'A' => Emotion::Fear,
        b'F' => Emotion::Happy,
        b'T' => Emotion::Sad,
        b'N' => Emotion::Neutral,
        other => {
            let letter = char::from(other);
            return Err(format!("emotion {letter}: expected W, L, E, A, F, T or N"));
        }
    };
    Ok(FileName {
        speaker: stem[..2].to_owned(),
        emotion,
    })
}
