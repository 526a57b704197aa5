//! The seed model's layers, 1 to 64 rows, on every instruction set that is here, after the
//! processor's peak: the most multiply-adds that one thread reaches with nothing to load.
//! The throughput that is reported counts multiply-adds, so that a layer's share of the
//! peak is the ratio of the two lines.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use ser_kernels::{
    Activation, InstructionSet, LstmGradients, LstmInputs, LstmOutputs, LstmUpstream, LstmWeights,
    PackedDense, PackedLstm, Scratch, TrainingLstm, multiply_add_peak, softmax,
};

const STEPS: usize = 40;
const HIDDEN: usize = 123;
const ROWS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Inputs and outputs of the dense layers.
const DENSE: [[usize; 2]; 3] = [[HIDDEN, 64], [64, 32], [32, 7]];

/// Multiply-adds of a row.
fn multiply_adds() -> usize {
    let dense: usize = DENSE.iter().map(|[inputs, outputs]| inputs * outputs).sum();
    STEPS * 4 * HIDDEN * (1 + HIDDEN) + dense
}

struct Values(ChaCha8Rng);

impl Values {
    fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| self.0.random_range(-0.15..0.15))
            .collect()
    }
}

struct Weights {
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
}

impl Weights {
    fn new(values: &mut Values) -> Self {
        Self {
            w: values.take(4 * HIDDEN),
            r: values.take(4 * HIDDEN * HIDDEN),
            b: values.take(4 * HIDDEN),
        }
    }

    fn lstm(&self) -> LstmWeights<'_> {
        LstmWeights {
            width: 1,
            hidden: HIDDEN,
            w: &self.w,
            r: &self.r,
            b: &self.b,
        }
    }
}

fn inputs(x: &[f32], rows: usize) -> LstmInputs<'_> {
    LstmInputs {
        x,
        steps: STEPS,
        rows,
        valid_steps: None,
        h0: None,
        c0: None,
    }
}

fn peak(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peak");
    for set in InstructionSet::available() {
        let rounds = 10_000;
        group.throughput(Throughput::Elements(
            multiply_add_peak(set, rounds).multiply_adds,
        ));
        group.bench_function(set.name(), |bencher| {
            bencher.iter(|| multiply_add_peak(set, black_box(rounds)));
        });
    }
    group.finish();
}

fn classifier(criterion: &mut Criterion) {
    let mut values = Values(ChaCha8Rng::seed_from_u64(0));
    let weights = Weights::new(&mut values);
    let dense = DENSE.map(|[inputs, outputs]| {
        let (weight, bias) = (values.take(inputs * outputs), values.take(outputs));
        (inputs, outputs, weight, bias)
    });
    for set in InstructionSet::available() {
        let lstm = PackedLstm::new(weights.lstm(), set).expect("the weights fit");
        let dense = dense.each_ref().map(|(inputs, outputs, weight, bias)| {
            PackedDense::new(*inputs, *outputs, weight, bias, set).expect("the weights fit")
        });
        let mut group = criterion.benchmark_group(format!("classifier {set}"));
        for rows in ROWS {
            let x = values.take(STEPS * rows);
            let mut scratch = Scratch::new();
            let (mut h, mut c) = (vec![0.0; rows * HIDDEN], vec![0.0; rows * HIDDEN]);
            let [mut first, mut second, mut third] =
                DENSE.map(|[_, outputs]| vec![0.0; rows * outputs]);
            group.throughput(Throughput::Elements((rows * multiply_adds()) as u64));
            group.bench_function(BenchmarkId::new("rows", rows), |bencher| {
                bencher.iter(|| {
                    let outputs = LstmOutputs {
                        h: &mut h,
                        c: &mut c,
                        all: None,
                    };
                    lstm.run(&mut scratch, inputs(black_box(&x), rows), outputs)?;
                    dense[0].run(rows, &h, &mut first, Activation::Relu)?;
                    dense[1].run(rows, &first, &mut second, Activation::Relu)?;
                    dense[2].run(rows, &second, &mut third, Activation::None)?;
                    softmax(&mut third, 7, set)
                });
            });
        }
        group.finish();
    }
}

fn training(criterion: &mut Criterion) {
    let mut values = Values(ChaCha8Rng::seed_from_u64(1));
    let weights = Weights::new(&mut values);
    let rows = 64;
    let x = values.take(STEPS * rows);
    let by_h = values.take(rows * HIDDEN);
    for set in InstructionSet::available() {
        let mut group = criterion.benchmark_group(format!("training {set}"));
        let mut scratch = Scratch::new();
        let (mut h, mut c) = (vec![0.0; rows * HIDDEN], vec![0.0; rows * HIDDEN]);
        let mut forward = |lstm: &TrainingLstm, scratch: &mut Scratch| {
            let outputs = LstmOutputs {
                h: &mut h,
                c: &mut c,
                all: None,
            };
            lstm.forward(scratch, inputs(&x, rows), outputs)
                .expect("the inputs fit")
        };
        group.bench_function("pack and forward, 64 rows", |bencher| {
            bencher.iter(|| {
                let lstm = TrainingLstm::new(weights.lstm(), set).expect("the weights fit");
                forward(&lstm, &mut scratch)
            });
        });
        let lstm = TrainingLstm::new(weights.lstm(), set).expect("the weights fit");
        let saved = forward(&lstm, &mut scratch);
        let mut w = vec![0.0; weights.w.len()];
        let mut r = vec![0.0; weights.r.len()];
        let mut b = vec![0.0; weights.b.len()];
        group.bench_function("backward, 64 rows", |bencher| {
            bencher.iter(|| {
                let upstream = LstmUpstream {
                    h: Some(&by_h),
                    ..LstmUpstream::default()
                };
                let gradients = LstmGradients {
                    w: Some(&mut w),
                    r: Some(&mut r),
                    b: Some(&mut b),
                    ..LstmGradients::default()
                };
                lstm.backward(&mut scratch, inputs(&x, rows), &saved, upstream, gradients)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, peak, classifier, training);
criterion_main!(benches);
