//! Packages that are loaded and unloaded while streams run.
//!
//! A model is served to new streams from the moment it is in the
//! [`ModelRegistry`] to the moment it is taken out. A stream keeps the model that
//! it began with, whose threads and memory go with the last that holds it.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    BackendRegistry, ModelRegistry, ServedModel,
    find::{self, Found},
    load::{Loaded, Loader},
    selector::Selector,
    status::{self, Attempts, ModelState, ModelStatus},
};
use crate::{Error, config::Config};

/// Every package that can be served, with those that are.
#[derive(Debug)]
pub struct Repository {
    loader: Loader,
    registry: ModelRegistry,
    /// How long a change may wait for its turn, and a caller for a change.
    deadline: Duration,
    /// Held while something changes. First come, first served.
    turn: Arc<tokio::sync::Mutex<()>>,
    attempts: Mutex<Attempts>,
    /// Replaced and unloaded models, which streams may still hold.
    retired: Mutex<Vec<Weak<ServedModel>>>,
}

impl Repository {
    /// Checks what can be checked of [`open`](Self::open) without loading anything.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] of a setting that can't be; why one of the packages can't
    /// be served.
    pub fn check(config: &Config, backends: &BackendRegistry) -> Result<(), Error> {
        find::find_valid(&config.models, backends).map(drop)
    }

    /// Finds the packages that `config` names, and loads, checks and starts all
    /// of them. Takes as long as that takes: not for an async worker.
    ///
    /// # Errors
    ///
    /// When there is none, or the default isn't among them, or one can't be served:
    /// other than one that only lies in the directory, where another version of its
    /// name serves.
    pub fn open(config: Config, backends: BackendRegistry) -> Result<Self, Error> {
        let default = config.models.default.clone();
        let deadline = config.admin.deadline;
        let loader = Loader::new(config, backends);
        let Loaded { models, refusals } = loader.load_all()?;
        models.iter().for_each(|model| announce(model));
        Ok(Self {
            registry: ModelRegistry::new(default.as_deref(), models),
            loader,
            deadline,
            turn: Arc::default(),
            attempts: Mutex::new(Attempts {
                refusals,
                ..Attempts::default()
            }),
            retired: Mutex::default(),
        })
    }

    /// What is served.
    #[must_use]
    pub fn registry(&self) -> &ModelRegistry {
        &self.registry
    }

    /// Every version that is found or served, by name, the newest version of each
    /// first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the directory can't be read, [`Error::TooLate`] when that
    /// takes too long.
    pub async fn list(self: &Arc<Self>) -> Result<Vec<ModelStatus>, Error> {
        let repository = Arc::clone(self);
        let late = Error::TooLate {
            field: "repository",
            seen: "unread",
            after: self.deadline,
            expected: "a directory that answers",
        };
        let found = self.in_time(late, move || repository.loader.find()).await?;
        Ok(self.statuses(&found))
    }

    /// Serves the package called `name/version`, unless it is served already and
    /// up.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::UnknownPackage`] of the name;
    /// [`Error::Refused`] when it can't be served; [`Error::TooMany`] and
    /// [`Error::TooLate`] when others, or this one, take too long.
    pub async fn load(self: &Arc<Self>, id: &str) -> Result<ModelStatus, Error> {
        self.change(id, |repository, id| {
            let up = |model: &Arc<ServedModel>| model.batcher().is_serving();
            if repository.registry.get(id).as_ref().is_some_and(up) {
                return Ok(());
            }
            repository.replace(id)
        })
        .await
    }

    /// Serves the package called `name/version` as it is now, in place of what was
    /// served under its name.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load); what was served goes on.
    pub async fn reload(self: &Arc<Self>, id: &str) -> Result<ModelStatus, Error> {
        self.change(id, Self::replace).await
    }

    /// Takes the model called `name/version` from new streams.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::UnknownModel`] of the name;
    /// [`Error::TooMany`] when another change takes too long.
    pub async fn unload(self: &Arc<Self>, id: &str) -> Result<ModelStatus, Error> {
        self.change(id, |repository, id| {
            let model = repository.registry.remove(id)?;
            repository.retire(&model);
            info!(
                model = id,
                streams = model.open_streams(),
                "unloaded model {id}"
            );
            Ok(())
        })
        .await
    }

