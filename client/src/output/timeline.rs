//! A live timeline for a person at a terminal of 80 columns.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use ser_client::proto::{
    EmotionResult, GoAway, Score, StreamStarted, StreamSummary, StreamWarning, Verdict,
};

use super::{
    Output, header, heard,
    palette::{self, BOLD, DIM, Fill},
    printable, seconds,
};

/// The narrowest terminal that everything fits.
const COLUMNS: usize = 80;
/// Cells of the bar of a result's top probability.
const RESULT_BAR: usize = 12;
/// Cells of the longest bar of the summary.
const SUMMARY_BAR: usize = 32;
/// Labels longer than this are cut, so that columns stay aligned.
const LABEL: usize = 18;

const ATTENTION: Style = AnsiColor::Yellow.on_default().bold();

/// Writes a line for each result as it comes.
#[derive(Debug)]
pub(super) struct Timeline<W> {
    out: W,
    /// The model's labels: a label's place gives its colour.
    labels: Vec<String>,
}

impl<W: Write> Timeline<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            labels: Vec::new(),
        }
    }

    fn colour(&self, label: &str) -> Style {
        let index = self.labels.iter().position(|known| known == label);
        index.map_or(Style::new(), palette::emotion)
    }

    fn write(&mut self, row: Row) -> io::Result<()> {
        writeln!(self.out, "{}", row.text.trim_end())?;
        self.out.flush()
    }
}

impl<W: Write> Output for Timeline<W> {
    fn started(&mut self, started: &StreamStarted) -> io::Result<()> {
        let model = started.model.as_ref();
        self.labels = model.map(|model| model.labels.clone()).unwrap_or_default();
        let (name, description) = header::model(started);
        let mut title = Row::default();
        title.push(BOLD, &name);
        title.push_fitting(Style::new(), &format!("  {description}"));
        self.write(title)?;
        for line in [header::provenance(started), header::settings(started)] {
            let mut row = Row::default();
            row.push_fitting(DIM, &line);
            self.write(row)?;
        }
        self.write(Row::default())
    }

    fn result(&mut self, result: &EmotionResult) -> io::Result<()> {
        let mut row = Row::default();
        let span = (clock(seconds(result.new_start)), clock(seconds(result.end)));
        row.push(DIM, &format!("{:>8} {:>8}  ", span.0, span.1));
        row.push_channel(result.channel);
        let Some((top, others)) = result.scores.split_first() else {
            row.push(
                DIM,
                &format!("{:RESULT_BAR$} no speech", "·".repeat(RESULT_BAR)),
            );
            return self.write(row);
        };
        let colour = self.colour(&top.label);
        let uncertain = result.verdict() == Verdict::Uncertain;
        let (fill, bar_style, label_style, mark) = if uncertain {
            (Fill::Hatched, colour.dimmed(), DIM, "?")
        } else {
            (Fill::Solid, colour, colour.bold(), "")
        };
        row.push(
            bar_style,
            &palette::bar(top.probability.into(), RESULT_BAR, fill),
        );
        row.push(Style::new(), &format!("{:>4} % ", percent(top)));
        row.push(
            label_style,
            &column(&format!("{}{mark}", printable(&top.label))),
        );
        for other in others {
            let text = format!(" {} {}", printable(&other.label), percent(other));
            if !row.fits(&text) {
                break;
            }
            row.push(DIM, &text);
        }
        self.write(row)
    }

    fn warning(&mut self, warning: &StreamWarning) -> io::Result<()> {
        let channel = warning
            .channel
            .map(|n| format!("channel {n}: "))
            .unwrap_or_default();
        let message = printable(&warning.message);
        writeln!(
            self.out,
            "{ATTENTION}warning{ATTENTION:#}: {channel}{message}"
        )
    }

    fn go_away(&mut self, go_away: &GoAway) -> io::Result<()> {
        let left = seconds(go_away.time_left);
        let reason = printable(&go_away.reason);
        writeln!(
            self.out,
            "{ATTENTION}warning{ATTENTION:#}: the server stops within {left:.0} s ({reason})"
        )
    }

    fn summary(&mut self, summary: &StreamSummary) -> io::Result<()> {
        let mut title = Row::default();
        let channel = summary
            .channel
            .map(|n| format!(" of channel {n}"))
            .unwrap_or_default();
        title.push(Style::new(), "\n");
        title.push(BOLD, &format!("Summary{channel}"));
        match &summary.overall_label {
            Some(label) => {
                title.push(Style::new(), ": overall ");
                title.push(self.colour(label).bold(), &printable(label));
            }
            None => title.push(Style::new(), ": nothing to classify"),
        }
        self.write(title)?;

        let (received, uncertain) = (seconds(summary.received), seconds(summary.uncertain));
        let mut row = Row::default();
        let text = format!("{received:.2} s of audio, {uncertain:.2} s of it uncertain");
        row.push(DIM, &text);
        self.write(row)?;

        let no_speech = seconds(summary.no_speech);
        let longest = heard(summary).fold(no_speech, |longest, (_, time)| longest.max(time));
        for (label, time) in heard(summary) {
            let style = self.colour(&label);
            self.write(total(&label, time, longest, style, Fill::Solid))?;
        }
        if no_speech > 0.0 {
            self.write(total("no speech", no_speech, longest, DIM, Fill::Hatched))?;
        }
        Ok(())
    }
}

/// A line of the summary: how long something lasted.
fn total(label: &str, time: f64, longest: f64, style: Style, fill: Fill) -> Row {
    let mut row = Row::default();
    row.push(style, &format!("  {} ", column(label)));
    row.push(Style::new(), &format!("{time:>8.2} s  "));
    row.push(style, &palette::bar(time / longest, SUMMARY_BAR, fill));
    row
}

/// `label` cut and padded to the width of its column.
fn column(label: &str) -> String {
    let label: String = label.chars().take(LABEL).collect();
    format!("{label:LABEL$}")
}

fn percent(score: &Score) -> String {
    format!("{:.0}", f64::from(score.probability) * 100.0)
}

/// A time as minutes, seconds and hundredths.
fn clock(seconds: f64) -> String {
    let hundredths = (seconds * 100.0).round() as u64;
    format!(
        "{}:{:02}.{:02}",
        hundredths / 6000,
        hundredths / 100 % 60,
        hundredths % 100
    )
}

/// A line that knows how much of the terminal it covers.
#[derive(Default)]
struct Row {
    text: String,
    width: usize,
}

impl Row {
    fn push(&mut self, style: Style, text: &str) {
        self.width += text.chars().count();
        write!(self.text, "{style}{text}{style:#}").expect("a string takes any text");
    }

    /// As much of `text` as there is room for.
    fn push_fitting(&mut self, style: Style, text: &str) {
        let text: String = text
            .chars()
            .take(COLUMNS.saturating_sub(self.width))
            .collect();
        self.push(style, &text);
    }

    fn push_channel(&mut self, channel: Option<u32>) {
        if let Some(channel) = channel {
            self.push(BOLD, &format!("ch {channel}  "));
        }
    }

    fn fits(&self, text: &str) -> bool {
        self.width + text.chars().count() <= COLUMNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_over() {
        assert_eq!(clock(0.0), "0:00.00");
        assert_eq!(clock(59.996), "1:00.00");
        assert_eq!(clock(3_725.5), "62:05.50");
    }

    #[test]
    fn columns_stay_aligned() {
        assert_eq!(column("sad"), "sad               ");
        assert_eq!(column("an emotion nobody heard of").chars().count(), LABEL);
    }
}
