//! Plain lines for a pipe: one a result and a few for the summary on standard
//! output, everything about the stream itself on standard error.

use std::io::{self, Write};

use ser_client::{
    Resumed,
    proto::{EmotionResult, GoAway, Score, StreamStarted, StreamSummary, StreamWarning, Verdict},
};

use super::{Output, header, heard, moved, printable, seconds};

/// Writes results to `out`, notes about the stream to `notes`.
#[derive(Debug)]
pub(super) struct Lines<W, N> {
    out: W,
    notes: N,
}

impl<W: Write, N: Write> Lines<W, N> {
    pub(super) fn new(out: W, notes: N) -> Self {
        Self { out, notes }
    }
}

impl<W: Write, N: Write> Output for Lines<W, N> {
    fn started(&mut self, started: &StreamStarted) -> io::Result<()> {
        let (name, description) = header::model(started);
        writeln!(self.notes, "model: {name} {description}")?;
        writeln!(self.notes, "model: {}", header::provenance(started))?;
        writeln!(self.notes, "stream: {}", header::settings(started))
    }

    fn result(&mut self, result: &EmotionResult) -> io::Result<()> {
        writeln!(self.out, "{}", result_line(result))?;
        self.out.flush()
    }

    fn warning(&mut self, warning: &StreamWarning) -> io::Result<()> {
        let channel = channel(warning.channel);
        writeln!(
            self.notes,
            "warning: {channel}{}",
            printable(&warning.message)
        )
    }

    fn go_away(&mut self, go_away: &GoAway) -> io::Result<()> {
        let left = seconds(go_away.time_left);
        let reason = printable(&go_away.reason);
        writeln!(
            self.notes,
            "warning: the server stops within {left:.0} s ({reason})"
        )
    }

    fn resumed(&mut self, resumed: &Resumed) -> io::Result<()> {
        writeln!(self.notes, "stream: {}", moved(resumed))
    }

    fn summary(&mut self, summary: &StreamSummary) -> io::Result<()> {
        let channel = channel(summary.channel);
        let overall = summary
            .overall_label
            .as_deref()
            .map_or("none".into(), printable);
        writeln!(
            self.out,
            "summary: {channel}{:.3} s received, {:.3} s classified, {:.3} s no speech, \
             {:.3} s uncertain, overall {overall}",
            seconds(summary.received),
            seconds(summary.classified),
            seconds(summary.no_speech),
            seconds(summary.uncertain),
        )?;
        for (label, time) in heard(summary) {
            writeln!(self.out, "summary: {channel}{time:.3} s {label}")?;
        }
        self.out.flush()
    }
}

/// What a result says of the audio that it is the first to cover.
pub(super) fn result_line(result: &EmotionResult) -> String {
    let line = format!(
        "{:>8.3}s {:>8.3}s  {}{:9}  {}",
        seconds(result.new_start),
        seconds(result.end),
        channel(result.channel),
        verdict(result.verdict()),
        scores(&result.scores),
    );
    line.trim_end().to_owned()
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoSpeech => "no speech",
        Verdict::Uncertain => "uncertain",
        Verdict::Emotion | Verdict::Unspecified => "emotion",
    }
}

pub(super) fn channel(channel: Option<u32>) -> String {
    channel
        .map(|channel| format!("channel {channel}  "))
        .unwrap_or_default()
}

pub(super) fn scores<'a>(scores: impl IntoIterator<Item = &'a Score>) -> String {
    let scores: Vec<_> = scores
        .into_iter()
        .map(|score| format!("{} {:.3}", printable(&score.label), score.probability))
        .collect();
    scores.join(", ")
}
