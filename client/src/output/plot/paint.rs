//! How labels look: a colour each, and where those are used up also a hatch.

use plotters::prelude::*;

use super::{Chart, Drawing, PANEL};
use crate::output::palette;

/// How a label, or silence, looks.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    pub(super) colour: RGBAColor,
    /// Pixels from one line of the hatch to the next.
    pub(super) hatch: Option<u32>,
}

impl Paint {
    pub(super) const SILENT: Self = Self {
        colour: RGBAColor(225, 225, 225, 1.0),
        hatch: None,
    };

    /// Of the label at `index` among the model's. 28 of them differ.
    pub(super) fn emotion(index: usize) -> Self {
        let (red, green, blue) = palette::emotion_rgb(index);
        let round = palette::rounds_before(index);
        Self {
            colour: RGBAColor(red, green, blue, 1.0),
            hatch: (round > 0).then(|| 16 >> round.min(3)),
        }
    }

    /// For what is not certain.
    pub(super) fn pale(self) -> Self {
        let colour = self.colour.mix(0.45);
        Self { colour, ..self }
    }

    /// Fills a part of a panel over `length` seconds. The lines of pieces side by side
    /// are those of one piece.
    pub(super) fn fill(
        self,
        chart: &mut Chart<'_, '_>,
        [(from, bottom), (to, top)]: [(f64, f64); 2],
        length: f64,
    ) -> Drawing {
        let corners = [(from, bottom), (to, top)];
        chart.draw_series([Rectangle::new(corners, self.colour.filled())])?;
        let Some(pixels) = self.hatch else {
            return Ok(());
        };
        let apart = f64::from(pixels) / f64::from(PANEL) * length;
        // Whatever times a server sends, there are no more lines than pixels.
        let lines = lines(from.clamp(0.0, length), to.clamp(0.0, length), apart);
        let line = |x| PathElement::new(vec![(x, bottom), (x, top)], BLACK);
        chart.draw_series(lines.map(line))?;
        Ok(())
    }
}

/// Where lines that are `apart` stand from `from` up to `to`.
pub(super) fn lines(from: f64, to: f64, apart: f64) -> impl Iterator<Item = f64> {
    let number = |at: f64| (at / apart - 0.5).ceil() as u32;
    (number(from)..number(to)).map(move |number| (f64::from(number) + 0.5) * apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_eight_labels_differ() {
        let looks = |index| {
            let Paint { colour, hatch } = Paint::emotion(index);
            (colour.rgb(), hatch)
        };
        for index in 0..28 {
            assert!((0..index).all(|other| looks(other) != looks(index)));
        }
    }

    #[test]
    fn lines_go_on_from_piece_to_piece() {
        let whole: Vec<_> = lines(0.0, 40.0, 8.0).collect();
        assert_eq!(whole, [4.0, 12.0, 20.0, 28.0, 36.0]);
        let pieces = [(0.0, 12.0), (12.0, 13.0), (13.0, 40.0)];
        let pieces = pieces.map(|(from, to)| lines(from, to, 8.0).collect::<Vec<_>>());
        assert_eq!(pieces.concat(), whole);
    }
}
