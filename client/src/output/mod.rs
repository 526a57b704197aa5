//! What a stream says, written for whoever reads it: a live view for a person
//! at a terminal, plain lines for a pipe, JSON lines for a program.

mod axis;
mod cells;
pub(crate) mod clips;
#[cfg(feature = "microphone")]
pub(crate) mod device;
mod header;
mod history;
pub(crate) mod json;
mod labels;
mod lines;
mod live;
pub(crate) mod load;
pub(crate) mod log_level;
pub(crate) mod model;
mod notes;
mod palette;
pub(crate) mod plot;
mod report;
pub(crate) mod repository;

use std::{
    borrow::Cow,
    io::{self, Write},
    time::{Duration, Instant},
};

use ser_client::{
    Event, Resumed,
    proto::{EmotionResult, GoAway, StreamStarted, StreamSummary, StreamWarning},
};

pub(crate) use json::JSON_HELP;
pub(crate) use load::BENCH_HELP;
pub(crate) use notes::notes;

use self::{json::JsonLines, lines::Lines, live::LiveView};
use crate::commands::{Mute, Stop};

/// The form of what is shown of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// What suits whoever reads standard output.
    Suitable,
    /// Lines, also on a terminal.
    Plain,
    /// JSON lines.
    Json,
}

/// A way of showing a stream. Every method shows what it was given at once.
pub(crate) trait Output {
    fn started(&mut self, started: &StreamStarted) -> io::Result<()>;
    fn result(&mut self, result: &EmotionResult) -> io::Result<()>;
    fn warning(&mut self, warning: &StreamWarning) -> io::Result<()>;
    fn go_away(&mut self, go_away: &GoAway) -> io::Result<()>;
    fn resumed(&mut self, resumed: &Resumed) -> io::Result<()>;
    fn summary(&mut self, summary: &StreamSummary) -> io::Result<()>;

    /// `audio` has left for the server; it was to leave at `due`.
    fn sent(&mut self, _audio: &[u8], _due: Instant) {}

    /// The client itself found something that is not as it should be.
    fn caution(&mut self, text: &str) -> io::Result<()> {
        writeln!(notes(), "warning: {text}")
    }

    /// The user wants to stop; the summary is still to come.
    fn stopping(&mut self) -> io::Result<()> {
        writeln!(
            notes(),
            "stopping; press Ctrl-C again to leave without the summary"
        )
    }

    /// No more audio leaves.
    fn half_closed(&mut self) {}

    /// The stream has ended, well or not. The last call.
    fn leave(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Result(result) => self.result(result),
            Event::Warning(warning) => self.warning(warning),
            Event::GoAway(go_away) => self.go_away(go_away),
            Event::Resumed(resumed) => self.resumed(resumed),
            Event::Summary(summary) => self.summary(summary),
            // A kind of event that this command line does not know yet.
            _ => Ok(()),
        }
    }
}

/// The output of this form, for a stream to `server` that `stop` ends, and `mute` turns
/// off if it can be.
pub(crate) fn choose(
    form: Form,
    server: &str,
    stop: &Stop,
    mute: Option<&Mute>,
) -> io::Result<Box<dyn Output>> {
    let out = anstream::stdout();
    if form == Form::Json {
        return Ok(Box::new(JsonLines::new(out)));
    }
    if form == Form::Suitable
        && let Some(view) = LiveView::start(server, stop, mute)?
    {
        return Ok(Box::new(view));
    }
    Ok(Box::new(Lines::new(out, notes())))
}

/// How a stream came to another server, for people.
fn moved(resumed: &Resumed) -> String {
    let after = match resumed.gap {
        Duration::ZERO => String::new(),
        gap => format!(" after {:.1} s", gap.as_secs_f64()),
    };
    let lost = match resumed.exact {
        true => "nothing lost",
        false => "no result lost; probabilities may differ in the fifth decimal",
    };
    let text = format!(
        "{}; resumed on {}{after}, {lost}",
        resumed.reason, resumed.server
    );
    printable(&text).into_owned()
}

/// `text` from a server without the control characters that would steer a
/// terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect()
    } else {
        text.into()
    }
}

/// In seconds, rounded once; absent is 0.
fn seconds(time: Option<prost_types::Duration>) -> f64 {
    let time = time.unwrap_or_default();
    (time.seconds as f64 * 1e9 + f64::from(time.nanos)) / 1e9
}

/// The labels that were heard at all, fit to be printed, and for how long.
fn heard(summary: &StreamSummary) -> impl Iterator<Item = (Cow<'_, str>, f64)> {
    let labels = summary.time_per_label.iter();
    labels
        .map(|entry| (printable(&entry.label), seconds(entry.time)))
        .filter(|(_, time)| *time > 0.0)
}

/// The name of a protocol's enum value without what all of them begin with.
fn short_name(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        assert_eq!(printable("sad\u{1b}[2J\r"), "sad\u{fffd}[2J\u{fffd}");
        assert!(matches!(printable("fear · 3 %"), Cow::Borrowed(_)));
    }

    #[test]
    fn seconds_are_the_nearest_decimal() {
        let time = prost_types::Duration {
            seconds: 1,
            nanos: 21_678_005,
        };
        assert_eq!(seconds(Some(time)).to_string(), "1.021678005");
        assert_eq!(seconds(None), 0.0);
    }
}
