//! What a run came to.

use std::{fmt, time::Duration};

/// Counts of clips, and how fast they were classified.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) classified: usize,
    pub(crate) failed: usize,
    /// Left out because the run ended before.
    pub(crate) untried: usize,
    /// Of the clips that were classified.
    pub(crate) audio: Duration,
    pub(crate) elapsed: Duration,
}

impl Total {
    /// Clips a second.
    pub(crate) fn clip_rate(&self) -> f64 {
        rate(self.classified as f64, self.elapsed)
    }

    /// Seconds of audio a second.
    pub(crate) fn audio_rate(&self) -> f64 {
        rate(self.audio.as_secs_f64(), self.elapsed)
    }
}

/// 0 before any time has passed.
fn rate(amount: f64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        amount / time.as_secs_f64()
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} clip{}, {:.1} s of audio in {:.1} s: {:.1} clips/s, {:.1} s of audio a second",
            self.classified,
            if self.classified == 1 { "" } else { "s" },
            self.audio.as_secs_f64(),
            self.elapsed.as_secs_f64(),
            self.clip_rate(),
            self.audio_rate(),
        )?;
        if self.failed > 0 {
            write!(f, "; {} failed", self.failed)?;
        }
        if self.untried > 0 {
            write!(f, "; {} not tried", self.untried)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_only_if_something_did() {
        let mut total = Total {
            classified: 10,
            audio: Duration::from_secs(40),
            elapsed: Duration::from_secs(4),
            ..Total::default()
        };
        let good = "10 clips, 40.0 s of audio in 4.0 s: 2.5 clips/s, 10.0 s of audio a second";
        assert_eq!(total.to_string(), good);
        (total.failed, total.untried) = (1, 2);
        assert_eq!(total.to_string(), format!("{good}; 1 failed; 2 not tried"));
        assert_eq!(Total::default().clip_rate(), 0.0);
    }
}
