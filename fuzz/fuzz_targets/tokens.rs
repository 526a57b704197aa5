//! A file of tokens, and a token that somebody brings.
//!
//! Errors tell nothing of the hash that is in the file: it may be the token, put there by
//! mistake.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ser_fuzz::seeds;
use ser_server::fuzzing::token_owner;

/// The token of the first seed, and its SHA-256.
const TOKEN: &str = "0123456789abcdefghijklmn";
const HASH: &str = "d5ea2aa9223ac1fa43ccec70b30962690fcfc6686857f99a0c4b2963cf8bee4b";

fn seeds() -> Vec<Vec<u8>> {
    let entry = |more: &str| format!("[[token]]\nname = \"alice\"\nsha256 = \"{HASH}\"\n{more}");
    let two = format!(
        "{}\n{}",
        entry("").replace(&HASH[..8], "00000000"),
        entry("streams = 3\n")
    );
    let texts = [
        entry(""),
        entry("expires = \"2027-01-01T00:00:00Z\"\n"),
        two,
        "token = [{ name = \"a\", sha256 = \"b\" }]".to_owned(),
    ];
    let seed = |text: String| seeds::join(&[text.as_bytes(), TOKEN.as_bytes()]);
    texts.map(seed).into()
}

fuzz_target!(
    init: seeds::write(seeds()),
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let (file, token) = text.split_once('\0').unwrap_or((text, TOKEN));
        match token_owner(file, token) {
            Ok(owner) => assert!(!owner.is_empty()),
            Err(error) => {
                let error = error.to_string();
                assert!(!error.is_empty());
                assert!(!error.contains(HASH), "{error}");
            }
        }
    }
);
