//! Rows of log-mel levels, and the ring that keeps the recent ones.

use crate::FrontEndParams;
use crate::decibel::power_to_db;
use crate::mel::MelBank;
use crate::stft::{History, PowerSpectrum};

/// From a frame of samples to the level of each mel band.
pub(crate) struct LogMel {
    spectrum: PowerSpectrum,
    mel: MelBank,
    amin: f32,
}

impl LogMel {
    pub(crate) fn new(params: &FrontEndParams) -> Self {
        Self {
            spectrum: PowerSpectrum::new(params.n_fft),
            mel: MelBank::new(params),
            amin: params.amin,
        }
    }

    pub(crate) fn mel(&self) -> &MelBank {
        &self.mel
    }

    /// The levels in dB of the frame centred on sample `centre`, with zeros
    /// before sample `from` and after the newest.
    pub(crate) fn row(&self, history: &History, centre: u64, from: u64, levels: &mut [f32]) {
        self.spectrum.with_frame(
            history,
            centre,
            from,
            #[inline(always)]
            |bins| {
                self.mel.apply(bins, levels);
                power_to_db(levels, self.amin);
            },
        );
    }
}

/// Equally long rows under ascending numbers; a new row takes the place of the
/// one `capacity` before.
#[derive(Clone, Debug)]
pub(crate) struct RowRing {
    rows: Box<[f32]>,
    width: usize,
}

impl RowRing {
    pub(crate) fn new(capacity: usize, width: usize) -> Self {
        Self {
            rows: vec![0.0; capacity * width].into(),
            width,
        }
    }

    fn place(&self, number: u64) -> usize {
        (number % (self.rows.len() / self.width) as u64) as usize * self.width
    }

    pub(crate) fn row(&self, number: u64) -> &[f32] {
        &self.rows[self.place(number)..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, number: u64) -> &mut [f32] {
        let place = self.place(number);
        &mut self.rows[place..][..self.width]
    }
}
