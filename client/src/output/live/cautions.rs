//! Warnings, as many as a person reads.

use std::collections::VecDeque;

/// The last ones are kept, since nothing that a server does costs memory without
/// bound.
const KEPT: usize = 32;

/// The last warnings, and how many there were.
#[derive(Debug, Default)]
pub(super) struct Cautions {
    last: VecDeque<String>,
    count: usize,
}

impl Cautions {
    pub(super) fn push(&mut self, text: &str) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(text.to_owned());
        self.count += 1;
    }

    pub(super) fn latest(&self) -> Option<&str> {
        self.last.back().map(String::as_str)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many are not kept any more.
    pub(super) fn forgotten(&self) -> usize {
        self.count - self.last.len()
    }

    /// Those that are kept, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_all_are_counted() {
        let mut cautions = Cautions::default();
        assert_eq!((cautions.latest(), cautions.forgotten()), (None, 0));
        for number in 1..=1_000 {
            cautions.push(&format!("number {number}"));
        }
        let kept: Vec<_> = cautions.iter().collect();
        assert_eq!(kept.len(), KEPT);
        assert_eq!((kept[0], kept[KEPT - 1]), ("number 969", "number 1000"));
        assert_eq!(cautions.latest(), Some("number 1000"));
        assert_eq!((cautions.count(), cautions.forgotten()), (1_000, 968));
    }
}
