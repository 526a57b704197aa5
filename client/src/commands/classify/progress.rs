//! How far the work is, on a terminal.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::find::Found;

const REDRAW: Duration = Duration::from_millis(200);

/// A bar on standard error while that is a terminal, otherwise nothing. Clones share
/// it.
///
/// It counts bytes of files, since clips differ in length.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    classified: AtomicU64,
    audio_milliseconds: AtomicU64,
}

impl Progress {
    pub(super) fn start(found: &[Found]) -> Self {
        let bytes = found.iter().map(|found| match found {
            Found::Clip(clip) => clip.bytes,
            Found::Unreadable(..) => 0,
        });
        let counts = Arc::new(Counts::default());
        let bar = ProgressBar::with_draw_target(Some(bytes.sum()), ProgressDrawTarget::stderr());
        bar.set_style(style(&counts, found.len()));
        bar.enable_steady_tick(REDRAW);
        Self { bar, counts }
    }

    /// The part of one clip, of a file of so many bytes.
    pub(super) fn share(&self, bytes: u64) -> Share {
        Share {
            bar: self.bar.clone(),
            bytes,
            covered: 0,
        }
    }

    pub(super) fn classified(&self, audio: Duration) {
        let milliseconds = u64::try_from(audio.as_millis()).unwrap_or(u64::MAX);
        self.counts.done.fetch_add(1, Ordering::Relaxed);
        self.counts.classified.fetch_add(1, Ordering::Relaxed);
        self.counts
            .audio_milliseconds
            .fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.counts.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes something else to the terminal.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Counts as done when it is dropped.
pub(super) struct Share {
    bar: ProgressBar,
    bytes: u64,
    covered: u64,
}

impl Share {
    /// So much of the clip is done, 0 to 1. It may become less when a clip is sent
    /// again.
    pub(super) fn cover(&mut self, fraction: f64) {
        let covered = (self.bytes as f64 * fraction.clamp(0.0, 1.0)) as u64;
        if covered > self.covered {
            self.bar.inc(covered - self.covered);
        } else {
            self.bar.dec(self.covered - covered);
        }
        self.covered = covered;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.cover(1.0);
    }
}

fn style(counts: &Arc<Counts>, clips: usize) -> ProgressStyle {
    let (done, rates) = (Arc::clone(counts), Arc::clone(counts));
    let template = ProgressStyle::with_template("{bar:24} {done}  {rates}  {eta} left");
    template
        .expect("the template is well-formed")
        .progress_chars("█▉▊▋▌▍▎▏ ")
        .with_key(
            "done",
            move |_: &ProgressState, out: &mut dyn fmt::Write| {
                // An incomplete line is better than none.
                let _ = write!(
                    out,
                    "{} of {clips} clips",
                    done.done.load(Ordering::Relaxed)
                );
            },
        )
        .with_key(
            "rates",
            move |state: &ProgressState, out: &mut dyn fmt::Write| {
                let seconds = state.elapsed().as_secs_f64().max(1e-3);
                let clips = rates.classified.load(Ordering::Relaxed) as f64 / seconds;
                let audio = rates.audio_milliseconds.load(Ordering::Relaxed) as f64 / 1e3 / seconds;
                let _ = write!(out, "{clips:.1} clips/s, {audio:.0} s of audio/s");
            },
        )
}
