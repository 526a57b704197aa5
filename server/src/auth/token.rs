//! Tokens: what clients bring, and what is kept of it.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use sha2::{Digest, Sha256};

/// The fewest characters of a token: 128 bits in the densest common notation,
/// base64. What is kept is a plain SHA-256, since such a token can't be guessed: a
/// slow hash protects only what people make up, and would let anybody who sends
/// wrong tokens spend the server's time.
pub(super) const SHORTEST: usize = 22;
/// The most characters of a token.
pub(super) const LONGEST: usize = 512;

/// Random bytes in a token of ours.
const RANDOM_BYTES: usize = 32;
/// What a token of ours begins with, so that whoever scans for leaked secrets finds it.
const PREFIX: &str = "ser_";

/// What is kept of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenHash(pub(super) [u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Reads 64 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let value = digit(pair[0])? * 16 + digit(pair[1])?;
            *byte = value.try_into().ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(formatter, &self.0)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenHash({self})")
    }
}

/// A new token: what its owner gets, once, and what the server keeps.
pub struct NewToken {
    token: String,
    hash: TokenHash,
}

impl NewToken {
    /// Makes one that nobody else has, with 256 bits of chance.
    #[must_use]
    pub fn generate() -> Self {
        struct Random([u8; RANDOM_BYTES]);
        impl fmt::Display for Random {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(formatter, &self.0)
            }
        }
        let token = format!("{PREFIX}{}", Random(rand::random()));
        let hash = TokenHash::of(&token);
        Self { token, hash }
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Writes the token to a file that isn't there yet, and that nobody else can read.
    ///
    /// # Errors
    ///
    /// When there is a file, or it can't be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{}", self.token)
    }

    /// The lines of `auth.tokens` that let `name` in with it.
    #[must_use]
    pub fn entry(&self, name: &str) -> String {
        let name = toml::Value::from(name);
        format!("[[token]]\nname = {name}\nsha256 = \"{}\"\n", self.hash)
    }
}

impl fmt::Debug for NewToken {
    /// Without the token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("NewToken").field(&self.hash).finish()
    }
}

fn hex(formatter: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes
        .iter()
        .try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_hash_is_that_of_sha256sum() {
        // printf %s ser_example | sha256sum
        let hash = "5696f4f80fe99595d3e9a8a41c7fc033ea5bd5956c2c1fa57f3a36a94facb16a";
        assert_eq!(TokenHash::of("ser_example").to_string(), hash);
        assert_eq!(TokenHash::parse(hash), Some(TokenHash::of("ser_example")));
        assert_eq!(
            TokenHash::parse(&hash.to_uppercase()),
            Some(TokenHash::of("ser_example"))
        );
        for wrong in ["", &hash[1..], &hash.replace('9', "g"), &"é".repeat(32)] {
            assert_eq!(TokenHash::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_is_written_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = NewToken::generate();
        token.write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), token.token());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = NewToken::generate().write(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn new_tokens_are_long_and_all_different() {
        let (one, other) = (NewToken::generate(), NewToken::generate());
        assert_ne!(one.token, other.token);
        assert_eq!(one.token.len(), PREFIX.len() + 2 * RANDOM_BYTES);
        assert!(!format!("{one:?}").contains(&one.token));
    }
}
