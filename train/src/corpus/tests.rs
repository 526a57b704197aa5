use std::fs;

use super::*;

fn parsed(kind: CorpusKind, stem: &str) -> (String, Emotion) {
    let name = kind.parse(stem).unwrap();
    (name.speaker, name.emotion)
}

#[test]
fn tess_names_speaker_and_emotion() {
    assert_eq!(
        parsed(CorpusKind::Tess, "YAF_beg_ps"),
        ("YAF".into(), Emotion::PleasantSurprise)
    );
    assert_eq!(
        parsed(CorpusKind::Tess, "OAF_food_fear"),
        ("OAF".into(), Emotion::Fear)
    );
}

#[test]
fn the_misnamed_file_of_tess_belongs_to_its_speaker() {
    assert_eq!(
        parsed(CorpusKind::Tess, "OA_bite_neutral"),
        ("OAF".into(), Emotion::Neutral)
    );
}

#[test]
fn ravdess_names_actor_and_emotion() {
    assert_eq!(
        parsed(CorpusKind::Ravdess, "03-01-06-01-02-01-12"),
        ("12".into(), Emotion::Fear)
    );
    assert_eq!(
        parsed(CorpusKind::Ravdess, "03-01-08-02-01-02-24"),
        ("24".into(), Emotion::Surprise)
    );
}

#[test]
fn emodb_names_speaker_and_emotion() {
    assert_eq!(
        parsed(CorpusKind::EmoDb, "16b10Wb"),
        ("16".into(), Emotion::Angry)
    );
    assert_eq!(
        parsed(CorpusKind::EmoDb, "09a02La"),
        ("09".into(), Emotion::Boredom)
    );
}

#[test]
fn foreign_names_say_what_was_expected() {
    for (kind, stem, expected) in [
        (CorpusKind::Tess, "BOB_back_angry", "OAF or YAF"),
        (CorpusKind::Tess, "OAF_back", "<speaker>_<word>_<emotion>"),
        (CorpusKind::Tess, "OAF_back_bored", "angry, disgust"),
        (CorpusKind::Ravdess, "03-01-09-01-01-01-01", "01 to 08"),
        (
            CorpusKind::Ravdess,
            "03-02-06-01-01-01-01",
            "audio-only speech",
        ),
        (CorpusKind::Ravdess, "03-01-6-01-01-01-01", "seven fields"),
        (CorpusKind::EmoDb, "03a01Xa", "W, L, E"),
        (CorpusKind::EmoDb, "3a01Wa", "03a01Fa"),
        (CorpusKind::EmoDb, "äöü1", "03a01Fa"),
    ] {
        let reason = kind.parse(stem).unwrap_err();
        assert!(reason.contains(expected), "{stem}: {reason}");
    }
}

#[test]
fn the_order_of_emotions_is_alphabetical() {
    use Emotion::*;
    let all = [
        Angry,
        Boredom,
        Calm,
        Disgust,
        Fear,
        Happy,
        Neutral,
        PleasantSurprise,
        Sad,
        Surprise,
    ];
    assert!(all.is_sorted());
    assert!(all.map(Emotion::name).is_sorted());
}

#[test]
fn a_folder_is_walked_in_the_order_of_ids() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("YAF_sad")).unwrap();
    for name in [
        "YAF_sad/YAF_back_sad.WAV",
        "OAF_back_angry.flac",
        "notes.txt",
        ".hidden.wav",
    ] {
        fs::write(folder.path().join(name), b"").unwrap();
    }
    let corpus = CorpusFolder {
        kind: CorpusKind::Tess,
        root: folder.path().into(),
    };
    let utterances = corpus.utterances().unwrap();
    let ids: Vec<_> = utterances.iter().map(|utterance| &*utterance.id).collect();
    assert_eq!(ids, ["OAF_back_angry", "YAF_back_sad"]);
    assert_eq!(utterances[1].file, Path::new("YAF_sad/YAF_back_sad.WAV"));
}

#[test]
fn a_name_that_occurs_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["OAF_back_angry.flac", "OAF_back_angry.wav"] {
        fs::write(folder.path().join(name), b"").unwrap();
    }
    let corpus = CorpusFolder {
        kind: CorpusKind::Tess,
        root: folder.path().into(),
    };
    assert!(
        corpus
            .utterances()
            .unwrap_err()
            .to_string()
            .contains("occurs twice")
    );
}

#[test]
fn an_empty_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = CorpusFolder {
        kind: CorpusKind::EmoDb,
        root: folder.path().into(),
    };
    assert!(
        corpus
            .utterances()
            .unwrap_err()
            .to_string()
            .contains("holds no .wav")
    );
}

#[test]
fn the_command_line_names_kind_and_folder() {
    let corpus: CorpusFolder = "emodb=some/where".parse().unwrap();
    assert_eq!(
        corpus,
        CorpusFolder {
            kind: CorpusKind::EmoDb,
            root: "some/where".into()
        }
    );
    for (argument, expected) in [
        ("tess", "KIND=DIR"),
        ("tess=", "KIND=DIR"),
        ("x=y", "ravdess"),
    ] {
        let reason = argument.parse::<CorpusFolder>().unwrap_err();
        assert!(reason.contains(expected), "{argument}: {reason}");
    }
}
