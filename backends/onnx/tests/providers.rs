//! Execution providers, against the library that `ORT_DYLIB_PATH` names: one that was
//! built without CUDA, unless a test says otherwise.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use ser_backend::{Backend, BackendError, DeviceOptions, Model, ModelPackage};
use ser_backend_onnx::OnnxBackend;
use toml::Table;

fn load(providers: &[&str], settings: &str) -> Result<Box<dyn Model>, BackendError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tess-lstm/1");
    let package = ModelPackage::read(&folder).expect("the package is valid");
    let options = DeviceOptions {
        execution_providers: providers.iter().map(ToString::to_string).collect(),
        settings: settings.parse().expect("the settings are TOML"),
    };
    OnnxBackend::new().load(&package, &options)
}

fn refusal(providers: &[&str], settings: &str) -> String {
    match load(providers, settings) {
        Ok(model) => panic!("{providers:?} loads on {}", model.info().execution_provider),
        Err(error) => error.to_string(),
    }
}

/// Log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics over it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn providers_that_the_library_lacks_are_refused() {
    for (names, missing) in [
        (["cuda"].as_slice(), "cuda: "),
        (&["tensorrt"], "tensorrt: "),
        (&["cuda", "cpu"], "cuda: "),
        (&["tensorrt-or-cuda"], "tensorrt: "),
        (&["tensorrt", "cuda-or-cpu"], "tensorrt: "),
    ] {
        let text = refusal(names, "");
        assert!(text.contains("backend onnx is not available"), "{text}");
        assert!(text.contains(missing), "{text}");
        assert!(text.contains("was built without it"), "{text}");
        assert!(text.contains("cargo xtask onnxruntime --gpu"), "{text}");
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn a_name_that_allows_it_falls_back_and_the_log_says_so() {
    for name in ["cuda-or-cpu", "tensorrt-or-cuda-or-cpu"] {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let model = tracing::subscriber::with_default(lines, || load(&[name], "")).unwrap();
        let info = model.info();
        assert_eq!(info.execution_provider, "cpu");
        assert!(info.numerics.contains(" cpu "), "{}", info.numerics);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let warning = log.lines().find(|line| line.contains("WARN")).unwrap();
        assert!(warning.contains("falls back"), "{warning}");
        assert!(warning.contains(name), "{warning}");
        assert!(warning.contains("cuda: "), "{warning}");
        assert!(log.contains("warmed up every bucket"), "{log}");
    }
}

/// Whatever the library and the machine have.
#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn every_provider_has_the_status_that_loading_finds() {
    let statuses = OnnxBackend::new().providers(&Table::new()).unwrap();
    let names: Vec<&str> = statuses.iter().map(|status| status.name.as_str()).collect();
    assert_eq!(names, ["cpu", "cuda", "tensorrt"]);
    assert_eq!(statuses[0].problem, None);
    for status in &statuses[1..] {
        // Where TensorRT works, it may leave nodes to CUDA.
        let list: &[&str] = match status.name.as_str() {
            "tensorrt" => &["tensorrt", "cuda"],
            name => &[name],
        };
        match (&status.problem, load(list, "")) {
            (None, Ok(model)) => {
                let used = &model.info().execution_provider;
                assert!(used.contains(&status.name), "{used}");
            }
            (Some(problem), Err(error)) => {
                assert!(error.to_string().contains(problem), "{problem}: {error}");
            }
            (problem, loaded) => {
                let error = loaded.err();
                panic!(
                    "{} reports {problem:?}, and loading: {error:?}",
                    status.name
                );
            }
        }
    }
}
