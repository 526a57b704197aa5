//! What was heard when, from the start of the stream.

use std::collections::VecDeque;

use ser_client::proto::{EmotionResult, Verdict};

use super::{labels::Labels, printable, seconds};

/// The last results, each with its scores: more than any terminal is wide.
const MOST_MOMENTS: usize = 2_048;
/// Stretches of equal results. Beyond, older ones are merged in pairs, so that
/// memory is bounded and the whole stream stays to be seen.
const MOST_SPANS: usize = 8_192;

/// What a result says of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    NoSpeech,
    Emotion {
        /// Its place among the model's labels, if it is one.
        label: Option<usize>,
        certain: bool,
    },
}

impl Heard {
    /// One cell that says it without colour: the label's letter, a capital if
    /// certain.
    pub(super) fn symbol(self, labels: &Labels) -> char {
        let Self::Emotion { label, certain } = self else {
            return '·';
        };
        match label.and_then(|place| labels.get(place)) {
            Some(label) if certain => label.key,
            Some(label) => label.key.to_ascii_lowercase(),
            None => '?',
        }
    }

    /// The place of the label, of which the colour depends.
    pub(super) fn label(self) -> Option<usize> {
        match self {
            Self::Emotion { label, .. } => label,
            Self::NoSpeech => None,
        }
    }
}

/// A stretch of time; times in seconds from the first sample.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    start: f64,
    end: f64,
    heard: Heard,
}

/// One result, fit to be shown.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// Where the audio starts that it speaks for.
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) heard: Heard,
    /// Names with their probabilities, best first.
    pub(super) scores: Vec<(String, f64)>,
    /// Probabilities in the order of the labels.
    pub(super) posteriors: Vec<f64>,
}

impl Moment {
    pub(super) fn of(result: &EmotionResult, labels: &Labels) -> Self {
        let top = result.scores.first().map(|score| score.label.as_str());
        let heard = match result.label.as_deref().or(top) {
            Some(label) if result.verdict() != Verdict::NoSpeech => Heard::Emotion {
                label: labels.place(label),
                certain: result.verdict() != Verdict::Uncertain,
            },
            _ => Heard::NoSpeech,
        };
        let mut posteriors = vec![0.0; labels.len()];
        for score in &result.scores {
            if let Some(place) = labels.place(&score.label) {
                posteriors[place] = score.probability.into();
            }
        }
        let scores = result.scores.iter();
        Self {
            start: seconds(result.new_start),
            end: seconds(result.end),
            heard,
            scores: scores
                .map(|score| {
                    (
                        printable(&score.label).into_owned(),
                        score.probability.into(),
                    )
                })
                .collect(),
            posteriors,
        }
    }
}

/// The results of one channel.
#[derive(Debug, Default)]
pub(super) struct History {
    moments: VecDeque<Moment>,
    spans: Vec<Span>,
}

impl History {
    pub(super) fn push(&mut self, moment: Moment) {
        let span = Span {
            start: moment.start,
            end: moment.end,
            heard: moment.heard,
        };
        match self.spans.last_mut() {
            Some(last) if last.heard == span.heard => last.end = span.end,
            _ => self.spans.push(span),
        }
        if self.spans.len() > MOST_SPANS {
            self.coarsen();
        }
        if self.moments.len() == MOST_MOMENTS {
            self.moments.pop_front();
        }
        self.moments.push_back(moment);
    }

    /// Halves the older half: of two neighbours the longer speaks for both.
    fn coarsen(&mut self) {
        let newer = self.spans.split_off(MOST_SPANS / 2);
        let merged = self.spans.chunks(2).map(|pair| {
            let (first, last) = (pair[0], pair[pair.len() - 1]);
            let longer = if last.end - last.start > first.end - first.start {
                last
            } else {
                first
            };
            Span {
                start: first.start,
                end: last.end,
                heard: longer.heard,
            }
        });
        self.spans = merged.collect();
        self.spans.extend(newer);
    }

    pub(super) fn latest(&self) -> Option<&Moment> {
        self.moments.back()
    }

