//! How good a classifier is.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// How often each label was taken for which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ConfusionMatrix {
    /// Names, in the order of rows and columns.
    pub labels: Vec<String>,
    /// `counts[true][predicted]`, in clips.
    pub counts: Vec<Vec<usize>>,
}

/// Figures of one label. Where a denominator is 0, the figure is 0.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct LabelMetrics {
    /// The label.
    pub label: String,
    /// Of the clips given this label, the share that has it.
    pub precision: f64,
    /// Of the clips that have this label, the share given it.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Clips that have this label.
    pub support: usize,
}

/// Figures of one classifier on one set of clips.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Metrics {
    /// Clips.
    pub clips: usize,
    /// Share of clips whose likeliest label is right.
    pub accuracy: f64,
    /// Mean recall of the labels that occur: chance is one over their number,
    /// however uneven they are.
    pub unweighted_average_recall: f64,
    /// Figures of each label.
    pub per_label: Vec<LabelMetrics>,
    /// What the figures come from.
    pub confusion: ConfusionMatrix,
}

impl ConfusionMatrix {
    /// Counts pairs of true and predicted label, both indices into `labels`.
    #[must_use]
    pub fn new(labels: Vec<String>, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![vec![0; labels.len()]; labels.len()];
        for (truth, predicted) in pairs {
            counts[truth][predicted] += 1;
        }
        Self { labels, counts }
    }

    /// The sum of matrices, over every label that any of them has, sorted.
    pub fn sum<'a>(matrices: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let labels: BTreeSet<&String> = matrices.clone().flat_map(|one| &one.labels).collect();
        let mut sum = Self::new(labels.into_iter().cloned().collect(), []);
        for matrix in matrices {
            let place = |label| {
                sum.labels
                    .binary_search(label)
                    .expect("all labels are there")
            };
            let places: Vec<usize> = matrix.labels.iter().map(place).collect();
            for (row, &truth) in matrix.counts.iter().zip(&places) {
                for (count, &predicted) in row.iter().zip(&places) {
                    sum.counts[truth][predicted] += count;
                }
            }
        }
        sum
    }

    /// The figures.
    #[must_use]
    pub fn metrics(self) -> Metrics {
        let sum = |counts: &mut dyn Iterator<Item = usize>| counts.sum::<usize>();
        let ratio = |part: usize, whole: usize| {
            if whole == 0 {
                0.0
            } else {
                part as f64 / whole as f64
            }
        };
        let per_label: Vec<_> = self
            .labels
            .iter()
            .enumerate()
            .map(|(label, name)| {
                let hits = self.counts[label][label];
                let support = sum(&mut self.counts[label].iter().copied());
                let given = sum(&mut self.counts.iter().map(|row| row[label]));
                LabelMetrics {
                    label: name.clone(),
                    precision: ratio(hits, given),
                    recall: ratio(hits, support),
                    f1: ratio(2 * hits, given + support),
                    support,
                }
            })
            .collect();
        let clips = sum(&mut per_label.iter().map(|label| label.support));
        let hits = sum(&mut (0..self.labels.len()).map(|label| self.counts[label][label]));
        let recalls: Vec<_> = per_label
            .iter()
            .filter(|label| label.support > 0)
            .map(|label| label.recall)
            .collect();
        let unweighted_average_recall = if recalls.is_empty() {
            0.0
        } else {
            recalls.iter().sum::<f64>() / recalls.len() as f64
        };
        let accuracy = ratio(hits, clips);
        Metrics {
            clips,
            accuracy,
            unweighted_average_recall,
            per_label,
            confusion: self,
        }
    }

    /// A table for people: rows are true labels, columns predicted ones.
    #[must_use]
    pub fn to_text(&self) -> String {
        let width = self
            .labels
            .iter()
            .map(String::len)
            .max()
            .unwrap_or(0)
            .max(4);
        let mut text = format!("{:>width$} ", "");
        for index in 0..self.labels.len() {
            _ = write!(text, " {:>5}", format!("({})", index + 1));
        }
        for (index, (label, row)) in self.labels.iter().zip(&self.counts).enumerate() {
            _ = write!(text, "\n{label:>width$} ");
            for count in row {
                _ = write!(text, " {count:>5}");
            }
            _ = write!(text, "  ({})", index + 1);
        }
        text
    }
}

impl Metrics {
    /// The figures for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} clips, accuracy {:.2} %, unweighted average recall {:.2} %\n\n",
            self.clips,
            100.0 * self.accuracy,
            100.0 * self.unweighted_average_recall
        );
        let width = self
            .per_label
            .iter()
            .map(|l| l.label.len())
            .max()
            .unwrap_or(0);
        _ = writeln!(text, "{:>width$}  precision  recall      F1  clips", "");
        for LabelMetrics {
            label,
            precision,
            recall,
            f1,
            support,
        } in &self.per_label
        {
            _ = writeln!(
                text,
                "{label:>width$}  {precision:9.4}  {recall:6.4}  {f1:6.4}  {support:5}"
            );
        }
        text + "\nrows: true label, columns: given label\n" + &self.confusion.to_text() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        labels: usize,
        truth: Vec<usize>,
        predicted: Vec<usize>,
        accuracy: f64,
        unweighted_average_recall: f64,
        confusion: Vec<Vec<usize>>,
        precision: Vec<f64>,
        recall: Vec<f64>,
        f1: Vec<f64>,
        support: Vec<usize>,
    }

    fn names(labels: usize) -> Vec<String> {
        (0..labels).map(|label| format!("label {label}")).collect()
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let reference = include_str!("../../testdata/metrics_reference.json");
        let reference: Reference = serde_json::from_str(reference).unwrap();
        assert_eq!(reference.cases.len(), 4);
        for case in reference.cases {
            let pairs = case
                .truth
                .iter()
                .copied()
                .zip(case.predicted.iter().copied());
            let metrics = ConfusionMatrix::new(names(case.labels), pairs).metrics();
            let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12);
            assert_eq!(metrics.confusion.counts, case.confusion);
            assert_eq!(metrics.clips, case.truth.len());
            close(metrics.accuracy, case.accuracy);
            close(
                metrics.unweighted_average_recall,
                case.unweighted_average_recall,
            );
            for (label, got) in metrics.per_label.iter().enumerate() {
                close(got.precision, case.precision[label]);
                close(got.recall, case.recall[label]);
                close(got.f1, case.f1[label]);
                assert_eq!(got.support, case.support[label]);
            }
        }
    }

    #[test]
    fn no_clips_give_zeros() {
        let metrics = ConfusionMatrix::new(names(2), []).metrics();
        assert_eq!((metrics.clips, metrics.accuracy), (0, 0.0));
        assert_eq!(metrics.unweighted_average_recall, 0.0);
    }

    #[test]
    fn the_table_names_every_row() {
        let matrix = ConfusionMatrix::new(names(2), [(0, 0), (0, 1), (0, 1), (1, 1)]);
        let text = matrix.to_text();
        let rows: Vec<_> = text
            .lines()
            .map(str::split_whitespace)
            .map(Vec::from_iter)
            .collect();
        assert_eq!(rows[1], ["label", "0", "1", "2", "(1)"]);
        assert_eq!(rows[2], ["label", "1", "0", "1", "(2)"]);
    }
}
