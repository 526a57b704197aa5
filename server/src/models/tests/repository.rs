//! Models that come and go while others run.

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
use crate::models::{ModelInUse, ModelState, ModelStatus};

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
    /// While this is kept, a package called `slow` waits for a message.
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
        let loads = Arc::default();
        let backend = Counting {
            loads: Arc::clone(&loads),
            alive: alive.clone(),
            wait: Mutex::new(wait),
        };
        let mut config = config(directory.path());
        config.models.backend = "counting".to_owned();
        change(&mut config);
        let backends = BackendRegistry::new().with(Box::new(backend));
        Self {
            repository: Arc::new(Repository::open(config, backends).unwrap()),
            directory,
            loads,
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
    wait: Mutex<mpsc::Receiver<()>>,
}

struct Counted {
    model: Plain,
    alive: watch::Sender<usize>,
}

impl Counted {
    fn new(model: Plain, alive: watch::Sender<usize>) -> Self {
        alive.send_modify(|alive| *alive += 1);
        Self { model, alive }
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
        Ok(Box::new(Counted::new(model, self.alive.clone())))
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
        Ok(Box::new(Self::new(self.model.clone(), self.alive.clone())))
    }
}

#[tokio::test]
async fn a_new_version_serves_new_requests() {
    let bench = Bench::new(&["a/1", "b/1"]);
    bench.add("a", "2");
    bench.add("c", "1");
    assert_eq!(bench.id(Some("a")), "a/1");
    assert_eq!(bench.status("a/2").await.state, ModelState::NotLoaded);

    let loaded = bench.repository.load("a/2").await.unwrap();
    assert_eq!(
        (loaded.state, loaded.is_default),
        (ModelState::Serving, true)
    );
    assert_eq!(
        loaded.origin,
        bench.directory.path().join("a/2").display().to_string()
    );
    for (named, id) in [(None, "a/2"), (Some("a"), "a/2"), (Some("a/1"), "a/1")] {
        assert_eq!(bench.id(named), id);
    }
    assert!(!bench.status("a/1").await.is_default);
    let state = |id: &str, state| (id.to_owned(), state);
    assert_eq!(
        bench.states().await,
        [
            state("a/2", ModelState::Serving),
            state("a/1", ModelState::Serving),
            state("b/1", ModelState::Serving),
            state("c/1", ModelState::NotLoaded),
        ]
    );
}

#[tokio::test]
async fn an_older_version_leaves_the_newest_in_place() {
    let bench = Bench::new(&["a/2"]);
    bench.add("a", "1");
    let loaded = bench.repository.load("a/1").await.unwrap();
    assert_eq!(
        (loaded.state, loaded.is_default),
        (ModelState::Serving, false)
    );
    assert_eq!(bench.id(None), "a/2");
}

#[tokio::test]
async fn a_default_with_a_version_stays_with_it() {
    let bench = Bench::with(&["a/1"], |config| {
        config.models.default = Some("a/1".to_owned());
    });
    bench.add("a", "2");
    bench.repository.load("a/2").await.unwrap();
    assert_eq!(bench.id(None), "a/1");
    assert_eq!(bench.id(Some("a")), "a/2");
}

#[tokio::test]
async fn an_unloaded_model_goes_with_its_last_stream() {
    let mut bench = Bench::with(&["a/1", "b/1"], |config| {
        config.models.instances = std::num::NonZeroUsize::new(3);
    });
    // Of each the one it was loaded as, and three instances.
    bench.until_alive(8).await;
    let streams = [bench.open("a"), bench.open("a")];
    let weak = Arc::downgrade(&bench.resolve(Some("a")).unwrap());
    assert_eq!(bench.status("a/1").await.open_streams, 2);

    let unloaded = bench.repository.unload("a/1").await.unwrap();
    assert_eq!(
        (unloaded.state, unloaded.open_streams),
        (ModelState::NotLoaded, 2)
    );
    let [first, second] = streams;
    drop(first);
    assert_eq!(bench.status("a/1").await.open_streams, 1);
    assert!(second.batcher().is_serving());
    assert_eq!(*bench.alive.borrow(), 8);

    drop(second);
    bench.until_alive(4).await;
    assert!(weak.upgrade().is_none());
    assert_eq!(bench.status("a/1").await.open_streams, 0);
}

