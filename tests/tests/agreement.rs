//! Every backend gives the same posteriors on the CPU.

#[path = "../../backends/plugin/tests/libraries/mod.rs"]
mod libraries;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use libraries::{c_plugin, root, seed, tract_plugin};
use ser_backend::{Backend, Batch, DeviceOptions, MAX_ROWS, Row, golden::largest_difference};
use ser_backend_burn::BurnBackend;
use ser_backend_onnx::OnnxBackend;
use ser_backend_plugin::{Deadlines, PluginBackend};
use ser_features::{AudioClip, FrontEndParams, clip_features};

/// Rows that are compared.
const ROWS: usize = 1_000;

/// Between any two backends.
const TOLERANCE: f32 = 1e-5;

/// About the window of the seed model.
const WINDOW_SECONDS: usize = 3;

fn backends() -> [Box<dyn Backend>; 4] {
    let plugin = |name: &str, library: PathBuf| {
        Box::new(PluginBackend::open(name, &library, Deadlines::default()))
    };
    [
        Box::new(BurnBackend::new()),
        Box::new(OnnxBackend::new()),
        plugin("tract", tract_plugin()),
        plugin("c", c_plugin()),
    ]
}

fn front_end() -> FrontEndParams {
    seed().manifest.front_end.try_into().expect("a front end")
}

/// The posteriors of all rows, 64 rows a call.
fn posteriors(backend: &dyn Backend, rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let package = seed();
    let loaded = backend.load(&package, &DeviceOptions::default());
    let mut model = loaded.unwrap_or_else(|error| panic!("{}: {error}", backend.name()));
    let shape = package.manifest.row_shape();
    let mut batch = Batch::new(shape);
    let mut all = Vec::new();
    for rows in rows.chunks(MAX_ROWS) {
        batch.clear();
        for features in rows {
            batch.push(Row {
                features,
                state: &[],
                valid_steps: shape.steps,
            });
        }
        model.infer(&mut batch).expect("inference works");
        all.extend((0..rows.len()).map(|row| batch.posteriors(row).to_vec()));
    }
    all
}

/// Compares each backend with each other one, and says how far apart they are.
fn compare(rows: &[Vec<f32>]) {
    assert_eq!(rows.len(), ROWS);
    let backends = backends();
    let all = backends
        .each_ref()
        .map(|backend| posteriors(backend.as_ref(), rows));
    for (left, of_left) in backends.iter().zip(&all) {
        for (right, of_right) in backends.iter().zip(&all) {
            let rows = of_left.iter().zip(of_right);
            let furthest = rows.map(|(l, r)| largest_difference(l, r));
            let furthest = furthest.fold(0.0, f32::max);
            let pair = format!("{} and {}", left.name(), right.name());
            println!("{pair}: {furthest:e}");
            assert!(furthest <= TOLERANCE, "{pair} differ by {furthest}");
        }
    }
    let labels = all[0].iter().map(|row| {
        let best = (0..row.len()).max_by(|&l, &r| row[l].total_cmp(&row[r]));
        best.expect("the model has labels")
    });
    let distinct: BTreeSet<usize> = labels.collect();
    assert!(distinct.len() > 2, "the rows are all alike: {distinct:?}");
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn backends_agree_on_synthetic_speech() {
    let mut files = Vec::new();
    recordings(&root().join("samples"), &mut files);
    let read = |file: &PathBuf| AudioClip::read(file).expect("a sample");
    let clips: Vec<AudioClip> = files.iter().map(read).collect();
    assert!(clips.len() > 5, "{files:?}");
    let params = front_end();
    // Windows of all clips in turn, from their starts to their ends.
    let rows = (0..ROWS).map(|at| {
        let clip = &clips[at % clips.len()];
        let samples = clip.mono();
        let window = (WINDOW_SECONDS * clip.sample_rate.hz() as usize).min(samples.len());
        let start = (samples.len() - window) * at / ROWS;
        let window = &samples[start..start + window];
        clip_features(&params, clip.sample_rate, window).expect("features")
    });
    compare(&rows.collect::<Vec<_>>());
}

#[test]
#[ignore = "needs SER_CORPORA and ORT_DYLIB_PATH"]
fn backends_agree_on_real_speech() {
    let corpora = env::var_os("SER_CORPORA").expect("SER_CORPORA names the folder of corpora");
    let mut files = Vec::new();
    recordings(Path::new(&corpora), &mut files);
    files.sort();
    assert!(files.len() > ROWS, "{} recordings", files.len());
    let params = front_end();
    let step = files.len() / ROWS;
    let rows = files.iter().step_by(step).take(ROWS).map(|file| {
        let clip = AudioClip::read(file).expect("a recording");
        clip_features(&params, clip.sample_rate, &clip.mono()).expect("features")
    });
    compare(&rows.collect::<Vec<_>>());
}

/// Every WAV and FLAC file below a folder.
fn recordings(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            recordings(&path, files);
        } else if path
            .extension()
            .is_some_and(|kind| kind == "wav" || kind == "flac")
        {
            files.push(path);
        }
    }
}
