//! A table for a person, when everything is done.

use std::{
    io::{self, Write},
    path::Path,
};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, presets};
use ser_client::{
    Classification,
    proto::{Score, Verdict},
};

use super::{Overall, Report, Target, Total};
use crate::{
    cli::Per,
    output::{heard, palette, printable, seconds},
};

pub(super) struct Table {
    per: Per,
    labels: Vec<String>,
    out: Box<dyn Write>,
    table: comfy_table::Table,
}

impl Table {
    pub(super) fn new(per: Per, labels: Vec<String>, target: Target) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if !target.styled {
            table.force_no_tty();
        }
        table.set_header(match per {
            Per::Clip => vec![
                "File",
                "Emotion",
                "Confidence",
                "Duration",
                "Time of each emotion",
            ],
            Per::Window => vec!["File", "From", "To", "Emotion", "Confidence"],
        });
        Self {
            per,
            labels,
            out: target.out,
            table,
        }
    }

    /// The emotion and how sure it is.
    fn emotion(&self, verdict: Verdict, best: Option<&Score>) -> [Cell; 2] {
        let Some(best) = best else {
            let nothing = Cell::new("no speech").add_attribute(Attribute::Dim);
            return [nothing, Cell::new("")];
        };
        let label = printable(&best.label);
        let colour = self.labels.iter().position(|known| *known == best.label);
        let cell = match verdict {
            Verdict::Uncertain => Cell::new(format!("{label}?")).add_attribute(Attribute::Dim),
            _ => Cell::new(label).add_attribute(Attribute::Bold),
        };
        let cell = match colour {
            Some(index) => cell.fg(Color::AnsiValue(palette::emotion_colour(index))),
            None => cell,
        };
        [cell, number(format!("{:.1} %", best.probability * 100.0))]
    }
}

impl Report for Table {
    fn clip(&mut self, file: &Path, said: &Classification) -> io::Result<()> {
        let name = |channel: Option<u32>| {
            let channel = channel
                .map(|n| format!(" (channel {n})"))
                .unwrap_or_default();
            Cell::new(format!("{}{channel}", printable(&file.to_string_lossy())))
        };
        match self.per {
            Per::Clip => {
                for overall in Overall::of(said) {
                    let summary = overall.summary;
                    let [emotion, confidence] = self.emotion(overall.verdict, overall.best());
                    let duration = number(format!("{:.2} s", seconds(summary.received)));
                    let times: Vec<_> = heard(summary)
                        .map(|(label, time)| format!("{label} {time:.2}"))
                        .collect();
                    let times = Cell::new(times.join(", "));
                    self.table.add_row([
                        name(summary.channel),
                        emotion,
                        confidence,
                        duration,
                        times,
                    ]);
                }
            }
            Per::Window => {
                for result in &said.results {
                    let [emotion, confidence] =
                        self.emotion(result.verdict(), result.scores.first());
                    let time = |time| number(format!("{:.2} s", seconds(time)));
                    let (from, to) = (time(result.new_start), time(result.end));
                    self.table
                        .add_row([name(result.channel), from, to, emotion, confidence]);
                }
            }
        }
        Ok(())
    }

    fn failed(&mut self, file: &Path, _: &str) -> io::Result<()> {
        // Standard error tells the reason.
        let failed = Cell::new("failed").add_attribute(Attribute::Bold);
        let (file, nothing) = (file.to_string_lossy(), || Cell::new(""));
        let file = Cell::new(printable(&file));
        self.table.add_row(match self.per {
            Per::Clip => [file, failed, nothing(), nothing(), nothing()],
            Per::Window => [file, nothing(), nothing(), failed, nothing()],
        });
        Ok(())
    }

    fn finish(&mut self, _: &Total) -> io::Result<()> {
        if !self.table.is_empty() {
            writeln!(self.out, "{}", self.table)?;
        }
        self.out.flush()
    }
}

fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
