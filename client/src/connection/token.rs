//! Who the user is, as a server is told with each call.

use std::{fmt, path::PathBuf};

use http::HeaderValue;

use crate::Error;

/// A bearer token. It is shown to whatever server a call goes to, but never over a
/// connection that others may read.
#[derive(Clone)]
pub struct Token {
    source: Source,
    in_clear: bool,
}

#[derive(Clone)]
enum Source {
    Given(String),
    File(PathBuf),
}

impl Token {
    /// This one.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            source: Source::Given(token.into()),
            in_clear: false,
        }
    }

    /// The one in this file, which is read again for each call: another may be put in
    /// its place at any time.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            source: Source::File(path.into()),
            in_clear: false,
        }
    }

    /// Shows it also to servers on other machines at `http://`, where whoever is on the
    /// way can read it.
    #[must_use]
    pub fn over_plaintext(mut self) -> Self {
        self.in_clear = true;
        self
    }

    /// Whether it may be sent without encryption.
    pub(super) fn may_go_in_clear(&self) -> bool {
        self.in_clear
    }

    /// What a call says.
    ///
    /// # Errors
    ///
    /// [`Error::Credential`].
    pub(super) async fn authorization(&self) -> Result<HeaderValue, Error> {
        let (place, token) = match &self.source {
            Source::Given(token) => ("the token".to_owned(), token.clone()),
            Source::File(path) => {
                let place = path.display().to_string();
                match tokio::fs::read_to_string(path).await {
                    Ok(token) => (place, token),
                    Err(error) => {
                        let reason = format!("{error}; expected a file with a token");
                        return Err(Error::Credential { place, reason });
                    }
                }
            }
        };
        let token = token.trim();
        let found = match token {
            "" => "empty",
            token if token.contains('\n') => "several lines",
            token if token.contains(char::is_whitespace) => "several words",
            token => match HeaderValue::try_from(format!("Bearer {token}")) {
                Ok(mut value) if token.is_ascii() => {
                    value.set_sensitive(true);
                    return Ok(value);
                }
                _ => "characters that are in no token",
            },
        };
        Err(Error::Credential {
            place,
            reason: format!("{found}; expected a token, on one line and without spaces"),
        })
    }
}

impl fmt::Debug for Token {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Given(_) => f.write_str("Token(..)"),
            Source::File(path) => f.debug_tuple("Token").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn authorization(text: &str) -> Result<String, String> {
        match Token::new(text).authorization().await {
            Ok(value) => {
                assert!(value.is_sensitive());
                Ok(value.to_str().unwrap().to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn a_token_is_one_word() {
        let good = Ok("Bearer ser_1".to_owned());
        assert_eq!(authorization("ser_1").await, good);
        assert_eq!(authorization(" ser_1\r\n").await, good);
        let expected = "expected a token, on one line and without spaces";
        for (text, found) in [
            ("", "empty"),
            ("\n", "empty"),
            ("a b", "several words"),
            ("a\nb", "several lines"),
            ("ä", "characters that are in no token"),
            ("a\u{1b}", "characters that are in no token"),
        ] {
            let error = authorization(text).await.unwrap_err();
            assert_eq!(error, format!("the token: {found}; {expected}"));
        }
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(..)");
    }

    #[tokio::test]
    async fn a_file_is_read_for_each_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::file(&path);
        let error = token.authorization().await.unwrap_err().to_string();
        assert!(error.ends_with("; expected a file with a token"), "{error}");
        for word in ["one", "two"] {
            std::fs::write(&path, word).unwrap();
            let value = token.authorization().await.unwrap();
            assert_eq!(value, format!("Bearer {word}"));
        }
    }
}
