//! Which tokens let whom in, and which files are refused.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::auth::NewToken;

fn load(text: &str) -> Result<Tokens, Error> {
    load_of_mode(text, 0o640).0
}

/// The same of a file with this mode, and what there is to warn of.
fn load_of_mode(text: &str, mode: u32) -> (Result<Tokens, Error>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tokens.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    let file = TokenFile {
        key: "auth.tokens",
        listener: "server",
        path,
    };
    let mut notes = Notes::default();
    let loaded = file.load(&mut notes);
    let folder = folder.path().display().to_string();
    let warnings = notes.warnings.iter();
    (
        loaded,
        warnings
            .map(|warning| warning.replace(&folder, "DIR"))
            .collect(),
    )
}

fn names(tokens: &Tokens, token: &NewToken, now: SystemTime) -> Result<String, String> {
    let found = tokens.find(token.token(), now);
    found
        .map(Principal::to_string)
        .map_err(|error| error.to_string())
}

#[test]
fn a_token_lets_its_owner_in_until_it_expires() {
    let [old, new, other, foreign] = std::array::from_fn(|_| NewToken::generate());
    let tokens = load(&format!(
        "{}expires = 2027-01-01T00:00:00Z\n{}{}streams = 7\n",
        old.entry("ci"),
        new.entry("ci"),
        other.entry("Büro \"7\""),
    ))
    .unwrap();
    let expiry = parse_rfc3339("2027-01-01T00:00:00Z").unwrap();
    let before = expiry - Duration::from_secs(1);
    assert_eq!(names(&tokens, &old, before).as_deref(), Ok("ci"));
    assert_eq!(names(&tokens, &new, before).as_deref(), Ok("ci"));
    assert_eq!(names(&tokens, &other, before).as_deref(), Ok("Büro \"7\""));
    let streams = |token: &NewToken| tokens.find(token.token(), before).unwrap().streams();
    assert_eq!(streams(&other).map(Into::into), Some(7));
    assert_eq!(streams(&new), None);
    assert_eq!(names(&tokens, &new, expiry).as_deref(), Ok("ci"));
    assert_eq!(
        names(&tokens, &old, expiry).unwrap_err(),
        "authorization: token of ci expired on 2027-01-01T00:00:00Z; expected one that is valid"
    );
    assert_eq!(
        names(&tokens, &foreign, before).unwrap_err(),
        "authorization: unknown token; expected one that this server knows"
    );
}

#[test]
fn what_can_be_guessed_is_no_token() {
    let entry = format!(
        "[[token]]\nname = \"a\"\nsha256 = \"{}\"",
        TokenHash::of("hunter2")
    );
    let tokens = load(&entry).unwrap();
    let error = tokens.find("hunter2", SystemTime::now());
    assert_eq!(
        error.unwrap_err().to_string(),
        "authorization: a token of 7 characters; expected at least 22, as `ser-server token` \
         makes them"
    );
    let long = "x".repeat(LONGEST + 1);
    let entry = format!(
        "[[token]]\nname = \"a\"\nsha256 = \"{}\"",
        TokenHash::of(&long)
    );
    assert!(
        load(&entry)
            .unwrap()
            .find(&long, SystemTime::now())
            .is_err()
    );
}

#[test]
fn a_file_without_tokens_is_refused_rather_than_everybody() {
    let error = load("# soon\n").unwrap_err().to_string();
    assert!(
        error.contains("tokens.toml: no tokens; expected"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_wrong_is_refused_without_telling_secrets() {
    let token = NewToken::generate();
    let secret = token.token();
    let entry = token.entry("a");
    for (text, expected) in [
        (
            format!("[[token]]\nname = \"a\"\nsha256 = \"{secret}\""),
            "token 1: sha256: 68 characters; expected 64 hexadecimal digits",
        ),
        (
            format!("[[token]]\nname = \"a\"\nsha256 = {secret}"),
            "line 3; expected ",
        ),
        (format!("token = \"{secret}\""), "line 1; expected "),
        (
            format!("{entry}streams = \"{secret}\""),
            "token 1: streams: text of 68 characters; expected a number of at least 1",
        ),
        (
            format!("[[token]]\nname = \"a\"\ntoken = \"{secret}\""),
            "line 3: unknown field `token`",
        ),
        (
            entry.replace("\"a\"", "\"\""),
            "token 1: name: \"\"; expected a name of printable characters",
        ),
        (
            entry.replace("\"a\"", "\"a\\n\""),
            "token 1: name: \"a\\n\"; expected",
        ),
        (
            format!("{entry}expires = \"tomorrow\""),
            "token 1: expires: \"tomorrow\"; expected a time such as 2027-01-01T00:00:00Z",
        ),
        (
            format!("{entry}expires = 2027-01-01"),
            "token 1: expires: 2027-01-01; expected a time such as 2027-01-01T00:00:00Z",
        ),
        (
            format!("{entry}streams = 0"),
            "token 1: streams: 0; expected a number of at least 1",
        ),
        (
            format!("{entry}streams = -1"),
            "token 1: streams: -1; expected a number of at least 1",
        ),
        (
            entry.repeat(2),
            "token 2: sha256: that of token 1 too; expected another",
        ),
    ] {
        let error = load(&text).unwrap_err();
        let said = error.to_string();
        assert!(error.is_misconfiguration());
        assert!(said.starts_with("configuration: auth.tokens: "), "{said}");
        assert!(said.contains("tokens.toml: "), "{said}");
        assert!(said.contains(expected), "{expected:?} is missing: {said}");
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_file_that_lets_nobody_in_or_that_everybody_can_read_is_warned_of() {
    let [one, other] = std::array::from_fn(|_| NewToken::generate());
    let expired = |token: &NewToken| token.entry("ci") + "expires = \"2020-01-01T00:00:00Z\"\n";
    let (loaded, warnings) = load_of_mode(&(expired(&one) + &expired(&other)), 0o600);
    assert!(loaded.is_ok());
    let nobody = "auth.tokens: DIR/tokens.toml: every token has expired; expected one that lets \
                  somebody in";
    assert_eq!(warnings, [nobody]);
    let (_, warnings) = load_of_mode(&(expired(&one) + &other.entry("ci")), 0o640);
    assert_eq!(warnings, [""; 0]);
    let (_, warnings) = load_of_mode(&other.entry("ci"), 0o644);
    let open = "auth.tokens: DIR/tokens.toml: open to everybody on this machine (mode 0644); \
                expected 0640";
    assert_eq!(warnings, [open]);
}
