//! The seed model on every device that this machine has, by the number of rows.
//!
//! ```text
//! cargo xtask gpu                                            # with CUDA and TensorRT
//! cargo bench -p ser-backend-burn --bench devices            # with what is there
//! ```
//!
//! ONNX Runtime is what `ORT_DYLIB_PATH` names. Prints a table of the time of a call of
//! `Model::infer`, from rows in the machine's memory to posteriors in it: the median of
//! many calls by the clock, since a processor that waits for a GPU takes no time of its
//! own. A device that isn't to be had is named with the reason.

use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};

use ser_backend::{BUCKETS, Backend, BackendError, Batch, DeviceOptions, Model, ModelPackage};
use ser_backend_burn::BurnBackend;
use ser_backend_onnx::OnnxBackend;

/// Calls of each device with each number of rows.
const CALLS: usize = 500;

/// Calls before them: clocks rise, and kernels are compiled.
const WARM_UP: usize = 50;

/// Execution providers of each backend, in the order of the columns.
const PLACES: [(&dyn Backend, &[&str]); 5] = [
    (&BurnBackend, &["cpu"]),
    (&OnnxBackend, &["cpu"]),
    (&BurnBackend, &["cuda"]),
    (&OnnxBackend, &["cuda"]),
    (&OnnxBackend, &["tensorrt", "cuda"]),
];

/// A model on a device.
struct Device {
    name: String,
    model: Box<dyn Model>,
}

impl Device {
    fn load(
        (backend, providers): (&dyn Backend, &[&str]),
        package: &ModelPackage,
    ) -> Result<Self, BackendError> {
        let options = DeviceOptions {
            execution_providers: providers.iter().map(ToString::to_string).collect(),
            ..DeviceOptions::default()
        };
        let model = backend.load(package, &options)?;
        let name = format!("{}, {}", backend.name(), model.info().execution_provider);
        Ok(Self { name, model })
    }

    /// The median of a call.
    fn measure(&mut self, package: &ModelPackage, rows: usize, calls: usize) -> Duration {
        let mut batch = Batch::new(package.manifest.row_shape());
        for golden in package.golden.rows.iter().cycle().take(rows) {
            batch.push(golden.row());
        }
        let mut call = || {
            let start = Instant::now();
            self.model.infer(&mut batch).expect("inference works");
            start.elapsed()
        };
        for _ in 0..calls.min(WARM_UP) {
            call();
        }
        let mut took: Vec<Duration> = (0..calls).map(|_| call()).collect();
        took.sort_unstable();
        took[took.len() / 2]
    }
}

fn main() {
    // As Criterion's benchmarks: whether it runs, not how fast.
    let test = env::args().any(|argument| argument == "--test");
    let calls = if test { 1 } else { CALLS };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tess-lstm/1");
    let package = ModelPackage::read(&folder).expect("the seed package is valid");
    let mut devices = Vec::new();
    for place in PLACES {
        match Device::load(place, &package) {
            Ok(device) => {
                println!("{}: {}", device.name, device.model.info().numerics);
                devices.push(device);
            }
            Err(error) => println!("{}, {}: {error}", place.0.name(), place.1.join(", ")),
        }
    }
    let names = devices.iter().map(|device| format!("{}, µs", device.name));
    println!();
    line("rows".to_owned(), names);
    line("---:".to_owned(), devices.iter().map(|_| "---:".to_owned()));
    for rows in BUCKETS {
        let took = devices.iter_mut().map(|device| {
            let took = device.measure(&package, rows, calls);
            format!("{:.1}", took.as_secs_f64() * 1e6)
        });
        line(rows.to_string(), took);
    }
}

/// A line of a table.
fn line(first: String, others: impl Iterator<Item = String>) {
    let cells: Vec<String> = [first].into_iter().chain(others).collect();
    println!("| {} |", cells.join(" | "));
}
