//! Comma-separated values, with a column for each emotion.

use std::{
    io::{self, Write},
    path::Path,
};

use ser_client::{
    Classification,
    proto::{EmotionResult, Score},
};

use super::{Overall, Report, Total};
use crate::{
    cli::Per,
    output::{seconds, short_name},
};

/// Columns of a clip before those of the emotions.
const OF_A_CLIP: [&str; 11] = [
    "file",
    "channel",
    "verdict",
    "label",
    "confidence",
    "received",
    "classified",
    "no_speech",
    "uncertain",
    "results",
    "warnings",
];
/// Columns of a window before those of the emotions.
const OF_A_WINDOW: [&str; 10] = [
    "file",
    "channel",
    "verdict",
    "label",
    "confidence",
    "sequence",
    "start",
    "end",
    "new_start",
    "trigger",
];

pub(super) struct Csv {
    per: Per,
    labels: Vec<String>,
    out: csv::Writer<Box<dyn Write>>,
    header_written: bool,
}

impl Csv {
    pub(super) fn new(per: Per, labels: Vec<String>, out: Box<dyn Write>) -> Self {
        Self {
            per,
            labels,
            out: csv::Writer::from_writer(out),
            header_written: false,
        }
    }

    fn header(&self) -> Vec<String> {
        let fixed: &[&str] = match self.per {
            Per::Clip => &OF_A_CLIP,
            Per::Window => &OF_A_WINDOW,
        };
        let mut columns: Vec<_> = fixed.iter().map(|&column| column.to_owned()).collect();
        let groups: &[&str] = match self.per {
            Per::Clip => &["time", "probability"],
            Per::Window => &["probability"],
        };
        for group in groups {
            columns.extend(self.labels.iter().map(|label| format!("{group} {label}")));
        }
        columns.push("error".to_owned());
        columns
    }

    fn write(&mut self, row: Vec<String>) -> io::Result<()> {
        self.write_header()?;
        Ok(self.out.write_record(row)?)
    }

    fn write_header(&mut self) -> io::Result<()> {
        if !self.header_written {
            self.out.write_record(self.header())?;
            self.header_written = true;
        }
        Ok(())
    }

    fn clip_row(&self, file: String, said: &Classification, overall: &Overall<'_>) -> Vec<String> {
        let summary = overall.summary;
        let warnings: Vec<_> = super::warnings(said, overall).collect();
        let mut row = vec![
            file,
            optional(summary.channel),
            short_name(overall.verdict.as_str_name(), "VERDICT_"),
            summary.overall_label.clone().unwrap_or_default(),
            optional(overall.best().map(|best| best.probability)),
        ];
        let times = [
            summary.received,
            summary.classified,
            summary.no_speech,
            summary.uncertain,
        ];
        row.extend(times.map(|time| seconds(time).to_string()));
        row.extend([summary.results.to_string(), warnings.join(" ")]);
        row.extend(self.labels.iter().map(|label| {
            let mut times = summary.time_per_label.iter();
            let mine = times.find(|entry| entry.label == *label);
            optional(mine.map(|entry| seconds(entry.time)))
        }));
        row.extend(self.probabilities(overall.scores.iter().copied()));
        row.push(String::new());
        row
    }

    fn window_row(&self, file: String, result: &EmotionResult) -> Vec<String> {
        let mut row = vec![
            file,
            optional(result.channel),
            short_name(result.verdict().as_str_name(), "VERDICT_"),
            result.label.clone().unwrap_or_default(),
            optional(result.scores.first().map(|best| best.probability)),
            result.sequence.to_string(),
            seconds(result.start).to_string(),
            seconds(result.end).to_string(),
            seconds(result.new_start).to_string(),
            short_name(result.trigger().as_str_name(), "TRIGGER_"),
        ];
        row.extend(self.probabilities(&result.scores));
        row.push(String::new());
        row
    }

    fn probabilities<'a>(&self, scores: impl IntoIterator<Item = &'a Score>) -> Vec<String> {
        let scores: Vec<_> = scores.into_iter().collect();
        let labels = self.labels.iter();
        labels
            .map(|label| {
                let mine = scores.iter().find(|score| score.label == *label);
                optional(mine.map(|score| score.probability))
            })
            .collect()
    }
}

impl Report for Csv {
    fn clip(&mut self, file: &Path, said: &Classification) -> io::Result<()> {
        let file = file.to_string_lossy();
        match self.per {
            Per::Clip => {
                for overall in Overall::of(said) {
                    self.write(self.clip_row(file.to_string(), said, &overall))?;
                }
            }
            Per::Window => {
                for result in &said.results {
                    self.write(self.window_row(file.to_string(), result))?;
                }
            }
        }
        self.out.flush()
    }

    fn failed(&mut self, file: &Path, reason: &str) -> io::Result<()> {
        let mut row = vec![String::new(); self.header().len()];
        row[0] = file.to_string_lossy().into_owned();
        if let Some(error) = row.last_mut() {
            reason.clone_into(error);
        }
        self.write(row)?;
        self.out.flush()
    }

    fn finish(&mut self, _: &Total) -> io::Result<()> {
        self.write_header()?;
        self.out.flush()
    }
}

/// Empty when absent.
fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
