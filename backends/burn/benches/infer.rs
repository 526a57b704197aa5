//! One call with 1 to 64 rows of the seed model's layers: 40 steps of one value,
//! LSTM 123, dense layers 64, 32 and 7. The weights are random but for those of the
//! last layer, which are zero so that the golden row is known: all labels alike.

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use ser_backend::{
    BUCKETS, Backend as _, Batch, DecisionSpec, DeviceOptions, FORMAT, Golden, GoldenRow,
    InputSpec, Manifest, ModelPackage, Precision, Row,
};
use ser_backend_burn::BurnBackend;
use ser_graph::{Activation, Constant, GraphBuilder, GraphError, LstmWeights};

const STEPS: usize = 40;
const HIDDEN: usize = 123;
const LABELS: usize = 7;

fn graph(random: &mut ChaCha8Rng) -> Result<Vec<u8>, GraphError> {
    let mut values =
        |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-0.1..0.1)).collect() };
    let lstm = LstmWeights::new(
        1,
        HIDDEN,
        values(4 * HIDDEN),
        values(4 * HIDDEN * HIDDEN),
        values(4 * HIDDEN),
    )?;
    let mut graph = GraphBuilder::new("seed");
    let features = graph.features(STEPS, 1)?;
    let standardised = graph.standardise(features, values(STEPS), vec![1.0; STEPS])?;
    let last = graph.lstm_last("lstm", standardised, lstm)?;
    let weight = Constant {
        dims: vec![HIDDEN, 64],
        values: values(HIDDEN * 64),
    };
    let first = graph.dense("dense_1", last, weight, values(64))?;
    let first = graph.activation("relu_1", Activation::Relu, first)?;
    let weight = Constant {
        dims: vec![64, 32],
        values: values(64 * 32),
    };
    let second = graph.dense("dense_2", first, weight, values(32))?;
    let second = graph.activation("relu_2", Activation::Relu, second)?;
    let weight = Constant {
        dims: vec![32, LABELS],
        values: vec![0.0; 32 * LABELS],
    };
    let logits = graph.dense("logits", second, weight, vec![0.0; LABELS])?;
    let posteriors = graph.softmax("softmax", logits)?;
    Ok(graph.finish(&[("posteriors", posteriors)])?.write())
}

fn package(random: &mut ChaCha8Rng) -> ModelPackage {
    let manifest = Manifest {
        format: FORMAT,
        name: "seed".to_owned(),
        version: "1".to_owned(),
        description: "Random weights in the seed model's layers".to_owned(),
        licence: "MIT OR Apache-2.0".to_owned(),
        labels: (0..LABELS).map(|label| format!("label {label}")).collect(),
        precision: Precision::Fp32,
        input: InputSpec::Windowed {
            steps: STEPS,
            width: 1,
        },
        decision: DecisionSpec {
            temperature: 1.0,
            uncertain_below: 0.0,
        },
        front_end: toml::Table::new(),
        windows: Some(toml::Table::new()),
        metadata: BTreeMap::new(),
    };
    let row = GoldenRow {
        features: vec![0.0; STEPS],
        state: Vec::new(),
        valid_steps: STEPS,
        posteriors: vec![1.0 / LABELS as f32; LABELS],
        next_state: Vec::new(),
    };
    let golden = Golden {
        rows: vec![row],
        audio: Vec::new(),
    };
    let graph: Arc<[u8]> = graph(random).expect("the layers fit each other").into();
    ModelPackage::from_values("bench", manifest, graph, golden).expect("the package is valid")
}

fn infer(criterion: &mut Criterion) {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let package = package(&mut random);
    let mut model = BurnBackend::new()
        .load(&package, &DeviceOptions::default())
        .expect("the model loads");
    let mut group = criterion.benchmark_group("seed model");
    for rows in BUCKETS {
        let mut batch = Batch::new(model.info().shape);
        for _ in 0..rows {
            let features: Vec<f32> = (0..STEPS).map(|_| random.random_range(-2.0..2.0)).collect();
            batch.push(Row {
                features: &features,
                state: &[],
                valid_steps: STEPS,
            });
        }
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_with_input(BenchmarkId::new("rows", rows), &rows, |bencher, _| {
            bencher.iter(|| model.infer(black_box(&mut batch)).expect("inference works"));
        });
    }
    group.finish();
}

criterion_group!(benches, infer);
criterion_main!(benches);
