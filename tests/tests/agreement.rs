//! Every backend gives the same posteriors on the CPU, and nearly the same on a GPU.

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

/// Between any two backends on the CPU.
const TOLERANCE: f32 = 1e-5;

/// Between a GPU and a CPU.
const GPU_TOLERANCE: f32 = 1e-4;

/// About the window of the seed model.
const WINDOW_SECONDS: usize = 3;

/// A backend with execution providers.
type Place = (Box<dyn Backend>, &'static [&'static str]);

fn burn(providers: &'static [&'static str]) -> Place {
    (Box::new(BurnBackend::new()), providers)
}

fn onnx(providers: &'static [&'static str]) -> Place {
    (Box::new(OnnxBackend::new()), providers)
}

fn plugin(name: &str, library: PathBuf) -> Place {
    let plugin = PluginBackend::open(name, &library, Deadlines::default());
    (Box::new(plugin), &["cpu"])
}

/// All that run on the CPU.
fn processors() -> Vec<Place> {
    vec![
        burn(&["cpu"]),
        onnx(&["cpu"]),
        plugin("tract", tract_plugin()),
        plugin("c", c_plugin()),
    ]
}

fn front_end() -> FrontEndParams {
    seed().manifest.front_end.try_into().expect("a front end")
}

/// The posteriors of all rows, 64 rows a call.
fn posteriors((backend, providers): &Place, rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let package = seed();
    let options = DeviceOptions {
        execution_providers: providers.iter().map(ToString::to_string).collect(),
        ..DeviceOptions::default()
    };
    let loaded = backend.load(&package, &options);
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

/// Compares each place with each other one, and says how far apart they are.
fn compare(places: &[Place], rows: &[Vec<f32>], tolerance: f32) {
    assert_eq!(rows.len(), ROWS);
    let of = |place| posteriors(place, rows);
    let all: Vec<Vec<Vec<f32>>> = places.iter().map(of).collect();
    for (left, of_left) in places.iter().zip(&all) {
        for (right, of_right) in places.iter().zip(&all) {
            let rows = of_left.iter().zip(of_right);
            let furthest = rows.map(|(l, r)| largest_difference(l, r));
            let furthest = furthest.fold(0.0, f32::max);
            let [left, right] = [left, right]
                .map(|(backend, providers)| format!("{} on {}", backend.name(), providers[0]));
            println!("{left} and {right}: {furthest:e}");
            assert!(
                furthest <= tolerance,
                "{left} and {right} differ by {furthest}"
            );
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
    compare(&processors(), &synthetic_speech(), TOLERANCE);
}

/// A GPU against both of our backends on the CPU.
fn compare_on_gpu(place: Place) {
    let places = [place, burn(&["cpu"]), onnx(&["cpu"])];
    compare(&places, &synthetic_speech(), GPU_TOLERANCE);
}

#[test]
#[ignore = "needs a GPU"]
fn onnx_runtime_with_cuda_agrees_on_a_gpu() {
    compare_on_gpu(onnx(&["cuda"]));
}

#[test]
#[ignore = "needs a GPU"]
fn onnx_runtime_with_tensorrt_agrees_on_a_gpu() {
    compare_on_gpu(onnx(&["tensorrt", "cuda"]));
}

#[test]
#[ignore = "needs a GPU"]
fn burn_agrees_on_a_gpu() {
    compare_on_gpu(burn(&["cuda"]));
}

/// Windows of the samples, as rows of features.
fn synthetic_speech() -> Vec<Vec<f32>> {
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
    rows.collect()
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
    compare(&processors(), &rows.collect::<Vec<_>>(), TOLERANCE);
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
