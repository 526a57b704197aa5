//! Finds overdriven recordings.

use ser_features::Encoding;

/// Cells in the second that is looked back on.
const CELLS: usize = super::grid::CELLS_PER_SECOND;

/// Counts the samples at full scale in the last second of one lane.
///
/// The count is looked at only at the end of each cell of the session's grid, so
/// the answer doesn't depend on how the audio was cut into chunks.
#[derive(Debug)]
pub(super) struct ClippingDetector {
    full_scale: f32,
    /// Samples at full scale, and all samples, of the last cells.
    cells: [(u32, u32); CELLS],
    /// Cells that have ended.
    ended: u64,
    /// Cells at whose end there is nothing more to say: all of them, once it was said.
    told: u64,
}

/// The first cell that is counted at the end of cell `cell`.
pub(super) fn first_heard(cell: u64) -> u64 {
    (cell + 1).saturating_sub(CELLS as u64)
}

impl ClippingDetector {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            full_scale: full_scale(encoding),
            cells: [(0, 0); CELLS],
            ended: 0,
            told: 0,
        }
    }

    /// Within a stream, whose samples come from somewhere in cell `first` on, after it
    /// was said whether the first `told` cells ended a second of clipped audio.
    pub(super) fn resume(self, first: u64, told: u64) -> Self {
        Self {
            ended: first,
            told,
            ..self
        }
    }

    /// Says nothing any more.
    pub(super) fn silence(&mut self) {
        self.told = u64::MAX;
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        if self.told == u64::MAX {
            return;
        }
        let clipped = samples
            .iter()
            .filter(|sample| sample.abs() >= self.full_scale)
            .count();
        let (at_full_scale, all) = &mut self.cells[place(self.ended)];
        // A cell is a tenth of a second: at most 19,200 samples.
        *at_full_scale += clipped as u32;
        *all += samples.len() as u32;
    }

    /// Ends a cell. Returns the share of clipped samples of the last second, once
    /// and only if it is at least 1 %.
    pub(super) fn end_cell(&mut self) -> Option<f32> {
        if self.told == u64::MAX {
            return None;
        }
        self.ended += 1;
        let (at_full_scale, all) = self
            .cells
            .iter()
            .fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
        let whole_second = self.ended >= CELLS as u64 && self.ended > self.told;
        if whole_second && at_full_scale * 100 >= all && all > 0 {
            self.silence();
            return Some(at_full_scale as f32 / all as f32);
        }
        self.cells[place(self.ended)] = (0, 0);
        None
    }
}

/// Where a cell is counted.
fn place(cell: u64) -> usize {
    (cell % CELLS as u64) as usize
}

/// The magnitude that an overdriven sample reaches.
fn full_scale(encoding: Encoding) -> f32 {
    match encoding {
        // A float that was made from 16-bit samples stops short of 1.
        Encoding::S16Le | Encoding::F32Le => 32_767.0 / 32_768.0,
        // The largest values that G.711 can write, of 32,768.
        Encoding::MuLaw => 32_124.0 / 32_768.0,
        Encoding::ALaw => 32_256.0 / 32_768.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell in which a warning came.
    fn warned_in(samples: &[f32], cell: usize) -> Option<usize> {
        let mut detector = ClippingDetector::new(Encoding::S16Le);
        samples.chunks(cell).position(|cell| {
            detector.push(cell);
            detector.end_cell().is_some()
        })
    }

    #[test]
    fn needs_one_percent_of_a_whole_second() {
        let mut samples = vec![0.5; 16_000];
        samples[..159].fill(-1.0);
        assert_eq!(warned_in(&samples, 1_600), None);
        samples[159] = 32_767.0 / 32_768.0;
        assert_eq!(warned_in(&samples, 1_600), Some(9));
    }

    #[test]
    fn forgets_what_is_older_than_a_second() {
        let mut samples = vec![0.0; 32_000];
        samples[..100].fill(1.0);
        samples[16_000 + 1_600..][..100].fill(1.0);
        assert_eq!(warned_in(&samples, 1_600), None);
    }

    #[test]
    fn goes_on_within_a_second() {
        let mut samples = vec![0.0; 32_000];
        samples[12_000..20_000].fill(1.0);
        let whole = warned_in(&samples, 1_600).unwrap();
        let first = first_heard(whole as u64);
        let from = first as usize * 1_600;
        let mut detector = ClippingDetector::new(Encoding::S16Le).resume(first, whole as u64);
        let warned = samples[from..].chunks(1_600).position(|cell| {
            detector.push(cell);
            detector.end_cell().is_some()
        });
        assert_eq!(warned, Some(whole - first as usize));
    }

    #[test]
    fn does_not_repeat_what_was_told() {
        let mut detector = ClippingDetector::new(Encoding::S16Le).resume(3, 17);
        let cells = std::iter::repeat_n([1.0; 800], 20);
        let warned = (3..).zip(cells).filter_map(|(cell, samples)| {
            detector.push(&samples);
            detector.end_cell().map(|_| cell)
        });
        let warned: Vec<u64> = warned.collect();
        assert_eq!(warned, [17]);
    }

    #[test]
    fn warns_once() {
        let mut detector = ClippingDetector::new(Encoding::F32Le);
        let warnings = (0..30)
            .filter(|_| {
                detector.push(&[1.0; 800]);
                detector.end_cell().is_some()
            })
            .count();
        assert_eq!(warnings, 1);
    }
}
