//! Whether errors are those that the comments of the protocol promise.

const PROTOCOL: &str = concat!(
    include_str!("../../proto/ser/v1/types.proto"),
    include_str!("../../proto/ser/v1/speech_emotion.proto"),
    include_str!("../../proto/ser/v1/clips.proto"),
    include_str!("../../proto/ser/v1/models.proto"),
    include_str!("../../proto/ser/admin/v1/model_repository.proto"),
    include_str!("../../proto/ser/admin/v1/logging.proto"),
    include_str!("../../proto/inference/grpc_service.proto"),
);

/// Checks that the protocol's comments name this error, with whatever values.
#[track_caller]
pub(crate) fn assert_promised(message: &str) {
    let lines = PROTOCOL
        .lines()
        .map(|line| line.trim_start_matches([' ', '/']));
    let protocol = without_values(&lines.collect::<Vec<_>>().join(" "));
    let promised = format!("\"{}\"", without_values(&message.replace('"', "\\\"")));
    assert!(
        protocol.contains(&promised),
        "{message:?} is not in the protocol, as {promised}"
    );
}

/// Text with `#` for each number, `?` for each quoted text, `NaN` for all that isn't
/// finite and `MODEL` for the names of models, as seen from the options.
fn without_values(text: &str) -> String {
    let text = text
        .replace("config.options.", "options.")
        .replace("is -inf", "is NaN")
        .replace("is inf", "is NaN");
    without_models(&without_numbers(&without_quotes(&text)))
}

fn without_quotes(text: &str) -> String {
    let pieces = text.split("\\\"").enumerate();
    pieces
        .map(|(at, piece)| if at % 2 == 0 { piece } else { "?" })
        .collect()
}

fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        let of_number = character.is_ascii_digit() || (character == '.' && plain.ends_with('#'));
        match character {
            '-' if plain.ends_with(' ') => {}
            _ if of_number && plain.ends_with('#') => {}
            _ if of_number => plain.push('#'),
            other => plain.push(other),
        }
    }
    plain
}

fn without_models(text: &str) -> String {
    let word = |word: &str| {
        let name = word.trim_end_matches([',', ':', '"']);
        let model = name.split_once('/');
        match model.filter(|(name, version)| !name.is_empty() && *version == "#") {
            Some(_) => format!("MODEL{}", &word[name.len()..]),
            None => word.to_owned(),
        }
    };
    let mut words: Vec<String> = text.split_whitespace().map(word).collect();
    words.dedup_by(|after, before| before == "MODEL," && after.starts_with("MODEL"));
    words.join(" ").replace("MODEL,", "MODEL")
}

#[test]
fn what_is_not_promised_is_noticed() {
    assert_promised("model: \"b/2\" is not served; expected one of a/1, c/2, d.e-f/3");
    let unknown = || assert_promised("model: \"b/2\" is not served; expected another");
    assert!(std::panic::catch_unwind(unknown).is_err());
    let half = || assert_promised("is not served; expected one of a/1");
    assert!(std::panic::catch_unwind(half).is_err());
}
