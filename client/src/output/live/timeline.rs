//! What was heard over time.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::Theme;
use crate::output::{
    axis::Axis,
    history::{Heard, History},
    labels::Labels,
    palette,
};

/// Verdicts, a cell each: filled where certain, a small letter where not.
pub(super) fn verdicts(
    history: &History,
    labels: &Labels,
    axis: Axis,
    theme: Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    for (x, (start, end)) in (area.x..).zip(axis.spans()) {
        let Some(heard) = history.mostly(start, end) else {
            continue;
        };
        let style = match heard {
            Heard::NoSpeech => Theme::DIM,
            Heard::Emotion { label, certain } if certain => theme.filled(label),
            Heard::Emotion { label, .. } => theme.emotion(label),
        };
        let symbol = heard.symbol(labels);
        buffer[(x, area.y)].set_char(symbol).set_style(style);
    }
}

/// The probability of the label at `place`, a column each, as high as `area`.
pub(super) fn posteriors(
    history: &History,
    place: usize,
    axis: Axis,
    theme: Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let style = theme.emotion(Some(place));
    for (x, (start, end)) in (area.x..).zip(axis.spans()) {
        let Some(moment) = history.moment(start, end) else {
            continue;
        };
        let probability = moment.posteriors.get(place).copied().unwrap_or_default();
        let filled = probability * f64::from(area.height);
        for (below, y) in area.rows().rev().map(|row| row.y).enumerate() {
            let symbol = palette::column(filled - below as f64);
            buffer[(x, y)].set_symbol(symbol).set_style(style);
        }
    }
}

/// Times under the cells.
pub(super) fn ticks(axis: Axis, area: Rect, buffer: &mut Buffer) {
    let width = area.width.into();
    buffer.set_stringn(
        area.x,
        area.y,
        axis.ticks(),
        width,
        Style::new().patch(Theme::DIM),
    );
}
