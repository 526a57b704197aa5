//! The file of tokens.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::SystemTime,
};

use humantime::{format_rfc3339_seconds, parse_rfc3339};
use serde::Deserialize;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use toml::Value;

use super::{
    Principal,
    principal::principal_name,
    token::{LONGEST, SHORTEST, TokenHash},
};
use crate::{
    Error,
    reload::{Notes, Source},
};

/// Whose tokens there are. Several may have one name, so that a new one works before
/// the old one is taken away.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    hash: TokenHash,
    principal: Principal,
    expires: Option<SystemTime>,
}

impl Tokens {
    /// Whose token this is.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] of one that is unknown or has expired.
    pub(crate) fn find(&self, token: &str, now: SystemTime) -> Result<&Principal, Error> {
        let length = token.chars().count();
        if length < SHORTEST {
            let found = format!("a token of {length} characters");
            return Err(refused(
                found,
                "at least 22, as `ser-server token` makes them",
            ));
        }
        let unknown = || refused("unknown token".to_owned(), "one that this server knows");
        if length > LONGEST {
            return Err(unknown());
        }
        // All of them, whichever it is: how long this takes tells nothing about any.
        let hash = TokenHash::of(token);
        let mut found = u64::MAX;
        for (index, entry) in (0..).zip(&self.0) {
            found.conditional_assign(&index, entry.hash.0[..].ct_eq(&hash.0[..]));
        }
        let found = usize::try_from(found).ok();
        let entry = found
            .and_then(|index| self.0.get(index))
            .ok_or_else(unknown)?;
        match entry.expires {
            Some(expires) if entry.has_expired(now) => Err(refused(
                format!(
                    "token of {} expired on {}",
                    entry.principal,
                    format_rfc3339_seconds(expires)
                ),
                "one that is valid",
            )),
            _ => Ok(&entry.principal),
        }
    }

    /// Whether all of them have.
    fn have_expired(&self, now: SystemTime) -> bool {
        self.0.iter().all(|entry| entry.has_expired(now))
    }
}

impl Entry {
    fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

pub(super) fn refused(found: String, expected: &'static str) -> Error {
    Error::Unauthenticated {
        what: "authorization",
        found,
        expected,
    }
}

/// Where [`Tokens`] come from.
#[derive(Debug)]
pub(crate) struct TokenFile {
    /// What names the file, for messages.
    pub(crate) key: &'static str,
    /// What the log calls the listener whose callers have them.
    pub(crate) listener: &'static str,
    pub(crate) path: PathBuf,
}

/// What is shorter is no token, so that an error may quote it.
const LONGEST_TIME: usize = SHORTEST;

/// What is in it.
const EXPECTED: &str = "[[token]] with name and sha256, and perhaps streams and expires";

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    token: Vec<WrittenToken>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToken {
    name: String,
    sha256: String,
    streams: Option<Value>,
    expires: Option<Value>,
}

/// What is wrong, where the message quotes no value, which may be a token.
fn harmless(error: &toml::de::Error) -> String {
    let message = error.message();
    let quotes_names = ["missing field", "unknown field", "duplicate"];
    if quotes_names.iter().any(|start| message.starts_with(start)) {
        return format!(": {message}");
    }
    String::new()
}

/// A value that is wrong; of text the length alone, since it may be a token.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("text of {} characters", text.chars().count()),
        Value::Array(_) | Value::Table(_) => value.type_str().to_owned(),
        plain => plain.to_string(),
    }
}

impl TokenFile {
    fn wrong(&self, reason: &str) -> Error {
        Error::config(self.key, format!("{}: {reason}", self.path.display()))
    }

    /// The tokens in the file's text.
    pub(crate) fn parse(&self, text: &str) -> Result<Tokens, Error> {
        // Without the line that is wrong: a token may be in it by mistake.
        let written: Written = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            self.wrong(&format!(
                "line {line}{}; expected {EXPECTED}",
                harmless(&error)
            ))
        })?;
        if written.token.is_empty() {
            // A file that somebody is about to write looks like this, too.
            return Err(self.wrong(&format!("no tokens; expected {EXPECTED}")));
        }
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for (number, written) in (1..).zip(written.token) {
            match self.entry(number, written) {
                Ok(entry) => entries.push(entry),
                Err(error) => errors.push(error),
            }
        }
        Error::unless_none(errors)?;
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..index]
                .iter()
                .position(|e: &Entry| e.hash == entry.hash)
            {
                return Err(self.wrong(&format!(
                    "token {}: sha256: that of token {} too; expected another",
                    index + 1,
                    first + 1
                )));
            }
        }
        Ok(Tokens(entries))
    }

    /// The `number`-th token.
    fn entry(&self, number: usize, written: WrittenToken) -> Result<Entry, Error> {
        let wrong = |field: &str, value: &str, expected: &str| {
            self.wrong(&format!(
                "token {number}: {field}: {value}; expected {expected}"
            ))
        };
        let WrittenToken {
            name,
            sha256,
            streams,
            expires,
        } = written;
        let name = principal_name(&name).map_err(|_| {
            wrong(
                "name",
                &format!("{name:?}"),
                "a name of printable characters",
            )
        })?;
        // Not the value: it may be the token, put there by mistake.
        let hash = TokenHash::parse(&sha256).ok_or_else(|| {
            self.wrong(&format!(
                "token {number}: sha256: {} characters; expected 64 hexadecimal digits, as \
                 `ser-server token NAME` prints them",
                sha256.chars().count()
            ))
        })?;
        let streams = streams.map(|value| {
            let expected = "a number of at least 1";
            let count = value.as_integer().and_then(|count| count.try_into().ok());
            let count = count.and_then(NonZeroUsize::new);
            count.ok_or_else(|| wrong("streams", &shown(&value), expected))
        });
        let expires = expires.map(|value| {
            let text = match &value {
                Value::String(text) => text.clone(),
                Value::Datetime(time) => time.to_string(),
                _ => String::new(),
            };
            let expected = "a time such as 2027-01-01T00:00:00Z";
            let found = match text.len() {
                1..LONGEST_TIME => value.to_string(),
                _ => shown(&value),
            };
            parse_rfc3339(&text).map_err(|_| wrong("expires", &found, expected))
        });
        Ok(Entry {
            hash,
            principal: Principal::new(name, streams.transpose()?),
            expires: expires.transpose()?,
        })
    }
}

impl Source for TokenFile {
    type Value = Tokens;
    const NAME: &'static str = "tokens";

    fn listener(&self) -> &'static str {
        self.listener
    }

    fn files(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn load(&self, notes: &mut Notes) -> Result<Tokens, Error> {
        let text = fs::read_to_string(&self.path)
            .map_err(|error| self.wrong(&format!("{error}; expected a file with {EXPECTED}")))?;
        let tokens = self.parse(&text)?;
        notes.warn_of_mode(self.key, &self.path);
        if tokens.have_expired(SystemTime::now()) {
            let what = "every token has expired; expected one that lets somebody in";
            notes.warn(self.key, &self.path, what);
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests;
