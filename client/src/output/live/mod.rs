//! The live view of a stream for a person at a terminal. When the stream is over,
//! what it came to stays on the normal screen.

mod cautions;
mod lane;
mod large;
mod level;
mod painter;
mod screen;
mod state;
mod theme;
mod timeline;
mod view;

use std::{
    io::{self, IsTerminal},
    time::Instant,
};

use anstream::{AutoStream, ColorChoice};
use ser_client::{
    Resumed,
    proto::{EmotionResult, GoAway, StreamStarted, StreamSummary, StreamWarning},
};

use self::{
    painter::{Painter, Shared},
    screen::Screen,
    state::State,
    theme::Theme,
};
use super::{Output, moved, report::Report};
use crate::commands::{Mute, Stop};

/// Draws on the terminal's alternate screen until the stream is over.
pub(super) struct LiveView {
    state: Shared,
    painter: Painter,
    started: Option<StreamStarted>,
    summaries: Vec<StreamSummary>,
}

impl LiveView {
    /// Takes the terminal for a stream to `server`, which keys end by `stop`, and turn off
    /// by `mute`. `None` where there is no terminal that it can draw on.
    pub(super) fn start(
        server: &str,
        stop: &Stop,
        mute: Option<&Mute>,
    ) -> io::Result<Option<Self>> {
        let out = io::stdout();
        if !out.is_terminal() || !is_capable() {
            return Ok(None);
        }
        let theme = Theme {
            colour: AutoStream::choice(&out) != ColorChoice::Never,
        };
        let Ok(screen) = Screen::enter() else {
            return Ok(None);
        };
        #[cfg(unix)]
        stop.listen_to_the_terminal()?;
        let state = Shared::new(State::new(server, mute.cloned()));
        Ok(Some(Self {
            painter: Painter::start(screen, state.clone(), theme, stop.clone())?,
            state,
            started: None,
            summaries: Vec::new(),
        }))
    }

    fn change(&mut self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        self.state.with(change);
        self.painter.check()
    }
}

/// Whether the terminal knows where to put a cursor.
fn is_capable() -> bool {
    cfg!(windows) || std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

impl Output for LiveView {
    fn started(&mut self, started: &StreamStarted) -> io::Result<()> {
        self.started = Some(started.clone());
        self.change(|state| state.started(started))
    }

    fn result(&mut self, result: &EmotionResult) -> io::Result<()> {
        self.change(|state| state.result(result, Instant::now()))
    }

    fn warning(&mut self, warning: &StreamWarning) -> io::Result<()> {
        self.change(|state| state.warning(warning))
    }

    fn go_away(&mut self, go_away: &GoAway) -> io::Result<()> {
        self.change(|state| state.go_away(go_away))
    }

    fn resumed(&mut self, resumed: &Resumed) -> io::Result<()> {
        self.change(|state| state.cautions.push(&moved(resumed)))
    }

    fn summary(&mut self, summary: &StreamSummary) -> io::Result<()> {
        self.summaries.push(summary.clone());
        self.painter.check()
    }

    fn sent(&mut self, audio: &[u8], due: Instant) {
        self.state.with(|state| state.sent(audio, due));
    }

    fn caution(&mut self, text: &str) -> io::Result<()> {
        self.change(|state| state.cautions.push(text))
    }

    fn stopping(&mut self) -> io::Result<()> {
        self.change(|state| state.stopping = true)
    }

    fn half_closed(&mut self) {
        self.state.with(|state| state.half_closed(Instant::now()));
    }

    fn leave(&mut self) -> io::Result<()> {
        self.painter.end()?;
        let Some(started) = &self.started else {
            return Ok(());
        };
        self.state.with(|state| {
            let mut report = Report::new(anstream::stdout(), &state.labels);
            report.header(started)?;
            match state.cautions.forgotten() {
                0 => {}
                count => report.caution(&format!("{count} earlier ones are not kept"))?,
            }
            for caution in state.cautions.iter() {
                report.caution(caution)?;
            }
            let lanes = state.lanes.iter();
            let histories: Vec<_> = lanes.map(|lane| (lane.channel, &lane.history)).collect();
            report.timeline(&histories)?;
            self.summaries
                .iter()
                .try_for_each(|summary| report.summary(summary))
        })
    }
}

#[cfg(test)]
mod tests;
