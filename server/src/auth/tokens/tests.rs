//! Which tokens let whom in, and which files are refused.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::auth::NewToken;

fn load(text: &str) -> Result<Tokens, Error> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tokens.toml");
    fs::write(&path, text).unwrap();
    let key = "auth.tokens";
    TokenFile { key, path }.load()
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
        "{}expires = \"2027-01-01T00:00:00Z\"\n{}{}streams = 7\n",
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
            "line 4; expected ",
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
        (format!("{entry}streams = 0"), "line 4; expected "),
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