#[tokio::test]
async fn requests_say_that_the_default_is_gone() {
    let bench = Bench::new(&["a/1", "b/1"]);
    bench.repository.unload("a/1").await.unwrap();
    let error = bench.resolve(None).unwrap_err().within("options");
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!(
        error.to_string(),
        "options.model: none given, and the default \"a\" is not served; expected one of b/1"
    );
    let error = bench.resolve(Some("a")).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(ids(bench.repository.registry()), ["b/1"]);

    bench.repository.unload("b/1").await.unwrap();
    assert_eq!(
        bench.resolve(Some("b")).unwrap_err().to_string(),
        "model: \"b\" is not served; expected none, there are no models"
    );
    bench.repository.load("a/1").await.unwrap();
    assert_eq!(bench.id(None), "a/1");
}

#[tokio::test]
async fn wrong_names_are_refused_as_the_protocol_says() {
    let bench = Bench::new(&["a/1"]);
    for malformed in ["", "a", "a/", "A/1", "a/1/2", "../a/1"] {
        for error in [
            bench.repository.load(malformed).await.unwrap_err(),
            bench.repository.reload(malformed).await.unwrap_err(),
            bench.repository.unload(malformed).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::InvalidArgument);
            let expected = "name/version, of [a-z0-9][a-z0-9._-]*";
            assert_eq!(
                error.to_string(),
                format!("model: {malformed:?}; expected {expected}")
            );
        }
    }
    let unknown = "model: \"a/9\" is not in the repository; expected one of a/1";
    for error in [
        bench.repository.load("a/9").await.unwrap_err(),
        bench.repository.reload("a/9").await.unwrap_err(),
    ] {
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (Code::NotFound, unknown)
        );
    }
    let error = bench.repository.unload("a/9").await.unwrap_err();
    let not_served = "model: \"a/9\" is not served; expected one of a/1";
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (Code::NotFound, not_served)
    );
}

#[tokio::test]
async fn a_broken_version_is_refused_and_the_old_one_goes_on() {
    let bench = Bench::new(&["a/1"]);
    bench.write(&package_with(manifest("a", "2"), |audio| {
        audio.rows[1].features[7] += 1.0;
    }));
    let error = bench.repository.load("a/2").await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    let text = error.to_string();
    let refusal = text.strip_prefix("model a/2: refused: ").unwrap();
    assert!(
        refusal.starts_with("feature 7 of row 1 of golden audio 0 of a/2 gives "),
        "{text}"
    );
    let status = bench.status("a/2").await;
    assert_eq!(
        (status.state, status.refusal.as_deref()),
        (ModelState::Refused, Some(refusal))
    );
    assert_eq!(bench.id(Some("a")), "a/1");

    bench.add("a", "2");
    let mended = bench.repository.load("a/2").await.unwrap();
    assert_eq!((mended.state, mended.refusal), (ModelState::Serving, None));
    assert_eq!(bench.id(Some("a")), "a/2");
}

#[tokio::test]
async fn a_reload_serves_what_is_there_now() {
    let mut bench = Bench::new(&["a/1"]);
    let alive = *bench.alive.borrow();
    let stream = bench.open("a/1");
    let mut changed = manifest("a", "1");
    changed.description = "Another calibration".to_owned();
    bench.write(&package_with(changed, |_| {}));

    // What is served already is left alone.
    bench.repository.load("a/1").await.unwrap();
    assert_eq!(
        bench.resolve(None).unwrap().manifest().description,
        "For tests"
    );
    let reloaded = bench.repository.reload("a/1").await.unwrap();
    assert_eq!(
        (reloaded.state, reloaded.open_streams),
        (ModelState::Serving, 1)
    );
    assert_eq!(
        bench.resolve(None).unwrap().manifest().description,
        "Another calibration"
    );
    assert_eq!(stream.manifest().description, "For tests");
    bench.until_alive(2 * alive).await;
    drop(stream);
    bench.until_alive(alive).await;
}

