//! The seed model against ONNX Runtime, both through `Model::infer`, in one run on one
//! pinned thread.
//!
//! ```text
//! cargo xtask onnxruntime
//! cargo bench -p ser-backend-burn --bench onnxruntime
//! ```
//!
//! ONNX Runtime is what `ORT_DYLIB_PATH` names, or what `cargo xtask onnxruntime` has
//! installed. Prints a table, and fails where the kernels take more than 0.8 of ONNX
//! Runtime's time. Times are CPU time of the fastest of many short rounds, in which all
//! take turns: what else runs on the machine counts as little as possible.

use std::{
    env,
    hint::black_box,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use cpu_time::ThreadTime;
use ser_backend::{BUCKETS, Backend, Batch, DeviceOptions, Model, ModelPackage};
use ser_backend_burn::BurnBackend;
use ser_backend_onnx::OnnxBackend;
use ser_kernels::{InstructionSet, multiply_add_peak};

/// Of ONNX Runtime's time.
const MOST: f64 = 0.8;

/// Multiply-adds of one row: 40 steps of a layer with 123 units, then three dense
/// layers.
const MULTIPLY_ADDS: f64 = (40 * 4 * 123 * (123 + 1) + 123 * 64 + 64 * 32 + 32 * 7) as f64;

/// Rounds of each model and number of rows.
const ROUNDS: usize = 200;

/// What a round takes at least, so short that most are left alone by other processes.
const ROUND: Duration = Duration::from_millis(1);

/// A model with a batch of its own.
struct Runner {
    model: Box<dyn Model>,
    batch: Batch,
    /// Calls of a round.
    calls: u32,
    /// Of one call.
    fastest: Duration,
}

impl Runner {
    fn new(model: Box<dyn Model>, package: &ModelPackage, rows: usize) -> Self {
        let mut batch = Batch::new(package.manifest.row_shape());
        for golden in package.golden.rows.iter().cycle().take(rows) {
            batch.push(golden.row());
        }
        let mut runner = Self {
            model,
            batch,
            calls: 1,
            fastest: Duration::MAX,
        };
        while runner.round() < ROUND {
            runner.calls *= 2;
        }
        runner
    }

    fn round(&mut self) -> Duration {
        let start = ThreadTime::now();
        for _ in 0..self.calls {
            self.model.infer(&mut self.batch).expect("inference works");
        }
        let took = start.elapsed();
        self.fastest = self.fastest.min(took / self.calls);
        took
    }
}

fn load(backend: &dyn Backend, package: &ModelPackage, settings: toml::Table) -> Box<dyn Model> {
    let options = DeviceOptions {
        settings,
        ..DeviceOptions::default()
    };
    match backend.load(package, &options) {
        Ok(model) => model,
        Err(error) => panic!("{error}"),
    }
}

fn setting(key: &str, value: &str) -> toml::Table {
    [(key.to_owned(), value.into())].into_iter().collect()
}

/// Where ONNX Runtime lies.
fn library() -> PathBuf {
    let installed = "../../target/onnxruntime/libonnxruntime.so.1.31.1";
    env::var_os("ORT_DYLIB_PATH").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(installed),
        PathBuf::from,
    )
}

/// Fastest calls of ONNX Runtime and of the kernels in each instruction set.
fn measure(
    package: &ModelPackage,
    sets: &[InstructionSet],
    rows: usize,
    rounds: usize,
) -> (Duration, Vec<Duration>) {
    let (onnx, burn) = (OnnxBackend::new(), BurnBackend::new());
    let library = library();
    let library = setting("library", library.to_str().expect("a path in UTF-8"));
    let mut runners = vec![load(&onnx, package, library)];
    let kernels = |set: &InstructionSet| setting("instruction_set", set.name());
    runners.extend(sets.iter().map(|set| load(&burn, package, kernels(set))));
    let mut runners: Vec<Runner> = runners
        .into_iter()
        .map(|model| Runner::new(model, package, rows))
        .collect();
    for _ in 0..rounds {
        for runner in &mut runners {
            runner.round();
        }
    }
    let mut fastest = runners.iter().map(|runner| runner.fastest);
    let onnx = fastest.next().expect("ONNX Runtime comes first");
    (onnx, fastest.collect())
}

/// Multiply-adds a second of one thread on its registers, in the fastest round.
fn peak(instruction_set: InstructionSet, rounds: usize) -> f64 {
    let round = || {
        let start = ThreadTime::now();
        let peak = black_box(multiply_add_peak(instruction_set, 10_000));
        peak.multiply_adds as f64 / start.elapsed().as_secs_f64()
    };
    (0..rounds).map(|_| round()).fold(0.0, f64::max)
}

fn main() -> ExitCode {
    let core = core_affinity::get_core_ids().and_then(|cores| cores.last().copied());
    if !core.is_some_and(core_affinity::set_for_current) {
        eprintln!("can't pin the thread to a core");
        return ExitCode::FAILURE;
    }
    if !library().exists() {
        let library = library();
        eprintln!(
            "{} is missing: run `cargo xtask onnxruntime`",
            library.display()
        );
        return ExitCode::FAILURE;
    }
    // As Criterion's benchmarks: whether it runs, not how fast.
    let test = env::args().any(|argument| argument == "--test");
    let rounds = if test { 1 } else { ROUNDS };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tess-lstm/1");
    let package = ModelPackage::read(&folder).expect("the seed package is valid");
    // The portable path is for other processors.
    let sets: Vec<_> = InstructionSet::available()
        .filter(|set| *set != InstructionSet::Portable)
        .collect();
    let peaks: Vec<f64> = sets.iter().map(|set| peak(*set, rounds)).collect();
    for (set, peak) in sets.iter().zip(&peaks) {
        println!("peak of {set}: {:.1} G multiply-adds/s", peak / 1e9);
    }
    println!("\n| rows | ONNX Runtime µs | kernels | µs | ratio | share of peak |");
    println!("|---:|---:|---|---:|---:|---:|");
    let mut within = true;
    for rows in BUCKETS {
        let (onnx, ours) = measure(&package, &sets, rows, rounds);
        for (at, (set, took)) in sets.iter().zip(&ours).enumerate() {
            let ratio = took.as_secs_f64() / onnx.as_secs_f64();
            let achieved = MULTIPLY_ADDS * rows as f64 / took.as_secs_f64();
            println!(
                "| {rows} | {:.1} | {set} | {:.1} | {ratio:.2} | {:.0} % |",
                onnx.as_secs_f64() * 1e6,
                took.as_secs_f64() * 1e6,
                100.0 * achieved / peaks[at],
            );
            // What a server runs by default is the first one.
            within &= test || at > 0 || ratio <= MOST;
        }
    }
    if within {
        ExitCode::SUCCESS
    } else {
        eprintln!("more than {MOST} of ONNX Runtime's time");
        ExitCode::FAILURE
    }
}
