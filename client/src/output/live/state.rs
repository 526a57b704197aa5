//! What the view shows, as the stream says it.

use std::time::{Duration, Instant};

use ser_client::{
    LagMeter,
    proto::{ChannelPolicy, EmotionResult, GoAway, StreamStarted, StreamWarning},
};

use super::{
    cautions::Cautions,
    level::{Level, Meter},
};
use crate::{
    commands::Mute,
    output::{
        header,
        history::{History, Moment},
        labels::Labels,
        printable, seconds,
    },
};

/// The most lanes that a server classifies.
const MOST_LANES: usize = 8;
/// The shortest time that a cell of the timeline stands for, in seconds.
const SHORTEST_CELL: f64 = 0.5;
/// How long results may be due before the view says so.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the stream stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    Connecting,
    Streaming,
    /// All audio has left; results and the summary are still to come.
    HalfClosed,
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct State {
    pub(super) server: String,
    pub(super) phase: Phase,
    pub(super) stopping: bool,
    /// Whether the microphone is off; none for what can't be turned off.
    pub(super) mute: Option<Mute>,
    /// The model's name, and what else is worth knowing.
    pub(super) title: (String, String),
    pub(super) labels: Labels,
    pub(super) lanes: Vec<Lane>,
    /// The server is about to stop: when and why.
    pub(super) server_stops: Option<String>,
    pub(super) cautions: Cautions,
    /// Audio that has left, in seconds.
    pub(super) sent: f64,
    /// Seconds that a cell of the timeline stands for: whole hops.
    pub(super) cell: f64,
    pub(super) lag: Option<Duration>,
    lag_meter: Option<LagMeter>,
    meter: Option<Meter>,
    /// Audio after which a first, and a further result is due, in seconds.
    due: (f64, f64),
    overdue_since: Option<Instant>,
}

/// One channel that is classified on its own, or the only one.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) channel: Option<u32>,
    pub(super) history: History,
    pub(super) level: Level,
}

impl State {
    pub(super) fn new(server: &str, mute: Option<Mute>) -> Self {
        Self {
            server: printable(server).into_owned(),
            phase: Phase::Connecting,
            stopping: false,
            mute,
            title: Default::default(),
            labels: Labels::default(),
            lanes: vec![Lane::default()],
            server_stops: None,
            cautions: Cautions::default(),
            sent: 0.0,
            cell: SHORTEST_CELL,
            lag: None,
            lag_meter: None,
            meter: None,
            due: (f64::INFINITY, f64::INFINITY),
            overdue_since: None,
        }
    }

    pub(super) fn started(&mut self, started: &StreamStarted) {
        self.phase = Phase::Streaming;
        let (name, _) = header::model(started);
        self.title = (name, header::settings(started));
        self.labels = Labels::of(started);
        let effective = started.effective.clone().unwrap_or_default();
        self.meter = Meter::new(&effective);
        let options = effective.options.unwrap_or_default();
        let audio = effective.audio.unwrap_or_default();
        let separate = options.channels() == ChannelPolicy::Separate;
        let lanes = self.meter.as_ref().map_or(1, Meter::lanes).min(MOST_LANES);
        self.lanes = (0_u32..)
            .take(lanes)
            .map(|channel| Lane {
                channel: separate.then_some(channel),
                ..Lane::default()
            })
            .collect();

        let hop = seconds(options.hop);
        if hop > 0.0 {
            self.cell = hop * (SHORTEST_CELL / hop).ceil();
            self.due = (seconds(options.window).max(1.0) + hop, 2.0 * hop);
        }
        let delay = started.algorithmic_delay.unwrap_or_default();
        let delay = Duration::try_from(delay).unwrap_or_default();
        self.lag_meter = Some(LagMeter::new(&audio, delay));
    }

    /// `audio` has left, which was `due`.
    pub(super) fn sent(&mut self, audio: &[u8], due: Instant) {
        if let Some(meter) = &mut self.lag_meter {
            meter.sent(audio.len(), due);
        }
        if let Some(meter) = &mut self.meter {
            self.sent += meter.duration(audio);
            meter.push(audio);
            for (number, lane) in self.lanes.iter_mut().enumerate() {
                lane.level = meter.level(number);
            }
        }
        let heard = self.lanes.iter().map(|lane| lane.history.end());
        let heard = heard.fold(f64::INFINITY, f64::min);
        let allowed = if heard > 0.0 { self.due.1 } else { self.due.0 };
        if self.sent - heard > allowed {
            self.overdue_since.get_or_insert(due);
        }
    }

    pub(super) fn half_closed(&mut self, at: Instant) {
        self.phase = Phase::HalfClosed;
        if let Some(meter) = &mut self.lag_meter {
            meter.half_closed(at);
        }
    }

    pub(super) fn result(&mut self, result: &EmotionResult, at: Instant) {
        let number = result.channel.unwrap_or(0) as usize;
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.history.push(Moment::of(result, &self.labels));
        }
        let lag = self.lag_meter.as_mut();
        if let Some(lag) = lag.and_then(|meter| meter.received(result, at)) {
            self.lag = Some(lag.computable);
        }
        self.overdue_since = None;
    }

    pub(super) fn warning(&mut self, warning: &StreamWarning) {
        let channel = warning.channel.map(|n| format!("channel {n}: "));
        let message = printable(&warning.message);
        let text = format!("{}{message}", channel.unwrap_or_default());
        self.cautions.push(&text);
    }

    pub(super) fn go_away(&mut self, go_away: &GoAway) {
        let left = seconds(go_away.time_left);
        let reason = printable(&go_away.reason);
        let text = format!("the server stops within {left:.0} s ({reason})");
        self.cautions.push(&text);
        self.server_stops = Some(text);
    }

    /// Whether the microphone is off.
    pub(super) fn is_muted(&self) -> bool {
        self.mute.as_ref().is_some_and(Mute::is_on)
    }

    /// How long results have been due that don't come, when that is worth saying.
    pub(super) fn overdue(&self, now: Instant) -> Option<Duration> {
        let waited = now.saturating_duration_since(self.overdue_since?);
        (waited > PATIENCE).then_some(waited)
    }

    /// Where the audio so far ends, in seconds.
    pub(super) fn end(&self) -> f64 {
        let heard = self.lanes.iter().map(|lane| lane.history.end());
        heard.fold(self.sent, f64::max)
    }
}
