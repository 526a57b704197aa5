//! The recurrent layer.

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use ser_graph::LstmWeights;
use ser_kernels::{PackedLstm, Scratch};

use super::tensor_lstm::TensorLstm;
use crate::{
    fused::{FusedOps as _, InitialState, LstmRun},
    placement::{Compute, Placement},
};

/// An LSTM layer, forward in time.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a layer, and it isn't moved"
)]
pub(crate) enum LstmLayer {
    Packed(PackedLstm),
    Tensors(TensorLstm),
}

/// What a layer runs on.
pub(crate) struct LstmCall<'a> {
    /// `[steps, rows, width]`.
    pub(crate) features: Tensor<3>,
    /// Steps of each row that count; all of them without it.
    pub(crate) valid_steps: Option<&'a [usize]>,
    /// `[1, rows, hidden]`; zeros without it.
    pub(crate) h: Option<Tensor<3>>,
    /// `[1, rows, hidden]`; zeros without it.
    pub(crate) c: Option<Tensor<3>>,
    /// Whether the hidden states of all steps are wanted.
    pub(crate) keep_all: bool,
}

/// What a layer gives.
pub(crate) struct LstmStates {
    /// `[1, rows, hidden]`.
    pub(crate) h: Tensor<3>,
    /// `[1, rows, hidden]`.
    pub(crate) c: Tensor<3>,
    /// `[steps, rows, hidden]`, if asked for.
    pub(crate) all: Option<Tensor<3>>,
}

impl LstmLayer {
    pub(crate) fn new(weights: &LstmWeights, placement: &Placement) -> Self {
        match placement.compute {
            Compute::Kernels(instruction_set) => {
                let weights = ser_kernels::LstmWeights {
                    width: weights.width(),
                    hidden: weights.hidden(),
                    w: weights.w(),
                    r: weights.r(),
                    b: weights.b(),
                };
                let packed = PackedLstm::new(weights, instruction_set);
                Self::Packed(
                    packed.expect("the graph checked the sizes, the placement the processor"),
                )
            }
            Compute::Tensors => Self::Tensors(TensorLstm::new(weights, &placement.device)),
        }
    }

    pub(crate) fn run(&self, call: LstmCall<'_>, scratch: &mut Scratch) -> LstmStates {
        let layer = match self {
            Self::Packed(layer) => layer,
            Self::Tensors(layer) => return layer.run(call),
        };
        let initial = |state: Option<Tensor<3>>| match state {
            None => InitialState::Zeros,
            Some(state) => InitialState::Given(state.into_dispatch()),
        };
        let run = LstmRun {
            layer,
            scratch,
            valid_steps: call.valid_steps,
            keep_all: call.keep_all,
        };
        let features = call.features.into_dispatch();
        let (h, c, all) = Dispatch::fused_lstm(features, initial(call.h), initial(call.c), run);
        LstmStates {
            h: Tensor::from_dispatch(h),
            c: Tensor::from_dispatch(c),
            all: all.map(Tensor::from_dispatch),
        }
    }
}
