//! The names of emotions and how they look, in as many rows as they need.

use plotters::prelude::*;

use super::{
    Area, Drawing, LEFT, RIGHT, WIDTH,
    paint::{Paint, lines},
    text,
};
use crate::output::{cells::cells, printable};

const TOP: u32 = 4;
const ROW: u32 = 20;
/// The side of a square that shows what a label looks like.
const SWATCH: u32 = 12;

/// Where the names of a model's labels stand.
pub(super) struct Legend {
    entries: Vec<Entry>,
    rows: u32,
}

struct Entry {
    label: String,
    paint: Paint,
    left: u32,
    top: u32,
}

impl Legend {
    pub(super) fn of(labels: &[String]) -> Self {
        let emotions = labels.iter().enumerate();
        let all = emotions
            .map(|(index, label)| (printable(label).into_owned(), Paint::emotion(index)))
            .chain([("no speech".to_owned(), Paint::SILENT)]);
        let (mut left, mut rows) = (LEFT, 1);
        let mut entries = Vec::new();
        for (label, paint) in all {
            let letters = u32::try_from(cells(&label)).unwrap_or(u32::MAX);
            let width = letters.saturating_mul(7).saturating_add(35);
            if left > LEFT && width > WIDTH - RIGHT - left {
                (left, rows) = (LEFT, rows + 1);
            }
            let top = TOP + (rows - 1) * ROW;
            entries.push(Entry {
                label,
                paint,
                left,
                top,
            });
            left = left.saturating_add(width).min(WIDTH - RIGHT);
        }
        Self { entries, rows }
    }

    pub(super) fn height(&self) -> u32 {
        TOP + self.rows * ROW
    }

    pub(super) fn draw(&self, area: &Area<'_>) -> Drawing {
        for entry in &self.entries {
            let (left, top) = (entry.left as i32, entry.top as i32);
            let bottom = top + SWATCH as i32;
            let swatch = [(left, top), (left + SWATCH as i32, bottom)];
            area.draw(&Rectangle::new(swatch, entry.paint.colour.filled()))?;
            let apart = entry.paint.hatch.map(f64::from);
            let hatch = apart.map(|apart| lines(0.0, SWATCH.into(), apart));
            for x in hatch.into_iter().flatten() {
                let x = left + x as i32;
                area.draw(&PathElement::new(vec![(x, top), (x, bottom)], BLACK))?;
            }
            let place = (left + 17, top + 1);
            area.draw(&Text::new(entry.label.as_str(), place, text(12)))?;
        }
        Ok(())
    }
}
