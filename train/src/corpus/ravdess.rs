//! RAVDESS: `modality-channel-emotion-intensity-statement-repetition-actor`, two
//! digits each.

use super::{Emotion, FileName};

pub(super) fn parse(stem: &str) -> Result<FileName, String> {
    let fields = stem.split('-').collect::<Vec<_>>();
    let two_digits =
        |field: &&str| field.len() == 2 && field.bytes().all(|byte| byte.is_ascii_digit());
    if fields.len() != 7 || !fields.iter().all(two_digits) {
        return Err("expected seven fields of two digits with a dash between them".to_owned());
    }
    if fields[0] != "03" || fields[1] != "01" {
        return Err(format!(
            "modality {}, channel {}: expected 03-01, audio-only speech",
            fields[0], fields[1]
        ));
    }
    let emotion = match fields[2] {
        "01" => Emotion::Neutral,
        "02" => Emotion::Calm,
        "03" => Emotion::Happy,
        "04" => Emotion::Sad,
        "05" => Emotion::Angry,
        "06" => Emotion::Fear,
        "07" => Emotion::Disgust,
        "08" => Emotion::Surprise,
        other => return Err(format!("emotion {other}: expected 01 to 08")),
    };
    Ok(FileName {
        speaker: fields[6].to_owned(),
        emotion,
    })
}
