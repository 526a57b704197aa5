//! What a stream came to, for a person at a terminal of 80 columns.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use ser_client::proto::{StreamStarted, StreamSummary};

use super::{
    axis::Axis,
    cells::{cells, cut, fit},
    header, heard,
    history::{Heard, History},
    labels::Labels,
    palette::{self, BOLD, DIM, Fill},
    printable, seconds,
};

/// The narrowest terminal that everything fits.
const COLUMNS: usize = 80;
/// What stands left of a timeline.
const MARGIN: usize = 6;
/// Cells of the longest bar of the summary.
const SUMMARY_BAR: usize = 32;
/// Labels longer than this are cut, so that columns stay aligned.
const LABEL: usize = 18;

const ATTENTION: Style = AnsiColor::Yellow.on_default().bold();

/// Writes what is left to be read when a stream is over.
pub(super) struct Report<'a, W> {
    out: W,
    labels: &'a Labels,
}

impl<'a, W: Write> Report<'a, W> {
    pub(super) fn new(out: W, labels: &'a Labels) -> Self {
        Self { out, labels }
    }

    /// What the stream was recognised with.
    pub(super) fn header(&mut self, started: &StreamStarted) -> io::Result<()> {
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
        Ok(())
    }

    pub(super) fn caution(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{ATTENTION}warning{ATTENTION:#}: {text}")
    }

    /// What was heard when, all channels under each other.
    pub(super) fn timeline(&mut self, channels: &[(Option<u32>, &History)]) -> io::Result<()> {
        let end = channels.iter().map(|(_, history)| history.end());
        let end = end.fold(0.0, f64::max);
        if end == 0.0 {
            return Ok(());
        }
        let cells = COLUMNS - MARGIN;
        let axis = Axis::ending(end, end / cells as f64, cells);
        writeln!(self.out)?;
        for (channel, history) in channels {
            let mut row = Row::default();
            let name = channel.map_or("  ".to_owned(), |n| format!("ch {n}"));
            row.push(BOLD, &format!("{name:MARGIN$}"));
            for (start, end) in axis.spans() {
                row.push_heard(history.mostly(start, end), self.labels);
            }
            self.write(row)?;
        }
        let mut ticks = Row::default();
        ticks.push(DIM, &format!("{:MARGIN$}{}", "", axis.ticks()));
        self.write(ticks)?;
        let mut key = Row::default();
        let text = "a letter an emotion, small where uncertain; · no speech";
        key.push(DIM, &format!("{:MARGIN$}{text}", ""));
        self.write(key)
    }

    fn write(&mut self, row: Row) -> io::Result<()> {
        writeln!(self.out, "{}", row.text.trim_end())
    }

    /// The totals of one channel.
    pub(super) fn summary(&mut self, summary: &StreamSummary) -> io::Result<()> {
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
                title.push(colour(self.labels.place(label)).bold(), &printable(label));
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
            let place = self.labels.place(&label);
            let key = place.and_then(|place| self.labels.get(place));
            let key = key.map_or(' ', |label| label.key);
            self.write(total(
                key,
                &label,
                time,
                longest,
                colour(place),
                Fill::Solid,
            ))?;
        }
        if no_speech > 0.0 {
            self.write(total(
                '·',
                "no speech",
                no_speech,
                longest,
                DIM,
                Fill::Hatched,
            ))?;
        }
        Ok(())
    }
}

/// The style of the label at `place`.
fn colour(place: Option<usize>) -> Style {
    place.map_or(Style::new(), palette::emotion)
}

/// A line of the summary: how long something lasted.
fn total(key: char, label: &str, time: f64, longest: f64, style: Style, fill: Fill) -> Row {
    let mut row = Row::default();
    row.push(style, &format!("  {key} {} ", fit(label, LABEL)));
    row.push(Style::new(), &format!("{time:>8.2} s  "));
    row.push(style, &palette::bar(time / longest, SUMMARY_BAR, fill));
    row
}

/// A line that knows how much of the terminal it covers.
#[derive(Default)]
struct Row {
    text: String,
    width: usize,
}

impl Row {
    fn push(&mut self, style: Style, text: &str) {
        self.width += cells(text);
        write!(self.text, "{style}{text}{style:#}").expect("a string takes any text");
    }

    /// As much of `text` as there is room for.
    fn push_fitting(&mut self, style: Style, text: &str) {
        self.push(style, &cut(text, COLUMNS.saturating_sub(self.width)));
    }

    /// One cell of a timeline.
    fn push_heard(&mut self, heard: Option<Heard>, labels: &Labels) {
        let Some(heard) = heard else {
            return self.push(Style::new(), " ");
        };
        let style = match (heard, heard.label()) {
            (Heard::NoSpeech, _) => DIM,
            (Heard::Emotion { certain: true, .. }, Some(place)) => palette::filled(place),
            (Heard::Emotion { .. }, place) => colour(place),
        };
        self.push(style, heard.symbol(labels).encode_utf8(&mut [0; 4]));
    }
}

#[cfg(test)]
mod tests {
    use ser_client::proto::{LabelTime, Model};

    use super::*;

    #[test]
    fn columns_stay_aligned() {
        let time = |label: &str| LabelTime {
            label: label.to_owned(),
            time: Some(prost_types::Duration {
                seconds: 5,
                nanos: 0,
            }),
        };
        let names = ["sad", "喜び", "an emotion nobody heard of"];
        let summary = StreamSummary {
            time_per_label: names.map(time).to_vec(),
            ..StreamSummary::default()
        };
        let started = StreamStarted {
            model: Some(Model {
                name: "m".to_owned(),
                version: "1".to_owned(),
                description: "怒り".repeat(50),
                ..Model::default()
            }),
            ..StreamStarted::default()
        };
        let labels = Labels::default();
        let mut out = anstream::StripStream::new(Vec::new());
        let mut report = Report::new(&mut out, &labels);
        report.header(&started).unwrap();
        report.summary(&summary).unwrap();
        let text = String::from_utf8(out.into_inner()).unwrap();
        let bars: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once("5.00 s"))
            .map(|(before, _)| cells(before))
            .collect();
        assert_eq!(bars, [27, 27, 27], "{text}");
        assert!(text.lines().all(|line| cells(line) <= COLUMNS), "{text}");
        assert!(text.starts_with("m/1  怒り怒り"), "{text}");
    }
}