    /// The last results, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Moment> {
        self.moments.iter().rev()
    }

    /// Where the results so far end, in seconds.
    pub(super) fn end(&self) -> f64 {
        self.spans.last().map_or(0.0, |span| span.end)
    }

    /// Since when what was heard last has been heard.
    pub(super) fn since(&self) -> f64 {
        self.spans.last().map_or(0.0, |span| span.start)
    }

    /// The last result that speaks for a part of `start` to `end`, if it is among
    /// the last ones.
    pub(super) fn moment(&self, start: f64, end: f64) -> Option<&Moment> {
        // Ends ascend, so the last that begins before `end` is the one.
        let after = self
            .moments
            .partition_point(|moment| moment.start < end - TOLERANCE);
        let last = self.moments.get(after.checked_sub(1)?)?;
        (last.end > start + TOLERANCE).then_some(last)
    }

    /// What was heard the longest between `start` and `end`.
    pub(super) fn mostly(&self, start: f64, end: f64) -> Option<Heard> {
        let first = self
            .spans
            .partition_point(|span| span.end <= start + TOLERANCE);
        let overlapping = self.spans[first..]
            .iter()
            .take_while(|span| span.start < end - TOLERANCE);
        let mut totals = Vec::<(Heard, f64)>::new();
        for span in overlapping {
            let time = span.end.min(end) - span.start.max(start);
            match totals.iter_mut().find(|(heard, _)| *heard == span.heard) {
                Some((_, total)) => *total += time,
                None => totals.push((span.heard, time)),
            }
        }
        totals
            .into_iter()
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(heard, _)| heard)
    }
}

/// Times are rounded to a nanosecond; what touches by no more does not overlap.
const TOLERANCE: f64 = 1e-6;

/// A time as minutes, seconds and hundredths.
pub(super) fn clock(seconds: f64) -> String {
    let hundredths = (seconds * 100.0).round() as u64;
    format!(
        "{}:{:02}.{:02}",
        hundredths / 6000,
        hundredths / 100 % 60,
        hundredths % 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAD: Heard = Heard::Emotion {
        label: Some(1),
        certain: true,
    };

    fn moment(start: f64, end: f64, heard: Heard) -> Moment {
        Moment {
            start,
            end,
            heard,
            scores: Vec::new(),
            posteriors: Vec::new(),
        }
    }

    #[test]
    fn a_cell_shows_what_lasted_longest_in_it() {
        let mut history = History::default();
        for (start, heard) in [(0.0, SAD), (0.5, Heard::NoSpeech), (1.0, Heard::NoSpeech)] {
            history.push(moment(start, start + 0.5, heard));
        }
        assert_eq!(history.mostly(0.0, 0.5), Some(SAD));
        assert_eq!(history.mostly(0.2, 0.7), Some(SAD));
        assert_eq!(history.mostly(0.0, 1.5), Some(Heard::NoSpeech));
        assert_eq!(history.mostly(1.5, 2.0), None);
        assert_eq!((history.since(), history.end()), (0.5, 1.5));
        assert_eq!(history.moment(0.4, 0.5).unwrap().heard, SAD);
        assert!(history.moment(1.5, 2.0).is_none());
    }

    #[test]
    fn a_day_of_changes_is_bounded_and_whole() {
        let mut history = History::default();
        for result in 0..200_000 {
            let heard = if result % 3 == 0 {
                SAD
            } else {
                Heard::NoSpeech
            };
            let start = f64::from(result) * 0.5;
            history.push(moment(start, start + 0.5, heard));
        }
        assert!(history.spans.len() <= MOST_SPANS && history.moments.len() <= MOST_MOMENTS);
        assert_eq!((history.spans[0].start, history.end()), (0.0, 100_000.0));
        for pair in history.spans.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        assert_eq!(history.mostly(0.0, 100_000.0), Some(Heard::NoSpeech));
        assert_eq!(history.mostly(99_999.0, 99_999.5), Some(SAD), "{history:?}");
    }

    #[test]
    fn times_carry_over() {
        assert_eq!(clock(0.0), "0:00.00");
        assert_eq!(clock(59.996), "1:00.00");
        assert_eq!(clock(3_725.5), "62:05.50");
    }
}
