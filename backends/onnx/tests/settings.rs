//! Settings, against the library that `ORT_DYLIB_PATH` names.

use std::path::{Path, PathBuf};

use ser_backend::{
    Backend, BackendError, Batch, DeviceOptions, MAX_ROWS, Model, ModelPackage, conformance,
};
use ser_backend_onnx::OnnxBackend;

const PACKAGES: [&str; 5] = [
    "../core/tests/packages/tiny-windowed/1",
    "../core/tests/packages/tiny-stacked/1",
    "../core/tests/packages/tiny-recurrent/1",
    "../core/tests/packages/tiny-foreign/1",
    "../../models/tess-lstm/1",
];

fn package(folder: &str) -> ModelPackage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    ModelPackage::read(&path).expect("the package is valid")
}

fn options(settings: &str) -> DeviceOptions {
    DeviceOptions {
        settings: settings.parse().expect("the settings are TOML"),
        ..DeviceOptions::default()
    }
}

fn load(package: &ModelPackage, settings: &str) -> Result<Box<dyn Model>, BackendError> {
    OnnxBackend::new().load(package, &options(settings))
}

/// The bits of every output of the golden rows, over and over up to `rows`.
fn bits(model: &mut dyn Model, package: &ModelPackage, rows: usize) -> Vec<u32> {
    let mut batch = Batch::new(model.info().shape);
    for row in package.golden.rows.iter().cycle().take(rows) {
        batch.push(row.row());
    }
    model.infer(&mut batch).expect("the rows are good");
    let row = |at| batch.posteriors(at).iter().chain(batch.next_state(at));
    let values = (0..rows).flat_map(row);
    values.map(|value| value.to_bits()).collect()
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn every_package_is_batch_invariant_on_the_cpu() {
    for folder in PACKAGES {
        for settings in ["", "cpu_arena = true", "intra_op_threads = 2"] {
            let (package, options) = (package(folder), options(settings));
            let backend = OnnxBackend::new();
            let model = backend.load(&package, &options).unwrap();
            assert!(model.info().batch_invariant, "{folder} with {settings:?}");
            let subject = conformance::Subject {
                backend: &backend,
                options: &options,
                package: &package,
            };
            for check in [
                conformance::every_row_count,
                conformance::company_changes_nothing,
            ] {
                if let Err(failure) = check(&subject) {
                    panic!("{folder} with {settings:?}: {failure}");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn rows_fill_the_buckets_that_there_are() {
    for folder in PACKAGES {
        let package = package(folder);
        let mut every = load(&package, "").unwrap();
        let mut few = load(&package, "buckets = [3, 64]").unwrap();
        for rows in [1, 2, 3, 4, 33, MAX_ROWS] {
            assert_eq!(
                bits(few.as_mut(), &package, rows),
                bits(every.as_mut(), &package, rows),
                "{rows} rows of {folder}"
            );
        }
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn wrong_settings_are_refused_by_name() {
    for (settings, expected) in [
        ("threads = 4", "threads"),
        ("intra_op_threads = 0", "nonzero"),
        ("intra_op_threads = \"four\"", "four"),
        ("buckets = [1, 2]", "buckets = [1, 2]"),
        ("device_id = 0", "device_id"),
        ("tensorrt.cash = \"/tmp\"", "cash"),
        ("cuda.arena_growth = \"huge\"", "huge"),
    ] {
        match load(&package(PACKAGES[0]), settings) {
            Err(BackendError::Settings { backend, reason }) => {
                assert_eq!(backend, "onnx");
                assert!(reason.contains(expected), "{settings}: {reason}");
            }
            Err(other) => panic!("{settings}: {other}"),
            Ok(_) => panic!("{settings}: loads"),
        }
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn one_process_has_one_library() {
    let library = std::env::var_os("ORT_DYLIB_PATH").expect("it is set");
    let library = PathBuf::from(library).canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (link, copy) = (folder.path().join("link.so"), folder.path().join("copy.so"));
    std::os::unix::fs::symlink(&library, &link).unwrap();
    std::fs::copy(&library, &copy).unwrap();
    let setting = |path: &Path| format!("library = {path:?}");
    let package = package(PACKAGES[0]);
    load(&package, "").unwrap();
    load(&package, &setting(&library)).unwrap();
    load(&package, &setting(&link)).unwrap();
    match load(&package, &setting(&copy)) {
        Err(BackendError::Unavailable { reason, .. }) => {
            assert!(reason.contains("copy.so"), "{reason}");
            assert!(reason.contains(library.to_str().unwrap()), "{reason}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a second library is loaded"),
    }
}
