//! Packages that are loaded and unloaded while streams run.
//!
//! A model is served to new streams from the moment it is in the
//! [`ModelRegistry`] to the moment it is taken out. A stream keeps the model that
//! it began with, whose threads and memory go with the last that holds it.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    BackendRegistry, ModelRegistry, ServedModel,
    find::{self, Found},
    load::{Loaded, Loader},
    loads::Loads,
    lock,
    selector::Selector,
    status::{self, Attempts, ModelState, ModelStatus},
};
use crate::{Error, config::Config, telemetry::Metrics};

/// Every package that can be served, with those that are.
#[derive(Debug)]
pub struct Repository {
    loader: Arc<Loader>,
    loads: Loads,
    registry: ModelRegistry,
    /// How long a change may wait for its turn, and then take.
    deadline: Duration,
    /// Held while something changes. First come, first served.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Held while somebody looks into the directory for a list.
    looking: Arc<tokio::sync::Mutex<()>>,
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
    /// of them. What they do is measured in `metrics`. Takes as long as that takes:
    /// not for an async worker.
    ///
    /// # Errors
    ///
    /// When there is none, or the default isn't among them, or one can't be served:
    /// other than one that only lies in the directory, where another version of its
    /// name serves.
    pub fn open(
        config: Config,
        backends: BackendRegistry,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let default = config.models.default.clone();
        let deadline = config.admin.deadline;
        let loader = Arc::new(Loader::new(config, backends, metrics));
        let Loaded { models, refusals } = loader.load_all()?;
        models.iter().for_each(|model| announce(model));
        Ok(Self {
            registry: ModelRegistry::new(default.as_deref(), models),
            loads: Loads::new(Arc::clone(&loader)),
            loader,
            deadline,
            turn: Arc::default(),
            looking: Arc::default(),
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

    /// Whether anything is being loaded.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loads.are_running()
    }

    /// Every version that is found or served, by name, the newest version of each
    /// first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the directory can't be read, [`Error::TooLate`] when that
    /// takes too long.
    pub async fn list(&self) -> Result<Vec<ModelStatus>, Error> {
        Ok(self.statuses(&self.find().await?))
    }

    /// Serves the package called `name/version`, unless it is served already and
    /// up.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::UnknownPackage`] of the name;
    /// [`Error::Refused`] when it can't be served, or didn't load in time;
    /// [`Error::TooMany`] when other changes take too long, and
    /// [`Error::Abandoned`] when too many loads never ended.
    pub async fn load(self: &Arc<Self>, id: &str) -> Result<ModelStatus, Error> {
        self.change(id, Change::Load).await
    }

    /// Serves the package called `name/version` as it is now, in place of what was
    /// served under its name.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load); what was served goes on.
    pub async fn reload(self: &Arc<Self>, id: &str) -> Result<ModelStatus, Error> {
        self.change(id, Change::Reload).await
    }

    /// Takes the model called `name/version` from new streams.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::UnknownModel`] of the name;
    /// [`Error::TooMany`] when other changes take too long.
    pub async fn unload(self: &Arc<Self>, id: &str) -> Result<ModelStatus, Error> {
        self.change(id, Change::Unload).await
    }

    /// Makes a change when it is its turn, and tells what has become of the model.
    /// Whoever goes away meanwhile doesn't end it.
    async fn change(self: &Arc<Self>, id: &str, change: Change) -> Result<ModelStatus, Error> {
        Selector::parse_exact(id)?;
        let turn = Arc::clone(&self.turn).lock_owned();
        let turn = timeout(self.deadline, turn)
            .await
            .map_err(|_| Error::TooMany {
                what: "repository changes".to_owned(),
                refusal: None,
                open: 1,
                limit: 1,
            })?;
        let (repository, id) = (Arc::clone(self), id.to_owned());
        let changed = tokio::spawn(async move {
            let _turn = turn;
            // Kept until its status is told, even if nobody else holds it any more.
            let before = repository.registry.get(&id);
            let is_up = |model: &Arc<ServedModel>| model.batcher().is_serving();
            match change {
                Change::Load if before.as_ref().is_some_and(is_up) => {}
                Change::Load | Change::Reload => repository.replace(&id).await?,
                Change::Unload => repository.remove(&id)?,
            }
            let mut statuses = repository.statuses(&[]);
            let at = statuses.iter().position(|status| status.id() == id);
            at.map(|at| statuses.swap_remove(at))
                .ok_or_else(|| Error::Internal(format!("{id} is gone")))
        });
        changed
            .await
            .map_err(|panic| Error::Internal(panic.to_string()))?
    }

    /// Every package that there is now. Looks once at a time: a directory that
    /// doesn't answer holds up one thread, not one a call.
    async fn find(&self) -> Result<Vec<Found>, Error> {
        let (loader, looking) = (Arc::clone(&self.loader), Arc::clone(&self.looking));
        let look = async {
            let looking = looking.lock_owned().await;
            let found = tokio::task::spawn_blocking(move || {
                let _looking = looking;
                loader.find()
            });
            found
                .await
                .map_err(|panic| Error::Internal(panic.to_string()))?
        };
        timeout(self.deadline, look)
            .await
            .map_err(|_| Error::TooLate {
                field: "repository",
                seen: "unread",
                after: self.deadline,
                expected: "a directory that answers",
            })?
    }

    /// Loads the package called `id` and serves it in place of what was served
    /// under its name.
    async fn replace(&self, id: &str) -> Result<(), Error> {
        lock(&self.attempts).loading = Some(id.to_owned());
        let loaded = self.loads.load(id, self.deadline).await;
        if let Ok(model) = &loaded {
            announce(model);
            if let Some(replaced) = self.registry.insert(Arc::clone(model)) {
                self.retire(&replaced);
            }
        }
        let mut attempts = lock(&self.attempts);
        attempts.loading = None;
        match &loaded {
            Ok(_) => drop(attempts.refusals.remove(id)),
            Err(Error::Refused { source, .. }) => {
                warn!(model = id, error = %source, "refused model {id}: {source}");
                attempts.refusals.insert(id.to_owned(), source.to_string());
            }
            // Nothing was learnt of the package.
            Err(_) => {}
        }
        loaded.map(drop)
    }

    fn remove(&self, id: &str) -> Result<(), Error> {
        let model = self.registry.remove(id)?;
        self.retire(&model);
        let streams = model.open_streams();
        info!(model = id, streams, "unloaded model {id}");
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

/// What an operator asks for.
#[derive(Clone, Copy, Debug)]
enum Change {
    Load,
    Reload,
    Unload,
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