#[tokio::test]
async fn a_reload_of_a_broken_package_changes_nothing() {
    let bench = Bench::new(&["a/1"]);
    let before = bench.resolve(None).unwrap();
    fs::write(
        bench.directory.path().join("a/1/model.toml"),
        "format = 7\n",
    )
    .unwrap();
    let error = bench.repository.reload("a/1").await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(Arc::ptr_eq(&before, &bench.resolve(None).unwrap()));
    let status = bench.status("a/1").await;
    assert_eq!(status.state, ModelState::Serving);
    let refusal = status.refusal.unwrap();
    assert!(
        refusal.ends_with("a/1/model.toml: format: 7; expected 1"),
        "{refusal}"
    );
}

#[tokio::test]
async fn what_lies_where_it_may_not_is_listed_as_refused() {
    let bench = Bench::new(&["a/1"]);
    let elsewhere = directory(&["b/1"]);
    std::os::unix::fs::symlink(elsewhere.path().join("b"), bench.directory.path().join("b"))
        .unwrap();
    let status = bench.status("b/").await;
    assert_eq!(status.state, ModelState::Refused);
    assert!(status.refusal.unwrap().contains("expected no link out of"));
    let error = bench.repository.load("b/1").await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

#[tokio::test]
async fn a_backend_that_panics_refuses() {
    let bench = Bench::new(&["a/1"]);
    bench.add("panicking", "1");
    let error = bench.repository.load("panicking/1").await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    let status = bench.status("panicking/1").await;
    let refusal = Some("its backend panicked".to_owned());
    assert_eq!(
        (status.state, status.refusal),
        (ModelState::Refused, refusal)
    );
    assert_eq!(bench.id(None), "a/1");
}

#[tokio::test]
async fn one_version_at_once_is_loaded_once() {
    let bench = Bench::new(&["a/1"]);
    bench.add("a", "2");
    let loads = bench.loads.load(Ordering::Relaxed);
    let load = || bench.repository.load("a/2");
    let (one, two, three) = tokio::join!(load(), load(), load());
    for status in [one, two, three] {
        assert_eq!(status.unwrap().state, ModelState::Serving);
    }
    assert_eq!(bench.loads.load(Ordering::Relaxed), loads + 1);
}

#[tokio::test]
async fn nobody_waits_for_ever_and_what_was_begun_goes_on() {
    let mut bench = Bench::with(&["a/1"], |config| {
        config.admin.deadline = Duration::from_millis(500);
    });
    bench.add("slow", "1");
    let error = bench.repository.load("slow/1").await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(
        error.to_string(),
        "model: loading for 0.5s; expected less, ListRepository shows how it ends"
    );
    assert_eq!(bench.status("slow/1").await.state, ModelState::Loading);
    let error = bench.repository.unload("a/1").await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(
        error.to_string(),
        "repository changes: 1 open; expected at most 1, try again later"
    );
    assert_eq!(bench.id(None), "a/1");

    let mut changes = bench.repository.registry().changes();
    drop(bench.go.take());
    let slow = |served: &Vec<Arc<crate::models::ServedModel>>| {
        served.iter().any(|model| model.id() == "slow/1")
    };
    let loaded = changes.wait_for(slow);
    drop(
        tokio::time::timeout(PATIENCE, loaded)
            .await
            .unwrap()
            .unwrap(),
    );
    assert_eq!(bench.status("slow/1").await.state, ModelState::Serving);
}
