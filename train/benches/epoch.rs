//! Time of one epoch of the seed model's recipe, and of Keras 3 on the same data in the
//! same run.
//!
//! ```text
//! SER_CORPORA=CORPORA SER_KERAS_PYTHON=venv/bin/python \
//!     cargo bench -p ser-train --bench epoch
//! ```
//!
//! `CORPORA/tess` holds TESS; the Python has Keras with a backend, which uses the
//! threads it likes. Without `SER_KERAS_PYTHON` Keras is left out. An epoch includes
//! the validation part. Times are by the clock on the wall.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use ser_train::{
    corpus::{CorpusFolder, CorpusKind, Emotion},
    dataset::{Dataset, FeatureCache, extract},
    fit::{EpochRecord, FitJob, Observer, fit},
    recipe::Recipe,
    split::{Protocol, labels},
};
use serde_json::json;

/// Epochs of each; the first two warm up.
const EPOCHS: usize = 14;
const WARM_UP: usize = 2;

/// Takes the time of each epoch.
struct Clock {
    start: Instant,
    epochs: Vec<Duration>,
}

impl Observer for Clock {
    fn start(&mut self, _epochs: usize, _done: usize) {
        self.start = Instant::now();
    }
    fn step(&mut self, _seen: usize, _clips: usize, _loss: f64) {}
    fn epoch(&mut self, _record: &EpochRecord, _chosen: usize) {
        self.epochs.push(self.start.elapsed());
        self.start = Instant::now();
    }
    fn end(&mut self) {}
}

fn report(what: &str, epochs: &[Duration]) {
    let mut epochs = epochs[WARM_UP..].to_vec();
    epochs.sort_unstable();
    let milliseconds = |took: Duration| took.as_secs_f64() * 1e3;
    println!(
        "{what}: fastest epoch {:.0} ms, median {:.0} ms",
        milliseconds(epochs[0]),
        milliseconds(epochs[epochs.len() / 2]),
    );
}

fn dataset(corpora: &Path, recipe: &Recipe) -> Dataset {
    let folder = CorpusFolder {
        kind: CorpusKind::Tess,
        root: corpora.join("tess"),
    };
    let cache = env::temp_dir().join("ser-features");
    let cache = FeatureCache::open(&cache, &recipe.front_end).expect("the cache can be made");
    let utterances = folder.utterances().expect("TESS is there");
    let extraction = extract(&utterances, &recipe.front_end, &cache, || ()).expect("it decodes");
    extraction.dataset
}

fn keras(python: &str, job: &FitJob<'_>) -> Vec<Duration> {
    let part = |indices: &[usize]| {
        let clips = indices.iter().map(|&index| &job.dataset.clips[index]);
        let label = |emotion: Emotion| job.labels.iter().position(|label| *label == emotion);
        json!({
            "rows": clips.clone().map(|clip| &clip.features).collect::<Vec<_>>(),
            "labels": clips.map(|clip| label(clip.emotion)).collect::<Vec<_>>(),
        })
    };
    let description = json!({
        "train": part(job.train),
        "validation": part(job.validation),
        "outputs": job.labels.len(),
        "network": job.recipe.network,
        "training": job.recipe.training,
        "epochs": EPOCHS,
    });
    let folder = tempfile::tempdir().expect("a folder for the job");
    let file = folder.path().join("job.json");
    std::fs::write(&file, description.to_string()).expect("the job can be written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/keras_epoch.py");
    let output = Command::new(python)
        .arg(script)
        .arg(file)
        .output()
        .expect("SER_KERAS_PYTHON is a Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).expect("numbers are UTF-8");
    lines
        .lines()
        .map(|line| Duration::from_secs_f64(line.parse().expect("seconds")))
        .collect()
}

fn main() {
    let Some(corpora) = env::var_os("SER_CORPORA") else {
        println!("skipped: SER_CORPORA doesn't name the corpora's folder");
        return;
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/tess-lstm.toml");
    let mut recipe = Recipe::read(&file).expect("the recipe is valid");
    recipe.training.epochs = EPOCHS;
    let dataset = dataset(Path::new(&corpora), &recipe);
    let split = Protocol::Random.split(&dataset, &recipe.split, 0);
    let split = split.expect("TESS can be split");
    let labels = labels(&dataset, &split);
    let job = FitJob {
        recipe: &recipe,
        dataset: &dataset,
        train: &split.train,
        validation: &split.validation,
        labels: &labels,
        seed: 0,
    };
    println!(
        "{} clips a training epoch, {} to validate, {} a step",
        split.train.len(),
        split.validation.len(),
        recipe.training.batch_size,
    );
    let mut clock = Clock {
        start: Instant::now(),
        epochs: Vec::new(),
    };
    fit(&job, None, &mut clock).expect("the training ends");
    report("ser-train", &clock.epochs);
    if let Ok(python) = env::var("SER_KERAS_PYTHON") {
        report("Keras", &keras(&python, &job));
    }
}