    /// Makes a change when it is its turn, and tells what has become of the model.
    /// Whoever goes away meanwhile doesn't end it.
    async fn change(
        self: &Arc<Self>,
        id: &str,
        change: impl FnOnce(&Self, &str) -> Result<(), Error> + Send + 'static,
    ) -> Result<ModelStatus, Error> {
        Selector::parse_exact(id)?;
        let turn = Arc::clone(&self.turn).lock_owned();
        let turn = timeout(self.deadline, turn)
            .await
            .map_err(|_| Error::TooMany {
                what: "repository changes",
                open: 1,
                limit: 1,
            })?;
        let late = Error::TooLate {
            field: "model",
            seen: "loading",
            after: self.deadline,
            expected: "less, ListRepository shows how it ends",
        };
        let (repository, id) = (Arc::clone(self), id.to_owned());
        self.in_time(late, move || {
            let _turn = turn;
            // Kept until its status is told, even if nobody else holds it any more.
            let _before = repository.registry.get(&id);
            change(&repository, &id)?;
            let found = repository.loader.find().unwrap_or_default();
            let mut statuses = repository.statuses(&found);
            let at = statuses.iter().position(|status| status.id() == id);
            at.map(|at| statuses.swap_remove(at))
                .ok_or_else(|| Error::Internal(format!("{id} is gone")))
        })
        .await
    }

    /// Runs what takes longer than an async worker may be kept. After too long it
    /// goes on without the caller, who gets `late`.
    async fn in_time<T: Send + 'static>(
        &self,
        late: Error,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        timeout(self.deadline, tokio::task::spawn_blocking(work))
            .await
            .map_err(|_| late)?
            .map_err(|panic| Error::Internal(panic.to_string()))?
    }

    /// Loads the package called `id` and serves it in place of what was served
    /// under its name.
    fn replace(&self, id: &str) -> Result<(), Error> {
        let found = self.loader.find()?;
        let ids = || found.iter().map(Found::id).collect();
        let at = found.iter().position(|found| found.id() == id);
        let Some(at) = at else {
            return Err(Error::UnknownPackage {
                model: id.to_owned(),
                found: ids(),
            });
        };
        let found = found.into_iter().nth(at).expect("found there");
        let attempt = Attempt::begin(&self.attempts, id);
        let model = match self.loader.load(found) {
            Ok(model) => model,
            Err(error) => {
                warn!(model = id, %error, "refused model {id}: {error}");
                attempt.end(Some(error.to_string()));
                return Err(Error::Refused {
                    model: id.to_owned(),
                    source: Box::new(error),
                });
            }
        };
        announce(&model);
        if let Some(replaced) = self.registry.insert(model) {
            self.retire(&replaced);
        }
        attempt.end(None);
        Ok(())
    }

    fn retire(&self, model: &Arc<ServedModel>) {
        let mut retired = lock(&self.retired);
        retired.retain(|model| model.strong_count() > 0);
        retired.push(Arc::downgrade(model));
    }

    fn statuses(&self, found: &[Found]) -> Vec<ModelStatus> {
        let mut rows: Vec<_> = {
            let attempts = lock(&self.attempts);
            let row = |found| ModelStatus::of_found(found, &attempts);
            found.iter().map(row).collect()
        };
        for model in self.registry.list() {
            let row = status::row(&mut rows, &model);
            row.is_default = self.registry.is_default(&model);
            row.open_streams += model.open_streams();
            row.state = if model.batcher().is_serving() {
                ModelState::Serving
            } else {
                ModelState::Down
            };
        }
        let retired: Vec<_> = lock(&self.retired)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for model in retired {
            status::row(&mut rows, &model).open_streams += model.open_streams();
        }
        rows.sort_by(ModelStatus::order);
        rows
    }
}

/// A package that is being loaded.
struct Attempt<'a> {
    attempts: &'a Mutex<Attempts>,
    id: &'a str,
    refusal: Option<String>,
}

impl<'a> Attempt<'a> {
    fn begin(attempts: &'a Mutex<Attempts>, id: &'a str) -> Self {
        lock(attempts).loading = Some(id.to_owned());
        Self {
            attempts,
            id,
            // What is said if this is dropped by a panic.
            refusal: Some("its backend panicked".to_owned()),
        }
    }

    fn end(mut self, refusal: Option<String>) {
        self.refusal = refusal;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut attempts = lock(self.attempts);
        attempts.loading = None;
        match mem::take(&mut self.refusal) {
            Some(refusal) => attempts.refusals.insert(self.id.to_owned(), refusal),
            None => attempts.refusals.remove(self.id),
        };
    }
}

/// Nothing panics while such a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn announce(model: &ServedModel) {
    let (manifest, info) = (model.manifest(), model.info());
    info!(
        model = model.id(),
        licence = manifest.licence,
        backend = info.backend,
        execution_provider = info.execution_provider,
        graph = model.graph_sha256(),
        "serving model {}, weights under {}",
        model.id(),
        manifest.licence,
    );
}
