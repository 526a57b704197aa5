//! Gradients against those of Burn's own layer and against finite differences.

use burn::module::Param;
use burn::nn::{GateController, Lstm, LstmConfig};
use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{LstmParameters, device, lstm_last};

/// Sizes, and everything that goes into a layer, in ONNX's order.
struct Case {
    steps: usize,
    rows: usize,
    width: usize,
    hidden: usize,
    input: Vec<f32>,
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
    /// What the last hidden state is multiplied by to give a loss.
    readout: Vec<f32>,
}

/// The gradients by input, `w`, `r` and `b`.
type Gradients = [Vec<f32>; 4];

impl Case {
    fn new(steps: usize, rows: usize, width: usize, hidden: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |count: usize, most: f32| -> Vec<f32> {
            (0..count)
                .map(|_| random.random_range(-most..most))
                .collect()
        };
        let around = |inputs: usize| 1.5 / (inputs as f32).sqrt();
        Self {
            steps,
            rows,
            width,
            hidden,
            input: numbers(steps * rows * width, 2.0),
            w: numbers(4 * hidden * width, around(width)),
            r: numbers(4 * hidden * hidden, around(hidden)),
            b: numbers(4 * hidden, 0.5),
            readout: numbers(rows * hidden, 1.0),
        }
    }

    fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
    }

    fn input(&self, device: &Device) -> Tensor<3> {
        Self::tensor(&self.input, [self.steps, self.rows, self.width], device)
    }

    fn parameters(&self, device: &Device) -> LstmParameters {
        let gates = 4 * self.hidden;
        LstmParameters {
            w: Self::tensor(&self.w, [gates, self.width], device),
            r: Self::tensor(&self.r, [gates, self.hidden], device),
            b: Self::tensor(&self.b, [gates], device),
        }
    }

    fn loss(&self, state: Tensor<2>) -> Tensor<1> {
        let readout = Self::tensor(&self.readout, [self.rows, self.hidden], &state.device());
        (state * readout).sum()
    }

    /// The last hidden state and the gradients of the operation.
    fn ours(&self) -> (Vec<f32>, Gradients) {
        let device = device().autodiff();
        let input = self.input(&device).require_grad();
        let LstmParameters { w, r, b } = self.parameters(&device);
        let parameters = LstmParameters {
            w: w.require_grad(),
            r: r.require_grad(),
            b: b.require_grad(),
        };
        let state = lstm_last(input.clone(), parameters.clone());
        let gradients = self.loss(state.clone()).backward();
        let by = [
            values(input.grad(&gradients).unwrap()),
            values(parameters.w.grad(&gradients).unwrap()),
            values(parameters.r.grad(&gradients).unwrap()),
            values(parameters.b.grad(&gradients).unwrap()),
        ];
        (values(state.inner()), by)
    }

    /// The same from Burn's own layer.
    fn burns(&self) -> (Vec<f32>, Gradients) {
        let device = device().autodiff();
        let mut layer = LstmConfig::new(self.width, self.hidden, true).init(&device);
        for (gate, controller) in gates(&mut layer).into_iter().enumerate() {
            let (width, hidden) = (self.width, self.hidden);
            let block = |values: &[f32], columns: usize| {
                let rows = &values[gate * hidden * columns..][..hidden * columns];
                let block = Self::tensor(rows, [hidden, columns], &device);
                Param::from_tensor(block.transpose())
            };
            let bias =
                |values: &[f32]| Some(Param::from_tensor(Self::tensor(values, [hidden], &device)));
            controller.input_transform.weight = block(&self.w, width);
            controller.input_transform.bias = bias(&self.b[gate * hidden..][..hidden]);
            controller.hidden_transform.weight = block(&self.r, hidden);
            controller.hidden_transform.bias = bias(&vec![0.0; hidden]);
        }
        let input = self.input(&device).require_grad();
        let (_, state) = layer.forward(input.clone().swap_dims(0, 1), None);
        let gradients = self.loss(state.hidden.clone()).backward();
        let [mut w, mut r, mut b] = [const { Vec::new() }; 3];
        for controller in gates(&mut layer) {
            let matrix = |weight: &Param<Tensor<2>>| {
                values(weight.val().grad(&gradients).unwrap().transpose())
            };
            w.extend(matrix(&controller.input_transform.weight));
            r.extend(matrix(&controller.hidden_transform.weight));
            let bias = controller.input_transform.bias.as_ref().unwrap();
            b.extend(values(bias.val().grad(&gradients).unwrap()));
        }
        let x = values(input.grad(&gradients).unwrap());
        (values(state.hidden.inner()), [x, w, r, b])
    }
}

