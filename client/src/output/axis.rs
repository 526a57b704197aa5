//! A timeline's axis: cells of equal length, and where in time they are.

/// Cells of a timeline: times in seconds from the first sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// How many cells lie before the first.
    pub(super) first: u64,
    pub(super) cells: usize,
    /// How long a cell lasts.
    pub(super) cell: f64,
}

/// Lengths from tick to tick that people count in, in seconds.
const STEPS: [u32; 14] = [
    1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200,
];
/// Room for a tick and its time.
const TICK: f64 = 9.0;

impl Axis {
    /// As many cells as there is room for, so that the last holds `end`; the start of
    /// the stream stays first until it no longer fits.
    pub(super) fn ending(end: f64, cell: f64, cells: usize) -> Self {
        let all = (end / cell - 1e-6).ceil().max(0.0) as u64;
        Self {
            first: all.saturating_sub(cells as u64),
            cells,
            cell,
        }
    }

    /// From when to when each cell lasts.
    pub(super) fn spans(self) -> impl Iterator<Item = (f64, f64)> {
        (self.first..)
            .take(self.cells)
            .map(move |at| (at as f64 * self.cell, (at + 1) as f64 * self.cell))
    }

    /// A tick and its time wherever there is room for one.
    pub(super) fn ticks(self) -> String {
        let room = |step: &u32| f64::from(*step) / self.cell >= TICK;
        let step = STEPS.into_iter().find(room);
        let step = step.map_or(self.cell * 2.0 * TICK, f64::from);
        let mut line = vec![' '; self.cells];
        let start = self.first as f64 * self.cell;
        let mut tick = (start / step).ceil();
        loop {
            let column = (tick * step / self.cell + 1e-6).floor() as u64 - self.first;
            let seconds = (tick * step).round() as u64;
            let text = format!("│{}:{:02}", seconds / 60, seconds % 60);
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            let Some(room) = line
                .get_mut(column..)
                .filter(|room| room.len() >= text.chars().count())
            else {
                return line.into_iter().collect();
            };
            for (cell, letter) in room.iter_mut().zip(text.chars()) {
                *cell = letter;
            }
            tick += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_stays_until_it_no_longer_fits() {
        assert_eq!(Axis::ending(1.5, 0.5, 10).first, 0);
        assert_eq!(Axis::ending(5.0, 0.5, 10).first, 0);
        let axis = Axis::ending(5.1, 0.5, 10);
        assert_eq!(axis.first, 1);
        assert_eq!(axis.spans().last(), Some((5.0, 5.5)));
    }

    #[test]
    fn ticks_stand_where_their_time_begins() {
        assert_eq!(
            Axis::ending(0.0, 0.5, 26).ticks(),
            "│0:00     │0:05     │0:10 ",
        );
        // The sixteenth cell of half a second begins at 7.5 s.
        assert_eq!(Axis::ending(17.5, 0.5, 20).ticks(), "     │0:10     │0:15");
        assert_eq!(Axis::ending(0.0, 0.5, 4).ticks(), "    ");
    }

    #[test]
    fn any_length_has_ticks() {
        for cell in [0.116, 0.51, 3.0, 100.0, 5_000.0, 1e6] {
            let ticks = Axis::ending(cell * 1e4, cell, 80).ticks();
            assert!(ticks.matches('│').count() >= 1, "{cell}: {ticks}");
        }
    }
}
