//! The custom operation.

use burn::backend::{
    Autodiff, Backend, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    backend_extension,
    tensor::FloatTensor,
};
use ser_kernels::{
    InstructionSet, LstmGradients, LstmInputs, LstmOutputs, LstmUpstream, LstmWeights, PackedLstm,
    SavedSteps, Scratch, TrainingLstm,
};

use crate::fused::{contiguous, sizes, tensor, values};

/// Why a kernel takes every call made here: `lstm_last` says when it panics.
const FITS: &str = "the parameters fit each other and the input";

#[backend_extension(Flex, Autodiff)]
pub(super) trait LstmLast: Backend {
    /// See [`lstm_last`](super::lstm_last).
    fn lstm_last(
        input: FloatTensor<Self>,
        w: FloatTensor<Self>,
        r: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl LstmLast for Flex {
    fn lstm_last(
        input: FloatTensor<Self>,
        w: FloatTensor<Self>,
        r: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let input = contiguous(input);
        let [w, r, b] = [w, r, b].map(contiguous);
        let weights = weights(sizes(&input), [&w, &r, &b]);
        let layer = PackedLstm::new(weights, InstructionSet::detect()).expect(FITS);
        last_state(&input, layer.hidden(), |inputs, outputs| {
            layer.run(&mut Scratch::new(), inputs, outputs).expect(FITS);
        })
    }
}

impl<C: CheckpointStrategy> LstmLast for Autodiff<Flex, C> {
    fn lstm_last(
        input: FloatTensor<Self>,
        w: FloatTensor<Self>,
        r: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [&input, &w, &r, &b].map(|tensor| tensor.node());
        let [input, w, r, b] = [input, w, r, b].map(|tensor| tensor.into_primitive());
        match BackwardPass.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::UnTracked(prep) => prep.finish(Flex::lstm_last(input, w, r, b)),
            OpsKind::Tracked(prep) => {
                let input = contiguous(input);
                let [w, r, b] = [w, r, b].map(contiguous);
                let weights = weights(sizes(&input), [&w, &r, &b]);
                let layer = TrainingLstm::new(weights, InstructionSet::detect()).expect(FITS);
                let mut steps = None;
                let output = last_state(&input, weights.hidden, |inputs, outputs| {
                    let saved = layer.forward(&mut Scratch::new(), inputs, outputs);
                    steps = Some(saved.expect(FITS));
                });
                let kept = Kept {
                    hidden: weights.hidden,
                    layer,
                    steps: steps.expect("the forward pass has run"),
                    input,
                };
                prep.finish(kept, output)
            }
        }
    }
}

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug)]
struct Kept {
    /// `[steps, rows, width]`.
    input: FloatTensor<Flex>,
    hidden: usize,
    layer: TrainingLstm,
    steps: SavedSteps,
}

#[derive(Debug)]
struct BackwardPass;

impl Backward<Flex, 4> for BackwardPass {
    type State = Kept;

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let upstream = contiguous(gradients.consume::<Flex>(&ops.node));
        let Kept {
            input,
            hidden,
            layer,
            steps: saved,
        } = ops.state;
        let [steps, rows, width] = sizes(&input);
        let gates = 4 * hidden;
        let shapes: [&[usize]; 4] = [
            &[steps, rows, width],
            &[gates, width],
            &[gates, hidden],
            &[gates],
        ];
        // Nobody asks for the gradient of what isn't trained.
        let mut wanted = ops.parents.each_ref().map(Option::is_some).into_iter();
        let [mut x, mut w, mut r, mut b] = shapes.map(|shape| {
            let wanted = wanted.next().expect("as many parents as shapes");
            wanted.then(|| vec![0.0; shape.iter().product()])
        });
        layer
            .backward(
                &mut Scratch::new(),
                inputs(&input),
                &saved,
                LstmUpstream {
                    h: Some(values(&upstream)),
                    ..LstmUpstream::default()
                },
                LstmGradients {
                    x: x.as_deref_mut(),
                    w: w.as_deref_mut(),
                    r: r.as_deref_mut(),
                    b: b.as_deref_mut(),
                    ..LstmGradients::default()
                },
            )
            .expect(FITS);
        let computed = [x, w, r, b].into_iter().zip(shapes).zip(ops.parents);
        for ((gradient, shape), parent) in computed {
            if let (Some(gradient), Some(parent)) = (gradient, parent) {
                gradients.register::<Flex>(parent.id, tensor(gradient, shape.to_vec()));
            }
        }
    }
}

/// The kernels' view of `w`, `r` and `b`, which are contiguous.
fn weights<'a>(
    [_, _, width]: [usize; 3],
    [w, r, b]: [&'a FloatTensor<Flex>; 3],
) -> LstmWeights<'a> {
    LstmWeights {
        width,
        hidden: values(b).len() / 4,
        w: values(w),
        r: values(r),
        b: values(b),
    }
}

/// The kernels' view of an input, which is contiguous.
fn inputs(input: &FloatTensor<Flex>) -> LstmInputs<'_> {
    let [steps, rows, _] = sizes(input);
    LstmInputs {
        x: values(input),
        steps,
        rows,
        valid_steps: None,
        h0: None,
        c0: None,
    }
}

/// The last hidden state that `run` writes.
fn last_state(
    input: &FloatTensor<Flex>,
    hidden: usize,
    run: impl FnOnce(LstmInputs<'_>, LstmOutputs<'_>),
) -> FloatTensor<Flex> {
    let [_, rows, _] = sizes(input);
    let (mut h, mut c) = (vec![0.0; rows * hidden], vec![0.0; rows * hidden]);
    let outputs = LstmOutputs {
        h: &mut h,
        c: &mut c,
        all: None,
    };
    run(inputs(input), outputs);
    tensor(h, [rows, hidden])
}
