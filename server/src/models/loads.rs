//! Loads, none of which is waited for without end.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};
use tracing::warn;

use super::{ServedModel, find::Found, load::Loader, lock};
use crate::{Error, threads};

/// Loads that were given up on and go on. Each keeps a thread and what it has
/// loaded so far, so with so many there are no further ones.
pub const MAX_ABANDONED: usize = 4;

/// Loads packages on threads of their own and gives up on those that are late.
///
/// A thread that is given up on can't be stopped: it stays until its backend
/// returns, and then drops what it has loaded.
#[derive(Debug)]
pub(super) struct Loads {
    loader: Arc<Loader>,
    /// Each thread that loads has it, too.
    running: Arc<()>,
    abandoned: Mutex<Vec<Abandoned>>,
}

#[derive(Debug)]
struct Abandoned {
    id: String,
    /// Gone with its thread.
    thread: Weak<()>,
}

impl Loads {
    pub(super) fn new(loader: Arc<Loader>) -> Self {
        Self {
            loader,
            running: Arc::default(),
            abandoned: Mutex::default(),
        }
    }

    /// Loads, checks and starts the package called `id`, if that takes no longer
    /// than `deadline`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when it can't be served, or takes longer;
    /// [`Error::Abandoned`] when too many others took longer;
    /// [`Error::UnknownPackage`]; [`Error::Io`] of the directory or the thread.
    pub(super) async fn load(
        &self,
        id: &str,
        deadline: Duration,
    ) -> Result<Arc<ServedModel>, Error> {
        self.expect_room()?;
        let running = (Arc::clone(&self.running), Arc::new(()));
        let thread = Arc::downgrade(&running.1);
        let (answer, outcome) = oneshot::channel();
        let (loader, named) = (Arc::clone(&self.loader), id.to_owned());
        threads::spawn("ser-load", move || {
            let late = answer.send(load(&loader, &named)).err();
            if let Some(outcome) = late {
                let how = outcome.map_or_else(|error| error.to_string(), |_| "loaded".to_owned());
                warn!(
                    model = named,
                    "too late, and dropped: load of {named}: {how}"
                );
            }
            drop(running);
        })?;
        match timeout(deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(refused(id, Error::LoadPanicked)),
            Err(_) => {
                lock(&self.abandoned).push(Abandoned {
                    id: id.to_owned(),
                    thread,
                });
                Err(refused(id, Error::LoadTooLate { after: deadline }))
            }
        }
    }

    /// Whether anything is being loaded, even if it was given up on.
    pub(super) fn are_running(&self) -> bool {
        Arc::strong_count(&self.running) > 1
    }

    fn expect_room(&self) -> Result<(), Error> {
        let mut abandoned = lock(&self.abandoned);
        abandoned.retain(|load| load.thread.strong_count() > 0);
        if abandoned.len() < MAX_ABANDONED {
            return Ok(());
        }
        Err(Error::Abandoned {
            models: abandoned.iter().map(|load| load.id.clone()).collect(),
            limit: MAX_ABANDONED,
        })
    }
}

fn load(loader: &Loader, id: &str) -> Result<Arc<ServedModel>, Error> {
    let mut found = loader.find()?;
    let Some(at) = found.iter().position(|found| found.id() == id) else {
        return Err(Error::UnknownPackage {
            model: id.to_owned(),
            found: found.iter().map(Found::id).collect(),
        });
    };
    loader
        .load(found.swap_remove(at))
        .map_err(|error| refused(id, error))
}

fn refused(id: &str, why: Error) -> Error {
    Error::Refused {
        model: id.to_owned(),
        source: Box::new(why),
    }
}
