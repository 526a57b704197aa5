use std::collections::BTreeSet;

use ser_backend::{Batch, Model};

use super::*;
use crate::corpus::{CorpusKind, Emotion};
use crate::dataset::{Clip, Dataset};
use crate::evaluate::Run;
use crate::fit::Silent;
use crate::random::{Purpose, generator, normal};
use crate::recipe::{DenseSpec, NetworkSpec, Recipe};
use crate::split::Protocol;

/// A run on made-up clips with 40 features of the size of MFCCs, and its folder.
fn trained() -> (tempfile::TempDir, TrainedRun) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/tess-lstm.toml");
    let mut recipe = Recipe::read(&file).unwrap();
    let dense = vec![
        DenseSpec {
            units: 6,
            dropout: 0.2,
        },
        DenseSpec {
            units: 5,
            dropout: 0.1,
        },
    ];
    recipe.network = NetworkSpec {
        lstm_units: 9,
        dense,
    };
    recipe.training.epochs = 2;
    let emotions = [Emotion::Angry, Emotion::PleasantSurprise, Emotion::Sad];
    let mut generator = generator(4, Purpose::Golden, 0);
    let mut clip = |index: usize| {
        let mut recording = [0; 32];
        recording[0] = index as u8;
        let mut feature = |at: usize| {
            let centre = if at % emotions.len() == index % emotions.len() {
                30.0
            } else {
                -10.0
            };
            centre + 20.0 * normal(&mut generator)
        };
        Clip {
            id: index.to_string(),
            file: Default::default(),
            corpus: CorpusKind::Tess,
            speaker: (index % 2).to_string(),
            emotion: emotions[index % emotions.len()],
            recording,
            features: (0..40).map(&mut feature).collect(),
        }
    };
    let dataset = Dataset {
        clips: (0..90).map(&mut clip).collect(),
    };
    let folder = tempfile::tempdir().unwrap();
    let run = Run {
        recipe: &recipe,
        dataset: &dataset,
        protocol: Protocol::Random,
        seed: 3,
    };
    run.execute(folder.path(), &mut Silent).unwrap();
    let run = TrainedRun::read(folder.path()).unwrap();
    (folder, run)
}

fn package_name() -> PackageName {
    let licence = "CC-BY-NC-4.0".to_owned();
    PackageName {
        name: "tiny".to_owned(),
        version: "1".to_owned(),
        licence,
    }
}

fn infer(model: &mut dyn Model, rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut batch = Batch::new(model.info().shape);
    let steps = model.info().shape.steps;
    for features in rows {
        batch.push(ser_backend::Row {
            features,
            state: &[],
            valid_steps: steps,
        });
    }
    model.infer(&mut batch).unwrap();
    (0..rows.len())
        .map(|row| batch.posteriors(row).to_vec())
        .collect()
}

#[test]
fn the_package_gives_the_posteriors_of_the_training() {
    let (_folder, run) = trained();
    let models = tempfile::tempdir().unwrap();
    let folder = export(&run, &[], &package_name(), models.path()).unwrap();
    assert!(folder.ends_with("tiny/1"));
    let package = ModelPackage::read(&folder).unwrap();
    let mut model = BurnBackend::new()
        .load(&package, &DeviceOptions::default())
        .unwrap();
    let mut generator = generator(9, Purpose::Golden, 0);
    let mut row = || {
        (0..40)
            .map(|_| 60.0 * normal(&mut generator))
            .collect::<Vec<f32>>()
    };
    let rows: Vec<_> = (0..50).map(|_| row()).collect();
    let slices: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let expected = run.classifier.posteriors(&slices);
    for (got, expected) in infer(&mut *model, &rows).iter().zip(&expected) {
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-5, "{got}, expected {expected}");
        }
    }
}

#[test]
fn the_manifest_says_what_the_recipe_and_the_run_say() {
    let (_folder, run) = trained();
    let models = tempfile::tempdir().unwrap();
    let folder = export(&run, &[], &package_name(), models.path()).unwrap();
    let manifest = ModelPackage::read(&folder).unwrap().manifest;
    assert_eq!(manifest.labels, ["angry", "pleasant_surprise", "sad"]);
    assert_eq!(manifest.decision, run.report.decision);
    let front_end: ser_features::FrontEndParams = manifest.front_end.try_into().unwrap();
    assert_eq!(front_end, run.recipe.front_end);
    let windows: ser_features::WindowParams = manifest.windows.unwrap().try_into().unwrap();
    assert_eq!(windows, run.recipe.windows);
}

#[test]
fn golden_audio_covers_growing_and_full_windows_and_stays_small() {
    let (_folder, run) = trained();
    let golden = golden::of(&run).unwrap();
    let window = run.recipe.windows.window * run.recipe.front_end.hop_length;
    let window = window as f64 / f64::from(run.recipe.front_end.sample_rate);
    let seconds: Vec<f64> = golden
        .audio
        .iter()
        .map(|audio| audio.samples().unwrap().len() as f64 / f64::from(audio.sample_rate))
        .collect();
    assert!(seconds.iter().any(|&length| length < window));
    assert!(seconds.iter().any(|&length| length > window));
    assert!(golden.audio.iter().all(|audio| audio.rows.len() >= 2));
    assert!(serde_json::to_string(&golden).unwrap().len() < 150_000);
}

#[test]
fn babble_is_loud_does_not_clip_and_repeats_for_its_seed() {
    let sound = synthesis::babble(16_000, 1.0, 1);
    assert_eq!(sound, synthesis::babble(16_000, 1.0, 1));
    assert_ne!(sound, synthesis::babble(16_000, 1.0, 2));
    let peak = sound
        .iter()
        .map(|sample| sample.unsigned_abs())
        .max()
        .unwrap();
    assert!((4_000..32_000).contains(&peak), "{peak}");
    assert!(sound.iter().collect::<BTreeSet<_>>().len() > 1_000);
}

#[test]
fn the_card_names_data_figures_and_prohibited_uses() {
    let (_folder, run) = trained();
    let models = tempfile::tempdir().unwrap();
    let evaluation = Evaluation::new(vec![run.report.clone()]).unwrap();
    let folder = export(&run, &[evaluation], &package_name(), models.path()).unwrap();
    let card = std::fs::read_to_string(folder.join("MODEL_CARD.md")).unwrap();
    let accuracy = format!("**{:.2} %**", 100.0 * run.report.test.accuracy);
    for expected in [
        "# tiny/1",
        "CC-BY-NC-ND-4.0",
        "CC-BY-NC-4.0",
        "random stratified split of tess by clips, seed 3",
        &accuracy,
        "| tess, random by clips | 1 |",
        "Article 5(1)(f)",
        "Acted speech is not life",
    ] {
        assert!(card.contains(expected), "{expected}\n{card}");
    }
}
