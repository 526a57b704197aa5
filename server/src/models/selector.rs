//! How a request names a model, and which of two versions is newer.

use std::cmp::Ordering;

use crate::Error;

/// `name`, meaning its newest version, or `name/version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Selector<'a> {
    name: &'a str,
    version: Option<&'a str>,
}

impl<'a> Selector<'a> {
    /// Reads what `field` holds.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] of that field.
    pub(super) fn parse(field: &str, text: &'a str) -> Result<Self, Error> {
        let (name, version) = match text.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        if !is_identifier(name) || !version.is_none_or(is_identifier) {
            let expected = "name or name/version, of [a-z0-9][a-z0-9._-]*";
            return Err(Error::invalid(field, format!("{text:?}"), expected));
        }
        Ok(Self { name, version })
    }

    /// Reads what the field `model` of an admin request holds, which always names
    /// a version.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] of that field.
    pub(super) fn parse_exact(text: &'a str) -> Result<Self, Error> {
        Self::parse("model", text)
            .ok()
            .filter(|selector| selector.version.is_some())
            .ok_or_else(|| {
                let expected = "name/version, of [a-z0-9][a-z0-9._-]*";
                Error::invalid("model", format!("{text:?}"), expected)
            })
    }

    pub(super) fn matches(&self, name: &str, version: &str) -> bool {
        self.name == name && self.version.is_none_or(|wanted| wanted == version)
    }
}

/// Whether `text` can be a name or a version.
pub(super) fn is_identifier(text: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    text.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && text.bytes().all(is_inner)
}

/// Orders versions so that the newest is the greatest: runs of digits by their
/// value, everything else by its bytes and after digits. `10` is newer than `9`,
/// `1.1` than `1`.
pub(super) fn compare_versions(left: &str, right: &str) -> Ordering {
    pieces(left)
        .cmp(pieces(right))
        .then_with(|| left.cmp(right))
}

/// A run of digits without leading zeros, longer ones being greater, or a run of
/// anything else.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Number(usize, &'a str),
    Text(&'a str),
}

fn pieces(version: &str) -> impl Iterator<Item = Piece<'_>> {
    version
        .as_bytes()
        .chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit())
        .map(|run| {
            let run = std::str::from_utf8(run).expect("cut beside ASCII digits only");
            if run.starts_with(|first: char| first.is_ascii_digit()) {
                let digits = run.trim_start_matches('0');
                Piece::Number(digits.len(), digits)
            } else {
                Piece::Text(run)
            }
        })
}
