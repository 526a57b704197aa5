use super::*;
use crate::corpus::CorpusKind;
use crate::dataset::Clip;
use crate::random::{Purpose, generator, normal};
use crate::recipe::{DenseSpec, NetworkSpec};

const LABELS: [Emotion; 3] = [Emotion::Angry, Emotion::Neutral, Emotion::Sad];

/// Three clouds of points.
fn dataset() -> Dataset {
    let mut generator = generator(1, Purpose::Golden, 0);
    let clip = |index: usize| {
        let label = index % LABELS.len();
        let centre = |feature: usize| {
            if feature % LABELS.len() == label {
                4.0
            } else {
                0.0
            }
        };
        Clip {
            id: index.to_string(),
            file: Default::default(),
            corpus: CorpusKind::Tess,
            speaker: String::new(),
            emotion: LABELS[label],
            recording: [0; 32],
            features: (0..6)
                .map(|f| 5.0 * (centre(f) + normal(&mut generator)))
                .collect(),
        }
    };
    Dataset {
        clips: (0..90).map(clip).collect(),
    }
}

fn recipe(epochs: usize) -> Recipe {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/tess-lstm.toml");
    let mut recipe = Recipe::read(&file).unwrap();
    let dense = vec![
        DenseSpec {
            units: 8,
            dropout: 0.2,
        },
        DenseSpec {
            units: 6,
            dropout: 0.1,
        },
    ];
    recipe.network = NetworkSpec {
        lstm_units: 7,
        dense,
    };
    recipe.training.epochs = epochs;
    recipe.training.learning_rate = 2e-2;
    recipe
}

struct Setting {
    recipe: Recipe,
    dataset: Dataset,
    train: Vec<usize>,
    validation: Vec<usize>,
}

impl Setting {
    fn new(epochs: usize) -> Self {
        let recipe = recipe(epochs);
        Self {
            recipe,
            dataset: dataset(),
            train: (0..70).collect(),
            validation: (70..90).collect(),
        }
    }

    fn job(&self, seed: u64) -> FitJob<'_> {
        let Self {
            recipe,
            dataset,
            train,
            validation,
        } = self;
        FitJob {
            recipe,
            dataset,
            train,
            validation,
            labels: &LABELS,
            seed,
        }
    }
}

/// Every weight, bit for bit.
fn bits(classifier: &Classifier) -> Vec<u32> {
    let lstm = classifier.network.lstm().weights().unwrap();
    let lstm = [lstm.w(), lstm.r(), lstm.b()].concat();
    let dense = classifier.network.dense_weights().into_iter();
    let dense = dense.flat_map(|(kernel, bias)| [kernel, bias].concat());
    lstm.into_iter().chain(dense).map(f32::to_bits).collect()
}

/// Asks to stop after an epoch.
struct StopAfter(usize, usize);

impl Observer for StopAfter {
    fn start(&mut self, _epochs: usize, done: usize) {
        self.1 = done;
    }
    fn step(&mut self, _seen: usize, _clips: usize, _loss: f64) {}
    fn epoch(&mut self, record: &EpochRecord, _chosen: usize) {
        self.1 = record.epoch;
    }
    fn end(&mut self) {}
    fn wants_to_stop(&self) -> bool {
        self.1 == self.0
    }
}

#[test]
fn the_network_learns() {
    let mut setting = Setting::new(20);
    setting.recipe.training.batch_size = 8;
    let fitted = fit(&setting.job(0), None, &mut Silent).unwrap();
    assert_eq!(fitted.history.len(), 20);
    let best = fitted.history[fitted.chosen_epoch - 1];
    assert!(best.validation_accuracy >= 0.8, "{best:?}");
    assert!(best.validation_loss < fitted.history[0].validation_loss);
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_does_not() {
    let setting = Setting::new(3);
    let run = |seed| bits(&fit(&setting.job(seed), None, &mut Silent).unwrap().last);
    // Side by side, so that anything shared between runs would show.
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| run(5));
        let other = scope.spawn(|| run(5));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(one, other);
    assert_ne!(one, run(6));
}

