//! Models that come and go while others run.

mod changes;
mod refusals;
mod turns;

use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use tokio::sync::watch;
use tonic::Code;

use super::*;
use crate::{
    models::{ModelInUse, ModelState, ModelStatus},
    promises::assert_promised,
};

/// Longer than anything honest takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A repository with a directory of its own, and a backend that counts.
struct Bench {
    directory: tempfile::TempDir,
    repository: Arc<Repository>,
    /// Packages that the backend has loaded.
    loads: Arc<AtomicUsize>,
    /// Models that exist, with all their instances.
    alive: watch::Receiver<usize>,
    /// Models that ever existed.
    made: Arc<AtomicUsize>,
    /// While this is kept, each load of a package called `slow` waits for a message.
    go: Option<mpsc::Sender<()>>,
}

impl Bench {
    fn new(packages: &[&str]) -> Self {
        Self::with(packages, |_| {})
    }

    fn with(packages: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let directory = directory(packages);
        let (go, wait) = mpsc::channel();
        let alive = watch::Sender::new(0);
        let (loads, made) = (Arc::default(), Arc::default());
        let backend = Counting {
            loads: Arc::clone(&loads),
            alive: alive.clone(),
            made: Arc::clone(&made),
            wait: Mutex::new(wait),
        };
        let mut config = config(directory.path());
        config.models.backend = "counting".to_owned();
        change(&mut config);
        let backends = BackendRegistry::new().with(Box::new(backend));
        Self {
            repository: Arc::new(Repository::open(config, backends, unread()).unwrap()),
            directory,
            loads,
            made,
            alive: alive.subscribe(),
            go: Some(go),
        }
    }

    fn write(&self, package: &ModelPackage) {
        write(self.directory.path(), package);
    }

    fn add(&self, name: &str, version: &str) {
        self.write(&package(name, version));
    }

    fn resolve(&self, name: Option<&str>) -> Result<Arc<crate::models::ServedModel>, Error> {
        self.repository.registry().resolve(name)
    }

    fn id(&self, name: Option<&str>) -> String {
        self.resolve(name).unwrap().id().to_owned()
    }

    /// A stream on a model.
    fn open(&self, name: &str) -> ModelInUse {
        ModelInUse::new(self.resolve(Some(name)).unwrap())
    }

    async fn status(&self, id: &str) -> ModelStatus {
        let all = self.repository.list().await.unwrap();
        let is = |status: &ModelStatus| format!("{}/{}", status.name, status.version) == id;
        all.into_iter().find(is).unwrap()
    }

    /// Every version with its state.
    async fn states(&self) -> Vec<(String, ModelState)> {
        let all = self.repository.list().await.unwrap();
        all.into_iter()
            .map(|status| (format!("{}/{}", status.name, status.version), status.state))
            .collect()
    }

    /// Waits until so many models exist.
    async fn until_alive(&mut self, count: usize) {
        let reached = self.alive.wait_for(|&alive| alive == count);
        tokio::time::timeout(PATIENCE, reached)
            .await
            .unwrap()
            .unwrap();
    }
}

struct Counting {
    loads: Arc<AtomicUsize>,
    alive: watch::Sender<usize>,
    made: Arc<AtomicUsize>,
    wait: Mutex<mpsc::Receiver<()>>,
}

struct Counted {
    model: Plain,
    alive: watch::Sender<usize>,
    made: Arc<AtomicUsize>,
}

impl Counted {
    fn new(model: Plain, alive: watch::Sender<usize>, made: Arc<AtomicUsize>) -> Self {
        made.fetch_add(1, Ordering::Relaxed);
        alive.send_modify(|alive| *alive += 1);
        Self { model, alive, made }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.send_modify(|alive| *alive -= 1);
    }
}

impl Backend for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        _: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        match package.manifest.name.as_str() {
            "slow" => drop(self.wait.lock().unwrap().recv()),
            "panicking" => panic!("as the test wants it"),
            _ => {}
        }
        let mut model = Plain::new(package.manifest.clone());
        golden::replay(&mut model, package)?;
        let (alive, made) = (self.alive.clone(), Arc::clone(&self.made));
        Ok(Box::new(Counted::new(model, alive, made)))
    }
}

impl Model for Counted {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        self.model.infer(batch)
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        let (alive, made) = (self.alive.clone(), Arc::clone(&self.made));
        Ok(Box::new(Self::new(self.model.clone(), alive, made)))
    }
}
