//! The whole picture: how the stream stands, the lanes, warnings, keys.

use std::time::Instant;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span, Text},
    widgets::{Paragraph, Widget, Wrap},
};

use super::{
    Theme,
    lane::{Columns, Picture, rows_with_axis},
    state::{Phase, State},
    timeline,
};
use crate::output::{axis::Axis, history::clock};

/// The smallest terminal that shows more than a message.
const SMALLEST: (u16, u16) = (40, 8);
/// From so many rows on there is one for the settings.
const ROWS_FOR_SETTINGS: u16 = 16;

/// Draws `state` as it is at `now`.
pub(super) fn draw(state: &State, theme: Theme, now: Instant, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(area, buffer);
        return;
    }
    let mut area = area;
    status(state, theme, now, take_top(&mut area), buffer);
    if area.height >= ROWS_FOR_SETTINGS {
        let row = take_top(&mut area);
        let line = Line::styled(&state.title.1, Theme::DIM);
        buffer.set_line(row.x, row.y, &line, row.width);
    }
    keys(state, theme, take_bottom(&mut area, 1), buffer);
    if let Some(caution) = state.cautions.latest() {
        caution_rows(caution, state.cautions.count(), theme, &mut area, buffer);
    }
    lanes(state, theme, area, buffer);
}

fn lanes(state: &State, theme: Theme, mut area: Rect, buffer: &mut Buffer) {
    let columns = Columns::new(state, area.width);
    let cells = usize::from(area.width - columns.left);
    let picture = Picture {
        state,
        theme,
        columns,
        axis: Axis::ending(state.end(), state.cell, cells),
    };
    let count = u16::try_from(state.lanes.len()).unwrap_or(u16::MAX).max(1);
    let bottom = (area.height / count < rows_with_axis(state)).then(|| take_bottom(&mut area, 1));
    let shown = count.min(area.height);
    let height = area.height / shown.max(1);
    let tops = (area.y..).step_by(height.max(1).into());
    for (lane, y) in state.lanes.iter().zip(tops).take(shown.into()) {
        picture.lane(lane, Rect { y, height, ..area }, buffer);
    }
    let Some(bottom) = bottom else { return };
    if height > 1 {
        timeline::ticks(picture.axis, picture.right(bottom), buffer);
    }
    if shown < count {
        let line = Line::styled(format!("+ {} channels", count - shown), Theme::BOLD);
        buffer.set_line(bottom.x, bottom.y, &line, columns.left);
    }
}

/// How the stream stands.
fn status(state: &State, theme: Theme, now: Instant, area: Rect, buffer: &mut Buffer) {
    let phase = match (&state.server_stops, state.overdue(now), &state.phase) {
        (_, _, Phase::Connecting) => {
            Span::styled(format!("○ connecting to {}", state.server), theme.look())
        }
        (_, Some(waited), _) => Span::styled(
            format!("▲ no answer for {} s", waited.as_secs()),
            theme.act(),
        ),
        (Some(_), ..) => Span::styled("▲ server stopping", theme.act()),
        (.., Phase::Streaming) if state.is_muted() => {
            Span::styled("○ muted, nothing is sent", theme.look())
        }
        (.., Phase::Streaming) => Span::styled("● streaming", theme.fine().patch(Theme::BOLD)),
        (.., Phase::HalfClosed) => Span::styled("◌ half-closed, summary to come", theme.look()),
    };
    let line = Line::from(vec![
        phase,
        Span::raw("  "),
        Span::styled(state.title.0.as_str(), Theme::BOLD),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
    if state.phase == Phase::Connecting {
        return;
    }
    let lag = match state.lag {
        Some(lag) => format!("{} ms", lag.as_millis()),
        None => "–".to_owned(),
    };
    let line = Line::from(vec![
        Span::styled("  lag ", Theme::DIM),
        Span::raw(lag),
        Span::styled("  sent ", Theme::DIM),
        Span::styled(clock(state.sent), Theme::BOLD),
    ]);
    let width = u16::try_from(line.width())
        .unwrap_or(area.width)
        .min(area.width);
    buffer.set_line(area.right() - width, area.y, &line, width);
}

/// The last warning, in up to two rows.
fn caution_rows(text: &str, count: usize, theme: Theme, area: &mut Rect, buffer: &mut Buffer) {
    let others = match count {
        1 => String::new(),
        count => format!(" ({count})"),
    };
    let line = Line::from(vec![
        Span::styled(format!("▲ warning{others}: "), theme.look()),
        Span::raw(text),
    ]);
    let rows = if line.width() > area.width.into() && area.height > SMALLEST.1 {
        2
    } else {
        1
    };
    let row = take_bottom(area, rows);
    Paragraph::new(Text::from(line))
        .wrap(Wrap { trim: true })
        .render(row, buffer);
}

fn keys(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let line = if state.stopping {
        Line::styled("stopping; q again: leave without the summary", theme.look())
    } else {
        let mut line = Line::from(vec![
            Span::styled("q", Theme::BOLD),
            Span::styled(" stop and show the summary", Theme::DIM),
        ]);
        if state.mute.is_some() {
            let does = if state.is_muted() { " unmute" } else { " mute" };
            line.push_span(Span::styled("   m", Theme::BOLD));
            line.push_span(Span::styled(does, Theme::DIM));
        }
        line
    };
    buffer.set_line(area.x, area.y, &line, area.width);
}

fn too_small(area: Rect, buffer: &mut Buffer) {
    let text = format!(
        "{}×{}: needs {}×{}; q stops",
        area.width, area.height, SMALLEST.0, SMALLEST.1
    );
    Paragraph::new(text)
        .wrap(Wrap { trim: true })
        .render(area, buffer);
}

fn take_top(area: &mut Rect) -> Rect {
    let top = Rect { height: 1, ..*area };
    area.y += 1;
    area.height -= 1;
    top
}

fn take_bottom(area: &mut Rect, rows: u16) -> Rect {
    area.height -= rows;
    Rect {
        y: area.bottom(),
        height: rows,
        ..*area
    }
}
