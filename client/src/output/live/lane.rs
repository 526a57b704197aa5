//! One channel: its level, its verdict, its emotions now and over time, in as much
//! detail as there is room for.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    Theme, large,
    level::{Level, dbfs},
    state::{Lane, State},
    timeline,
};
use crate::output::{
    axis::Axis,
    cells::{cells, cut, fit},
    history::{Heard, Moment, clock},
    palette::{self, Fill},
};

/// Rows above the emotions where the verdict is large: the level, the verdict, what
/// it rests on, and a blank one before and after.
const LARGE_HEAD: u16 = large::ROWS + 4;
/// The row of verdicts.
const STRIP: u16 = 1;
/// Results that must fit before emotions get a second row each.
const RESULTS_FIRST: u16 = 12;
const HIGHEST_ROW: u16 = 3;
/// Cells of a result's bar.
const RESULT_BAR: usize = 12;
/// The level that is no longer drawn, in dBFS.
const QUIETEST: f64 = -60.0;
/// From here on a recording is likely to be overdriven, in dBFS.
const LOUDEST: f64 = -1.0;

/// Where things stand in a row, the same for all lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    label: usize,
    bar: usize,
    /// Cells left of the timeline.
    pub(super) left: u16,
}

impl Columns {
    pub(super) fn new(state: &State, width: u16) -> Self {
        let names = state.labels.iter().map(|label| cells(&label.name));
        let longest = names.max().unwrap_or(0).max("no speech".len());
        let label = longest.min(usize::from(width) / 4).min(18);
        let bar = (usize::from(width) / 6).clamp(4, 24);
        // Key, label, bar and percentage, a blank after each, and one more.
        let left = 2 + label + 1 + bar + 1 + 5 + 2;
        Self {
            label,
            bar,
            left: u16::try_from(left).unwrap_or(width).min(width),
        }
    }
}

/// Rows from which on a lane has its own axis.
pub(super) fn rows_with_axis(state: &State) -> u16 {
    let labels = u16::try_from(state.labels.len()).unwrap_or(u16::MAX);
    labels.saturating_add(1 + STRIP + 1)
}

/// What is the same for all lanes of a picture.
#[derive(Clone, Copy)]
pub(super) struct Picture<'a> {
    pub(super) state: &'a State,
    pub(super) theme: Theme,
    pub(super) columns: Columns,
    pub(super) axis: Axis,
}