#[test]
fn the_chosen_state_is_the_best_on_the_validation_part() {
    let setting = Setting::new(8);
    let fitted = fit(&setting.job(2), None, &mut Silent).unwrap();
    let best = fitted.history[fitted.chosen_epoch - 1];
    let accuracy = |record: &EpochRecord| record.validation_accuracy;
    assert!(
        fitted
            .history
            .iter()
            .all(|record| accuracy(record) <= accuracy(&best))
    );
    let later = &fitted.history[fitted.chosen_epoch..];
    assert!(
        later
            .iter()
            .all(|record| accuracy(record) < accuracy(&best))
    );
    let rows: Vec<&[f32]> = setting
        .validation
        .iter()
        .map(|&i| &*setting.dataset.clips[i].features)
        .collect();
    let logits = fitted.chosen.logits(&rows).concat();
    let labels: Vec<_> = setting
        .validation
        .iter()
        .map(|index| index % LABELS.len())
        .collect();
    let on_validation = hits(&logits, &labels) as f32 / labels.len() as f32;
    assert_eq!(on_validation, best.validation_accuracy);
}

#[test]
fn a_resumed_run_gives_the_weights_of_an_uninterrupted_one() {
    let setting = Setting::new(6);
    let whole = fit(&setting.job(3), None, &mut Silent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for stop in [2, 5] {
        let stopped = fit(
            &setting.job(3),
            Some(folder.path()),
            &mut StopAfter(stop, 0),
        );
        assert!(matches!(stopped, Err(TrainError::Stopped { epoch }) if epoch == stop));
    }
    let resumed = fit(&setting.job(3), Some(folder.path()), &mut Silent).unwrap();
    assert_eq!(bits(&resumed.last), bits(&whole.last));
    assert_eq!(bits(&resumed.chosen), bits(&whole.chosen));
    assert_eq!(resumed.chosen_epoch, whole.chosen_epoch);
    assert_eq!(resumed.history, whole.history);
}

#[test]
fn a_kill_while_a_checkpoint_is_written_leaves_the_one_before() {
    let setting = Setting::new(4);
    let whole = fit(&setting.job(3), None, &mut Silent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stopped = fit(&setting.job(3), Some(folder.path()), &mut StopAfter(2, 0));
    assert!(stopped.is_err());
    for half in [
        "network-3.bpk",
        "optimiser-3.bpk",
        "chosen-3.bpk",
        "state.1.partial",
    ] {
        std::fs::write(folder.path().join(half), b"half").unwrap();
    }
    let resumed = fit(&setting.job(3), Some(folder.path()), &mut Silent).unwrap();
    assert_eq!(bits(&resumed.last), bits(&whole.last));
}

#[test]
fn the_checkpoint_of_another_job_is_refused() {
    let setting = Setting::new(2);
    let folder = tempfile::tempdir().unwrap();
    fit(&setting.job(3), Some(folder.path()), &mut Silent).unwrap();
    let other_seed = fit(&setting.job(4), Some(folder.path()), &mut Silent);
    assert!(
        other_seed
            .unwrap_err()
            .to_string()
            .contains("another recipe, seed or data")
    );
    let mut changed = Setting::new(2);
    changed.dataset.clips[0].features[0] += 1.0;
    let other_data = fit(&changed.job(3), Some(folder.path()), &mut Silent);
    assert!(
        other_data
            .unwrap_err()
            .to_string()
            .contains("another recipe, seed or data")
    );
}

#[test]
fn a_broken_checkpoint_is_named() {
    let setting = Setting::new(2);
    let folder = tempfile::tempdir().unwrap();
    fit(&setting.job(3), Some(folder.path()), &mut Silent).unwrap();
    let broken = folder.path().join("optimiser-2.bpk");
    std::fs::write(&broken, b"half").unwrap();
    let reason = fit(&setting.job(3), Some(folder.path()), &mut Silent)
        .unwrap_err()
        .to_string();
    assert!(
        reason.contains("optimiser-2.bpk") && reason.contains("start again"),
        "{reason}"
    );
}

#[test]
fn the_learning_rate_falls_from_the_first_to_the_last() {
    let spec = recipe(1).training;
    let rates: Vec<_> = (0..50).map(|step| learning_rate(&spec, step, 50)).collect();
    assert_eq!(rates[0], spec.learning_rate);
    assert!((rates[49] - spec.final_learning_rate).abs() < 1e-12);
    assert!(rates.windows(2).all(|pair| pair[1] < pair[0]));
}
