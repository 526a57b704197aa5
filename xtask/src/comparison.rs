//! What clients heard, against what an undisturbed one hears.

use std::collections::BTreeMap;
use std::fmt;

use crate::Error;

/// Counts over all clients.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    results: usize,
    resumed: usize,
    lost: usize,
    repeated: usize,
    different: usize,
}

impl Comparison {
    /// Adds a client, whose lines `heard` are those of `ser-client stream --json`.
    pub(crate) fn add(&mut self, expected: &str, heard: &str) {
        let mut expected = results(expected);
        let mut seen = BTreeMap::new();
        for (sequence, line) in results(heard)
            .into_iter()
            .flat_map(|(sequence, lines)| lines.into_iter().map(move |line| (sequence, line)))
        {
            *seen.entry(sequence).or_insert(0) += 1;
            let right = expected.get(sequence).is_some_and(|lines| lines == &[line]);
            self.different += usize::from(!right);
        }
        self.results += seen.len();
        self.repeated += seen.values().map(|times| times - 1).sum::<usize>();
        expected.retain(|sequence, _| !seen.contains_key(sequence));
        self.lost += expected.len();
        self.resumed += lines(heard, "resumed").count();
    }

    /// An error unless every result came once, as it should be.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        match (self.results, self.lost, self.repeated, self.different) {
            (1.., 0, 0, 0) => Ok(()),
            _ => Err(Error::Comparison(self)),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            results,
            resumed,
            lost,
            repeated,
            different,
        } = self;
        write!(
            f,
            "{results} results, {resumed} streams went on elsewhere: {lost} results lost, \
             {repeated} repeated, {different} different from an undisturbed stream's"
        )
    }
}

/// The lines of one type.
fn lines<'a>(text: &'a str, kind: &str) -> impl Iterator<Item = &'a str> {
    let start = format!("{{\"type\":\"{kind}\",");
    text.lines().filter(move |line| line.starts_with(&start))
}

/// Results by what their lines say up to the second comma, which ends their sequence
/// number; and summaries, of which there is one.
fn results(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut by_sequence: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines(text, "result").chain(lines(text, "summary")) {
        let end = line
            .match_indices(',')
            .nth(1)
            .map_or(line.len(), |(at, _)| at);
        by_sequence.entry(&line[..end]).or_default().push(line);
    }
    by_sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDISTURBED: &str = r#"{"type":"started","numerics":"a"}
{"type":"result","sequence":0,"label":"sad"}
{"type":"result","sequence":1,"label":"happy"}
{"type":"result","sequence":2,"label":"happy"}
"#;

    fn compared(heard: &str) -> Comparison {
        let mut comparison = Comparison::default();
        comparison.add(UNDISTURBED, heard);
        comparison
    }

    #[test]
    fn every_result_once_is_right() {
        let heard = format!("{UNDISTURBED}{{\"type\":\"resumed\",\"server\":\"b\"}}\n");
        let comparison = compared(&heard);
        let expected = Comparison {
            results: 3,
            resumed: 1,
            ..Default::default()
        };
        assert_eq!(comparison, expected);
        comparison.into_result().unwrap();
    }

    #[test]
    fn what_is_wrong_is_counted() {
        let heard = r#"{"type":"result","sequence":0,"label":"sad"}
{"type":"result","sequence":0,"label":"sad"}
{"type":"result","sequence":2,"label":"sad"}
"#;
        let comparison = compared(heard);
        let expected = Comparison {
            results: 2,
            resumed: 0,
            lost: 1,
            repeated: 1,
            different: 1,
        };
        assert_eq!(comparison, expected);
        comparison.into_result().unwrap_err();
    }

    #[test]
    fn silence_is_no_success() {
        let mut nothing = Comparison::default();
        nothing.add("", "");
        nothing.into_result().unwrap_err();
    }
}