impl Picture<'_> {
    /// Draws `lane` into `area`, of at least one row.
    pub(super) fn lane(self, lane: &Lane, area: Rect, buffer: &mut Buffer) {
        let labels = u16::try_from(self.state.labels.len()).unwrap_or(u16::MAX);
        let height = area.height;
        let (head, emotions, row) = if height >= LARGE_HEAD.saturating_add(labels) + STRIP {
            let spare = height - LARGE_HEAD - STRIP;
            let row = (spare.saturating_sub(RESULTS_FIRST) / labels.max(1)).clamp(1, HIGHEST_ROW);
            (LARGE_HEAD, labels, row)
        } else {
            (1, labels.min(height.saturating_sub(1 + STRIP)), 1)
        };
        let [top, middle, strip, rest] = stack(area, [head, emotions * row, STRIP]);
        if head == LARGE_HEAD {
            self.head(lane, top, buffer);
        } else {
            self.brief(lane, top, buffer);
        }
        self.emotions(lane, row, middle, buffer);
        if strip.height > 0 {
            let caption = Line::styled("verdict", Theme::DIM);
            buffer.set_line(
                strip.x + 2,
                strip.y,
                &caption,
                self.columns.left.saturating_sub(2),
            );
            let area = self.right(strip);
            timeline::verdicts(
                &lane.history,
                &self.state.labels,
                self.axis,
                self.theme,
                area,
                buffer,
            );
        }
        if rest.height > 0 {
            let ticks = Rect { height: 1, ..rest };
            timeline::ticks(self.axis, self.right(ticks), buffer);
        }
        for (row, moment) in rest.rows().skip(1).zip(lane.history.newest_first()) {
            buffer.set_line(row.x, row.y, &self.result(moment), row.width);
        }
    }

    /// The part of `area` that the timeline has.
    pub(super) fn right(self, area: Rect) -> Rect {
        Rect {
            x: area.x + self.columns.left,
            width: area.width - self.columns.left,
            ..area
        }
    }

    fn head(self, lane: &Lane, area: Rect, buffer: &mut Buffer) {
        let [level, _, verdict, reason, _] = stack(area, [1, 1, large::ROWS, 1]);
        let cells = usize::from(area.width) / 4;
        let mut line = channel(lane);
        line.push(Span::styled("voice ", Theme::DIM));
        line.push(self.voice(lane));
        line.push(Span::styled("  level ", Theme::DIM));
        line.extend(self.level(lane.level, cells));
        line.push(peak(lane.level));
        buffer.set_line(level.x, level.y, &line.into(), level.width);

        let (text, style) = self.verdict(lane);
        large::draw(&text, style, verdict, buffer);
        if let Some(latest) = lane.history.latest() {
            let since = format!(" since {}", clock(lane.history.since()));
            let line = Line::from(vec![
                Span::styled(sureness(latest), Theme::BOLD),
                Span::styled(since, Theme::DIM),
            ]);
            buffer.set_line(reason.x, reason.y, &line, reason.width);
        }
    }

    /// Everything about now in one row.
    fn brief(self, lane: &Lane, area: Rect, buffer: &mut Buffer) {
        let (text, style) = self.verdict(lane);
        let mut line = channel(lane);
        line.push(Span::styled(text, style.patch(Theme::BOLD)));
        if let Some(latest) = lane.history.latest() {
            line.push(Span::raw(format!(" {}", sureness(latest))));
        }
        line.push(Span::styled("   level ", Theme::DIM));
        line.extend(self.level(lane.level, usize::from(area.width) / 8));
        line.push(Span::raw("  "));
        line.push(self.voice(lane));
        buffer.set_line(area.x, area.y, &line.into(), area.width);
    }

    /// A bar for each emotion, and how it went before; the likeliest ones if there is
    /// not room for all.
    fn emotions(self, lane: &Lane, height: u16, area: Rect, buffer: &mut Buffer) {
        let latest = lane.history.latest();
        let probability = |place: usize| {
            let posteriors = latest.map(|latest| &latest.posteriors);
            posteriors
                .and_then(|all| all.get(place))
                .copied()
                .unwrap_or(0.0)
        };
        let mut places: Vec<usize> = (0..self.state.labels.len()).collect();
        places.sort_by(|a, b| probability(*b).total_cmp(&probability(*a)));
        places.truncate((area.height / height.max(1)).into());
        places.sort_unstable();

        let heard = latest.map(|latest| latest.heard);
        let rows = (area.y..area.bottom()).step_by(height.into());
        for (y, place) in rows.zip(places) {
            let Some(label) = self.state.labels.get(place) else {
                continue;
            };
            let is_top = heard.and_then(Heard::label) == Some(place);
            let fill = match heard {
                Some(Heard::Emotion { certain: false, .. }) => Fill::Hatched,
                _ => Fill::Solid,
            };
            let colour = self.theme.emotion(Some(place));
            let name = format!("{} {} ", label.key, fit(&label.name, self.columns.label));
            let weight = if is_top { Theme::BOLD } else { Style::new() };
            let bar = palette::bar(probability(place), self.columns.bar, fill);
            let line = Line::from(vec![
                Span::styled(name, colour.patch(weight)),
                Span::styled(bar, colour),
                Span::styled(format!(" {:>3.0} %", probability(place) * 100.0), weight),
            ]);
            // With the bottom row of what it says over time.
            buffer.set_line(area.x, y + height - 1, &line, self.columns.left);
            let area = self.right(Rect { y, height, ..area });
            timeline::posteriors(&lane.history, place, self.axis, self.theme, area, buffer);
        }
    }

    fn result(self, moment: &Moment) -> Line<'_> {
        let time = format!("{:>8} {:>8}  ", clock(moment.start), clock(moment.end));
        let mut line = vec![Span::styled(time, Theme::DIM)];
        let Some(((name, probability), others)) = moment.scores.split_first() else {
            let text = format!("{} no speech", "·".repeat(RESULT_BAR));
            line.push(Span::styled(text, Theme::DIM));
            return line.into();
        };
        let colour = self.theme.emotion(moment.heard.label());
        let certain = !matches!(moment.heard, Heard::Emotion { certain: false, .. });
        let (fill, mark) = if certain {
            (Fill::Solid, "")
        } else {
            (Fill::Hatched, "?")
        };
        line.push(Span::styled(
            palette::bar(*probability, RESULT_BAR, fill),
            colour,
        ));
        line.push(Span::raw(format!(" {:>3.0} % ", probability * 100.0)));
        let label = cut(name, self.columns.label) + mark;
        let label = fit(&label, self.columns.label + 1) + " ";
        line.push(Span::styled(label, colour));
        for (name, probability) in others {
            line.push(Span::styled(
                format!(" {name} {:.0}", probability * 100.0),
                Theme::DIM,
            ));
        }
        line.into()
    }

    /// What to say largest, and how.
    fn verdict(self, lane: &Lane) -> (String, Style) {
        let Some(latest) = lane.history.latest() else {
            return ("listening".to_owned(), Theme::DIM);
        };
        match (latest.heard, latest.scores.first()) {
            (Heard::Emotion { label, certain }, Some((name, _))) => {
                let mark = if certain { "" } else { "?" };
                (format!("{name}{mark}"), self.theme.emotion(label))
            }
            _ => ("no speech".to_owned(), Theme::DIM),
        }
    }

    fn voice(self, lane: &Lane) -> Span<'static> {
        match lane.history.latest().map(|latest| latest.heard) {
            None => Span::styled("–          ", Theme::DIM),
            Some(Heard::NoSpeech) => Span::styled("○ no speech", Theme::DIM),
            Some(Heard::Emotion { .. }) => Span::styled("● speech   ", self.theme.fine()),
        }
    }

    fn level(self, level: Level, cells: usize) -> [Span<'static>; 2] {
        let share = |amplitude| 1.0 - dbfs(amplitude) / QUIETEST;
        let mut bar = palette::bar(share(level.rms), cells, Fill::Solid);
        let peak = share(level.peak) * cells as f64;
        if peak > 0.0 {
            let peak = (peak as usize).min(cells.saturating_sub(1));
            bar = bar
                .chars()
                .enumerate()
                .map(|(at, cell)| if at == peak { '│' } else { cell })
                .collect();
        }
        let overdriven = dbfs(level.peak) > LOUDEST;
        let style = if overdriven {
            self.theme.act()
        } else {
            self.theme.fine()
        };
        [
            Span::styled(bar, style),
            Span::raw(format!(" {:>5} dBFS", decibels(level.rms))),
        ]
    }
}

