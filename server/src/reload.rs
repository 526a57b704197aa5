//! Values that come from files, and follow them when they change.

use std::{
    fs,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info};

use crate::{Error, telemetry::Metrics};

/// How often the files are looked at. Their contents count, not their names or times:
/// Kubernetes exchanges a link above them.
const INTERVAL: Duration = Duration::from_secs(2);

/// Where a value comes from.
pub(crate) trait Source: Send + Sync + 'static {
    /// What is made of the files.
    type Value: Send + Sync;

    /// What metrics and the log call it.
    const NAME: &'static str;

    /// The files.
    fn files(&self) -> Vec<&Path>;

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Which file, what is wrong with it and what was expected.
    fn load(&self) -> Result<Self::Value, Error>;
}

/// What a [`Source`] held when it could last be read. A change that can't be read
/// changes nothing, and is told.
#[derive(Debug)]
pub(crate) struct Reloaded<T> {
    current: Arc<RwLock<Arc<T>>>,
    _watch: AbortOnDropHandle<()>,
}

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Reads `source`, and again when it changes and on SIGHUP.
    ///
    /// # Errors
    ///
    /// As [`Source::load`].
    pub(crate) fn open(
        source: impl Source<Value = T>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        // In this order: a change between the two is seen as one later.
        let contents = digests(&source);
        let current = Arc::new(RwLock::new(Arc::new(source.load()?)));
        let watch = Watch {
            source: Arc::new(source),
            contents,
            current: Arc::clone(&current),
            failed: None,
            metrics,
        };
        Ok(Self {
            current,
            _watch: AbortOnDropHandle::new(tokio::spawn(watch.run())),
        })
    }

    /// The value as it is now. Whoever needs a consistent one keeps it.
    pub(crate) fn now(&self) -> Arc<T> {
        // It is exchanged as a whole.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The SHA-256 of each file; none of one that can't be read.
type Digests = Vec<Option<[u8; 32]>>;

fn digests(source: &impl Source) -> Digests {
    let digest = |path| Some(Sha256::digest(fs::read(path).ok()?).into());
    source.files().into_iter().map(digest).collect()
}

struct Watch<S: Source> {
    source: Arc<S>,
    contents: Digests,
    current: Arc<RwLock<Arc<S::Value>>>,
    /// What was told of the last attempt, if that failed.
    failed: Option<String>,
    metrics: Arc<Metrics>,
}

impl<S: Source> Watch<S> {
    async fn run(mut self) {
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
        let source = Arc::clone(&self.source);
        let before = self.contents.clone();
        let again = asked || self.failed.is_some();
        // A file system may make one wait.
        let reading = tokio::task::spawn_blocking(move || {
            let contents = digests(&*source);
            (again || contents != before).then(|| (contents, source.load()))
        });
        let Ok(Some((contents, loaded))) = reading.await else {
            return;
        };
        self.contents = contents;
        match loaded {
            Ok(value) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                self.failed = None;
                self.metrics.credentials_reloaded(S::NAME, true);
                info!("{} reloaded", S::NAME);
            }
            Err(failure) => self.tell(failure.to_string(), asked),
        }
    }

    /// Tells of a failure once.
    fn tell(&mut self, failure: String, asked: bool) {
        if !asked && self.failed.as_ref() == Some(&failure) {
            return;
        }
        self.metrics.credentials_reloaded(S::NAME, false);
        error!(
            "{} not reloaded, what was read before stays: {failure}",
            S::NAME
        );
        self.failed = Some(failure);
    }
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::telemetry;

    /// A number in a file.
    struct Number(PathBuf);

    impl Source for Number {
        type Value = u32;
        const NAME: &'static str = "number";

        fn files(&self) -> Vec<&Path> {
            vec![&self.0]
        }

        fn load(&self) -> Result<u32, Error> {
            let text = fs::read_to_string(&self.0).unwrap_or_default();
            let wrong = |_| Error::invalid("number", text.as_str(), "a number");
            text.trim().parse().map_err(wrong)
        }
    }

    struct Fixture {
        folder: TempDir,
        number: Reloaded<u32>,
    }

    impl Fixture {
        fn new(path: impl FnOnce(&TempDir) -> PathBuf) -> Self {
            let folder = TempDir::new().unwrap();
            let path = path(&folder);
            Self {
                number: Reloaded::open(Number(path), telemetry::unread()).unwrap(),
                folder,
            }
        }

        /// After the files have been looked at, perhaps more than once.
        async fn now(&self) -> u32 {
            sleep(INTERVAL * 5 / 2).await;
            *self.number.now()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_again_and_a_broken_one_is_not_believed() {
        let file = |folder: &TempDir| folder.path().join("number");
        let fixture = Fixture::new(|folder| {
            fs::write(file(folder), "1").unwrap();
            file(folder)
        });
        assert_eq!(*fixture.number.now(), 1);
        fs::write(file(&fixture.folder), "2").unwrap();
        assert_eq!(fixture.now().await, 2);
        fs::write(file(&fixture.folder), "two").unwrap();
        assert_eq!(fixture.now().await, 2);
        fs::remove_file(file(&fixture.folder)).unwrap();
        assert_eq!(fixture.now().await, 2);
        fs::write(file(&fixture.folder), "3").unwrap();
        assert_eq!(fixture.now().await, 3);
    }

    /// As Kubernetes mounts a secret: `number` leads to `..data/number`, and `..data`
    /// to the folder of one version.
    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_link_that_is_exchanged_is_a_change() {
        use std::os::unix::fs::symlink;
        let version = |folder: &TempDir, name: &str, number: &str| {
            let version = folder.path().join(name);
            fs::create_dir(&version).unwrap();
            fs::write(version.join("number"), number).unwrap();
            let link = folder.path().join("..data.new");
            symlink(version, &link).unwrap();
            fs::rename(link, folder.path().join("..data")).unwrap();
        };
        let fixture = Fixture::new(|folder| {
            version(folder, "..1", "1");
            let file = folder.path().join("number");
            symlink("..data/number", &file).unwrap();
            file
        });
        version(&fixture.folder, "..2", "2");
        assert_eq!(fixture.now().await, 2);
    }
}
