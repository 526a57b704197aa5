//! What a program logs while it runs.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How many lines are kept for a reader who looks later. Older ones are lost.
const KEPT: usize = 500;

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    lost: usize,
}

/// The lines of a log, until it ends.
pub(crate) struct Log {
    kept: Arc<Mutex<Kept>>,
    /// Disconnected when no more lines come.
    news: Receiver<()>,
}

impl Log {
    /// Reads on while nobody looks, so that the program never waits for a reader.
    pub(crate) fn of(stderr: ChildStderr) -> Self {
        let (log, tell) = Self::empty();
        let kept = Arc::clone(&log.kept);
        std::thread::spawn(move || keep(BufReader::new(stderr), &kept, &tell));
        log
    }

    fn empty() -> (Self, SyncSender<()>) {
        let (tell, news) = mpsc::sync_channel(1);
        let kept = Arc::default();
        (Self { kept, news }, tell)
    }

    /// Shows the next line, and before it how many are missing.
    pub(crate) fn show_line(&self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        let (lost, line) = self.line(deadline)?;
        if lost > 0 {
            eprintln!("({lost} older lines of the log are left out)");
        }
        eprintln!("{line}");
        Ok(())
    }

    fn line(&self, deadline: Instant) -> Result<(usize, String), RecvTimeoutError> {
        loop {
            {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(line) = kept.lines.pop_front() {
                    return Ok((std::mem::take(&mut kept.lost), line));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            self.news.recv_timeout(left)?;
        }
    }
}

/// Keeps the last lines of `log`, telling that there are some.
fn keep(log: impl BufRead, kept: &Mutex<Kept>, news: &SyncSender<()>) {
    for line in log.lines().map_while(Result::ok) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines.len() == KEPT {
            kept.lines.pop_front();
            kept.lost += 1;
        }
        kept.lines.push_back(line);
        drop(kept);
        // One word is enough for all the lines since the reader looked.
        let _ = news.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_looks_late_sees_the_last_lines_and_how_many_are_missing() {
        let (log, tell) = Log::empty();
        let lines: String = (0..KEPT + 7).map(|line| format!("{line}\n")).collect();
        keep(lines.as_bytes(), &log.kept, &tell);
        drop(tell);
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(log.line(deadline), Ok((7, "7".to_owned())));
        for line in 8..KEPT + 7 {
            assert_eq!(log.line(deadline), Ok((0, line.to_string())));
        }
        let end = log.line(deadline);
        assert_eq!(end, Err(RecvTimeoutError::Disconnected));
    }
}