fn channel(lane: &Lane) -> Vec<Span<'static>> {
    let name = lane
        .channel
        .map(|n| Span::styled(format!("ch {n}  "), Theme::BOLD));
    name.into_iter().collect()
}

fn peak(level: Level) -> Span<'static> {
    let mark = if dbfs(level.peak) > LOUDEST {
        " overdriven"
    } else {
        ""
    };
    Span::styled(
        format!("  peak {:>5}{mark}", decibels(level.peak)),
        Theme::DIM,
    )
}

fn decibels(amplitude: f64) -> String {
    match dbfs(amplitude) {
        level if level.is_finite() => format!("{level:.1}"),
        _ => "-∞".to_owned(),
    }
}

fn sureness(moment: &Moment) -> String {
    match (moment.heard, moment.scores.first()) {
        (Heard::Emotion { certain, .. }, Some((_, probability))) => {
            let word = if certain { "" } else { ", uncertain" };
            format!("{:.0} %{word}", probability * 100.0)
        }
        _ => String::new(),
    }
}

/// Cuts `area` from the top into parts of these heights and the rest; what does not
/// fit is empty.
fn stack<const N: usize, const M: usize>(area: Rect, heights: [u16; N]) -> [Rect; M] {
    const { assert!(M == N + 1, "the parts and the rest") };
    let mut left = area;
    let mut heights = heights.into_iter();
    [(); M].map(|()| {
        let height = heights.next().unwrap_or(left.height).min(left.height);
        let part = Rect { height, ..left };
        left = Rect {
            y: left.y + height,
            height: left.height - height,
            ..left
        };
        part
    })
}
