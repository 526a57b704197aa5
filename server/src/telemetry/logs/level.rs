//! What is logged, while the server runs.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::filter;
use crate::Error;

type Apply = Box<dyn Fn(EnvFilter) -> Result<(), Error> + Send + Sync>;

/// What is logged, and the way to change it. Clones change the same.
#[derive(Clone)]
pub(crate) struct LogLevel(Arc<Shared>);

struct Shared {
    configured: String,
    apply: Apply,
    current: Mutex<Current>,
}

struct Current {
    level: String,
    /// When `configured` is back, and what brings it.
    reverts: Option<(Instant, AbortOnDropHandle<()>)>,
}

/// What is logged now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// As `log.level` writes it.
    pub(crate) level: String,
    /// What the configuration says.
    pub(crate) configured: String,
    /// How long until that is back, if it comes back by itself.
    pub(crate) reverts_in: Option<Duration>,
}

impl LogLevel {
    /// What is logged at first, and what changes it.
    pub(in crate::telemetry) fn new(
        configured: String,
        apply: impl Fn(EnvFilter) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            current: Mutex::new(Current {
                level: configured.clone(),
                reverts: None,
            }),
            configured,
            apply: Box::new(apply),
        }))
    }

    /// What is logged now.
    pub(crate) fn get(&self) -> Level {
        let current = self.0.lock();
        Level {
            level: current.level.clone(),
            configured: self.0.configured.clone(),
            reverts_in: (current.reverts.as_ref())
                .map(|(at, _)| at.saturating_duration_since(Instant::now())),
        }
    }

    /// Logs what `level` lets through, for good or for a while. `None` is what the
    /// configuration says.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] of a level that is malformed.
    pub(crate) fn set(&self, level: Option<&str>, lasts: Option<Duration>) -> Result<Level, Error> {
        let shared = &self.0;
        let level = level.unwrap_or(&shared.configured);
        let mut current = shared.lock();
        shared.apply(level, &mut current)?;
        current.reverts = lasts.map(|lasts| {
            let at = Instant::now() + lasts;
            // It must not keep what it changes.
            let shared = Arc::downgrade(shared);
            let revert = tokio::spawn(async move {
                sleep_until(at).await;
                if let Some(shared) = shared.upgrade() {
                    shared.revert();
                }
            });
            (at, AbortOnDropHandle::new(revert))
        });
        drop(current);
        match lasts {
            Some(lasts) => info!(level, "log level changed for {lasts:?}"),
            None => info!(level, "log level changed"),
        }
        Ok(self.get())
    }
}

impl Shared {
    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, level: &str, current: &mut Current) -> Result<(), Error> {
        let filter = filter(level).map_err(|reason| {
            let (found, expected) = reason
                .split_once("; expected ")
                .unwrap_or((&reason, "a filter"));
            Error::invalid("level", found, expected)
        })?;
        (self.apply)(filter)?;
        level.clone_into(&mut current.level);
        Ok(())
    }

    fn revert(&self) {
        let mut current = self.lock();
        let due = |(at, _): &(Instant, _)| *at <= Instant::now();
        // Another change may have come in between.
        if current.reverts.as_ref().is_some_and(due)
            && self.apply(&self.configured, &mut current).is_ok()
        {
            let ended = current.reverts.take();
            drop(current);
            info!(level = self.configured, "log level is back");
            drop(ended);
        }
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("LogLevel")
            .field(&self.get())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::mpsc, time::advance};

    use super::*;

    fn level() -> (LogLevel, mpsc::UnboundedReceiver<String>) {
        let (applied, seen) = mpsc::unbounded_channel();
        let level = LogLevel::new("info".to_owned(), move |filter| {
            applied.send(filter.to_string()).unwrap();
            Ok(())
        });
        (level, seen)
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_ends_by_itself() {
        let (level, mut applied) = level();
        let minute = Duration::from_secs(60);
        let changed = level.set(Some("ser_server=debug"), Some(minute)).unwrap();
        assert_eq!(changed.level, "ser_server=debug");
        assert_eq!(changed.reverts_in, Some(minute));
        assert!(applied.recv().await.unwrap().contains("ser_server=debug"));
        advance(minute / 2).await;
        assert_eq!(level.get().reverts_in, Some(minute / 2));
        assert!(applied.recv().await.unwrap().contains("info"));
        assert_eq!(level.get().level, "info");
        assert_eq!(level.get().reverts_in, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_change_stays() {
        let (level, mut applied) = level();
        let minute = Duration::from_secs(60);
        level.set(Some("debug"), Some(minute)).unwrap();
        level.set(Some("warn"), None).unwrap();
        tokio::time::sleep(2 * minute).await;
        assert_eq!(level.get().level, "warn");
        assert_eq!(level.set(None, None).unwrap().level, "info");
        for expected in ["debug", "warn", "info"] {
            assert!(applied.recv().await.unwrap().contains(expected));
        }
        assert!(applied.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_malformed_level_changes_nothing() {
        let (level, mut applied) = level();
        let error = level.set(Some("inof"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "level: \"inof\"; expected off, error, warn, info, debug, trace or TARGET=LEVEL"
        );
        assert_eq!(level.get().level, "info");
        assert!(applied.try_recv().is_err());
    }
}
