//! What a misspelt name may have meant.

use strsim::normalized_damerau_levenshtein;

use super::keys::{self, Key, Kind};

/// How alike two names must be for one to be taken for the other, from 0 to 1: of six
/// letters, two may be wrong.
const ALIKE: f64 = 0.6;

/// What is near a word that none of `words` is, as the end of a sentence.
pub(crate) fn word<'a>(
    given: &str,
    words: impl IntoIterator<Item = impl AsRef<str> + 'a>,
) -> String {
    match nearest(given.trim_matches('"'), words) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    }
}

/// What may have been meant by the path of a key that `table` doesn't have.
pub(super) fn key(path: &str, table: &Key) -> String {
    let Kind::Table(siblings) = &table.kind else {
        return String::new();
    };
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let within = |name: &str| match section {
        "" => name.to_owned(),
        section => format!("{section}.{name}"),
    };
    // One underscore in a variable where two were meant, or the other way round.
    let flat = |path: &str| path.replace('.', "_");
    let all = keys::root().paths();
    if let Some(meant) = all.iter().find(|known| flat(known) == flat(path)) {
        return format!("did you mean {meant}?");
    }
    let names: Vec<_> = siblings.iter().map(|key| key.name.as_str()).collect();
    if let Some(near) = nearest(name, &names) {
        return format!("did you mean {}?", within(&near));
    }
    // A key in the wrong section, or without any.
    let mut elsewhere = all
        .iter()
        .filter(|path| path.rsplit('.').next() == Some(name));
    if let Some(elsewhere) = elsewhere.next() {
        return format!("did you mean {elsewhere}?");
    }
    format!("expected one of {}", names.join(", "))
}

fn nearest(given: &str, names: impl IntoIterator<Item = impl AsRef<str>>) -> Option<String> {
    let alike = names.into_iter().map(|name| {
        let name = name.as_ref();
        (normalized_damerau_levenshtein(given, name), name.to_owned())
    });
    let alike = alike.filter(|(alike, _)| *alike >= ALIKE);
    alike
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}