/// In ONNX's order.
fn gates(layer: &mut Lstm) -> [&mut GateController; 4] {
    let forget = layer.forget_gate.as_mut().unwrap();
    [
        &mut layer.input_gate,
        &mut layer.output_gate,
        forget,
        &mut layer.cell_gate,
    ]
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn assert_close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= tolerance,
            "{what} {at}: {got}, expected {expected}"
        );
    }
}

const NAMES: [&str; 4] = ["input", "w", "r", "b"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_are_those_of_burns_own_layer(
        steps in 1_usize..12,
        rows in 1_usize..9,
        width in 1_usize..20,
        hidden in 1_usize..48,
        seed: u64,
    ) {
        let case = Case::new(steps, rows, width, hidden, seed);
        let (state, gradients) = case.ours();
        let (expected_state, expected) = case.burns();
        assert_close("state", &state, &expected_state, 1e-5);
        for ((name, got), expected) in NAMES.iter().zip(&gradients).zip(&expected) {
            assert_close(name, got, expected, 1e-4);
        }
    }
}

#[test]
fn gradients_of_the_seed_models_layer_are_those_of_burns_own() {
    let case = Case::new(40, 32, 1, 123, 1);
    let (state, gradients) = case.ours();
    let (expected_state, expected) = case.burns();
    assert_close("state", &state, &expected_state, 1e-5);
    for ((name, got), expected) in NAMES.iter().zip(&gradients).zip(&expected) {
        // Sums over 40 · 32 steps: 1e-4 of the largest.
        let largest = expected
            .iter()
            .fold(1.0_f32, |most, value| most.max(value.abs()));
        assert_close(name, got, expected, 1e-4 * largest);
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut case = Case::new(4, 3, 2, 5, 2);
    let (_, gradients) = case.ours();
    let loss = |case: &Case| {
        let device = device();
        let state = lstm_last(case.input(&device), case.parameters(&device));
        values(case.loss(state))[0]
    };
    let step = 1e-2;
    for (which, gradient) in gradients.iter().enumerate() {
        fn numbers(case: &mut Case, which: usize) -> &mut [f32] {
            [&mut case.input, &mut case.w, &mut case.r, &mut case.b]
                .into_iter()
                .nth(which)
                .unwrap()
        }
        for (at, gradient) in gradient.iter().enumerate() {
            let value = numbers(&mut case, which)[at];
            let mut moved = |by: f32| {
                numbers(&mut case, which)[at] = value + by;
                loss(&case)
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            moved(0.0);
            assert!(
                (slope - gradient).abs() <= 1e-3,
                "{} {at}: {gradient}, differences say {slope}",
                NAMES[which]
            );
        }
    }
}

#[test]
fn what_needs_no_gradient_gets_none() {
    let case = Case::new(3, 2, 2, 4, 3);
    let device = device().autodiff();
    let input = case.input(&device);
    let LstmParameters { w, r, b } = case.parameters(&device);
    let r = r.require_grad();
    let state = lstm_last(
        input.clone(),
        LstmParameters {
            w: w.clone(),
            r: r.clone(),
            b,
        },
    );
    let gradients = case.loss(state).backward();
    let (_, [_, _, expected, _]) = case.ours();
    assert_close("r", &values(r.grad(&gradients).unwrap()), &expected, 0.0);
    assert!(w.grad(&gradients).is_none());
    assert!(input.grad(&gradients).is_none());
}
