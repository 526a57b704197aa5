//! The task that looks at files.

use std::{
    fs,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep},
};
use tracing::{error, info, warn};

use super::{Current, Notes, Source};
use crate::{Error, telemetry::Metrics};

/// How often the files are looked at. Their contents count, not their names or times:
/// Kubernetes exchanges a link above them.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often they are read although nothing has changed, since what was right may be
/// wrong by now, and how often the log is told of what still isn't right.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long files that belong together may be exchanged one after the other.
const PATIENCE: Duration = Duration::from_secs(60);

/// The SHA-256 of each file; none of one that can't be read.
type Digests = Vec<Option<[u8; 32]>>;

pub(super) struct Watch<S: Source> {
    source: Arc<S>,
    /// What was read last.
    contents: Digests,
    /// What is in force, which differs while what was read can't be used.
    in_force: Digests,
    current: Current<S::Value>,
    /// The last attempt, if that failed.
    failed: Option<Failure>,
    /// What the log was warned of.
    warned: Vec<String>,
    /// When the log was last told of everything.
    told: Instant,
    metrics: Arc<Metrics>,
}

/// Files that can't be used.
struct Failure {
    why: String,
    /// Since when they can't.
    since: Instant,
    /// Whether they may yet be exchanged.
    waits: bool,
}

impl<S: Source> Watch<S> {
    /// Reads `source`, and begins to watch it.
    pub(super) fn begin(
        source: S,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Current<S::Value>), Error> {
        // In this order: a change between the two is seen as one later.
        let contents = digests(&source);
        let mut notes = Notes::default();
        let value = source.load(&mut notes)?;
        metrics.credentials_watched(S::NAME);
        source.measure(&value, &metrics);
        let current = Arc::new(RwLock::new(Arc::new(value)));
        let mut watch = Self {
            source: Arc::new(source),
            in_force: contents.clone(),
            contents,
            current: Arc::clone(&current),
            failed: None,
            warned: Vec::new(),
            told: Instant::now(),
            metrics,
        };
        watch.warn(&notes.warnings);
        watch.is_outdated(false);
        Ok((watch, current))
    }

    pub(super) async fn run(mut self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let asked = tokio::select! {
                () = sleep(INTERVAL) => false,
                () = received(&mut hangup) => true,
            };
            self.look(asked).await;
        }
    }

    /// Reads the files if they have changed, or somebody has `asked`, or what can't be
    /// read may be readable by now: a certificate becomes valid by itself.
    async fn look(&mut self, asked: bool) {
        let is_due = self.told.elapsed() >= DAY;
        let source = Arc::clone(&self.source);
        let before = self.contents.clone();
        let again = asked || is_due || self.failed.is_some();
        // A file system may make one wait.
        let reading = tokio::task::spawn_blocking(move || {
            let contents = digests(&*source);
            let mut notes = Notes::default();
            (again || contents != before).then(|| (contents, source.load(&mut notes), notes))
        });
        let Ok(Some((contents, loaded, notes))) = reading.await else {
            return;
        };
        if is_due {
            self.told = Instant::now();
            self.warned.clear();
        }
        self.contents = contents;
        self.warn(&notes.warnings);
        match loaded {
            Ok(value) => {
                // Of what isn't so any more, there would be news if it were so again.
                self.warned = notes.warnings;
                self.take(value, asked);
            }
            Err(error) => self.refuse(&error, notes.is_halfway, asked || is_due),
        }
    }

    /// What was read and isn't in force yet, for the log.
    fn changed(&self) -> String {
        let files = self.source.files().into_iter();
        let pairs = files.zip(self.in_force.iter().zip(&self.contents));
        let changed = pairs.filter(|(_, (before, now))| before != now);
        let paths: Vec<_> = changed
            .map(|(path, _)| path.display().to_string())
            .collect();
        paths.join(", ")
    }

    /// Tells of what wasn't told before.
    fn warn(&mut self, warnings: &[String]) {
        for warning in warnings {
            if !self.warned.contains(warning) {
                warn!(listener = self.source.listener(), "{warning}");
                self.warned.push(warning.clone());
            }
        }
    }

    /// Puts what was read in force, and tells of what has changed, or that nothing has
    /// if somebody `asked`.
    fn take(&mut self, value: S::Value, asked: bool) {
        self.source.measure(&value, &self.metrics);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
        let files = self.changed();
        self.in_force.clone_from(&self.contents);
        let had_failed = self.failed.take().is_some();
        self.is_outdated(false);
        if asked || had_failed || !files.is_empty() {
            self.metrics.credentials_reloaded(S::NAME, true);
            let listener = self.source.listener();
            info!(listener, files, "{} reloaded", S::NAME);
        }
    }

    fn is_outdated(&self, outdated: bool) {
        let listener = self.source.listener();
        self.metrics
            .credentials_outdated(S::NAME, listener, outdated);
    }

    /// Tells of a failure once, unless it's `again`.
    fn refuse(&mut self, error: &Error, is_halfway: bool, again: bool) {
        let before = self.failed.take();
        let since = before
            .as_ref()
            .map_or_else(Instant::now, |failed| failed.since);
        let failure = Failure {
            why: error.to_string(),
            since,
            waits: is_halfway && since.elapsed() < PATIENCE,
        };
        // What is in force may have expired, with nothing new beside it.
        self.is_outdated(self.in_force != self.contents);
        let Failure { why, waits, .. } = self.failed.insert(failure);
        let is_known = before.is_some_and(|before| before.why == *why && before.waits == *waits);
        if is_known && !again {
            return;
        }
        let listener = self.source.listener();
        if *waits {
            warn!(
                listener,
                "{} not reloaded yet, waiting for the other file: {why}",
                S::NAME
            );
        } else {
            self.metrics.credentials_reloaded(S::NAME, false);
            error!(
                listener,
                "{} not reloaded, what was read before stays: {why}",
                S::NAME
            );
        }
    }
}

fn digests(source: &impl Source) -> Digests {
    let digest = |path| Some(Sha256::digest(fs::read(path).ok()?).into());
    source.files().into_iter().map(digest).collect()
}

/// Waits for the signal, for ever if it can't be had.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
