//! Custom operations of Burn's CPU backend: whole layers on packed weights.

use burn::backend::{Backend, ExtensionType, Flex, backend_extension, tensor::FloatTensor};
use burn::tensor::{Shape, TensorData};
use ser_kernels::{
    Activation, InstructionSet, LstmInputs, LstmOutputs, PackedDense, PackedLstm, Scratch,
};

/// What an LSTM layer starts from.
#[derive(ExtensionType)]
pub(crate) enum InitialState<B: Backend> {
    Zeros,
    /// `[1, rows, hidden]`.
    Given(FloatTensor<B>),
}

/// One run of an LSTM layer, but for its tensors.
pub(crate) struct LstmRun<'a> {
    pub(crate) layer: &'a PackedLstm,
    pub(crate) scratch: &'a mut Scratch,
    /// Steps of each row that count; all of them without it.
    pub(crate) valid_steps: Option<&'a [usize]>,
    /// Whether the hidden states of all steps are wanted.
    pub(crate) keep_all: bool,
}

#[backend_extension(Flex)]
pub(crate) trait FusedOps: Backend {
    /// The last hidden and the last cell state, `[1, rows, hidden]`, and, if asked
    /// for, all hidden states, `[steps, rows, hidden]`, of `features`, `[steps, rows,
    /// width]`.
    fn fused_lstm(
        features: FloatTensor<Self>,
        #[extension_type] h: InitialState<Self>,
        #[extension_type] c: InitialState<Self>,
        run: LstmRun<'_>,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        Option<FloatTensor<Self>>,
    );

    /// A dense layer over lines of `[before, rows, after]`, each as long as the
    /// layer's inputs.
    fn fused_dense(
        input: FloatTensor<Self>,
        layer: &PackedDense,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// Softmax over lines of `classes` values.
    fn fused_softmax(
        input: FloatTensor<Self>,
        classes: usize,
        instruction_set: InstructionSet,
    ) -> FloatTensor<Self>;
}

/// Why a kernel takes every call made here.
const FITS: &str = "the graph's shapes were checked when it was read";

impl FusedOps for Flex {
    fn fused_lstm(
        features: FloatTensor<Self>,
        h: InitialState<Self>,
        c: InitialState<Self>,
        run: LstmRun<'_>,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        Option<FloatTensor<Self>>,
    ) {
        let [steps, rows, _] = sizes(&features);
        let hidden = run.layer.hidden();
        let features = contiguous(features);
        let [h0, c0] = [h, c].map(|state| match state {
            InitialState::Zeros => None,
            InitialState::Given(state) => Some(contiguous(state)),
        });
        let (mut h, mut c) = (vec![0.0; rows * hidden], vec![0.0; rows * hidden]);
        let mut all = run.keep_all.then(|| vec![0.0; steps * rows * hidden]);
        let inputs = LstmInputs {
            x: values(&features),
            steps,
            rows,
            valid_steps: run.valid_steps,
            h0: h0.as_ref().map(values),
            c0: c0.as_ref().map(values),
        };
        let outputs = LstmOutputs {
            h: &mut h,
            c: &mut c,
            all: all.as_deref_mut(),
        };
        run.layer.run(run.scratch, inputs, outputs).expect(FITS);
        (
            tensor(h, [1, rows, hidden]),
            tensor(c, [1, rows, hidden]),
            all.map(|all| tensor(all, [steps, rows, hidden])),
        )
    }

    fn fused_dense(
        input: FloatTensor<Self>,
        layer: &PackedDense,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [before, rows, after] = sizes(&input);
        let lines = before * rows * after / layer.inputs();
        let mut output = vec![0.0; lines * layer.outputs()];
        layer
            .run(lines, values(&contiguous(input)), &mut output, activation)
            .expect(FITS);
        tensor(
            output,
            [before, rows, after / layer.inputs() * layer.outputs()],
        )
    }

    fn fused_softmax(
        input: FloatTensor<Self>,
        classes: usize,
        instruction_set: InstructionSet,
    ) -> FloatTensor<Self> {
        let shape = sizes(&input);
        let mut output = values(&contiguous(input)).to_vec();
        ser_kernels::softmax(&mut output, classes, instruction_set).expect(FITS);
        tensor(output, shape)
    }
}

/// The sizes of a tensor of three axes.
pub(crate) fn sizes(tensor: &FloatTensor<Flex>) -> [usize; 3] {
    tensor.layout().shape().dims()
}

/// The tensor itself, or a copy in row-major order.
pub(crate) fn contiguous(tensor: FloatTensor<Flex>) -> FloatTensor<Flex> {
    match tensor.as_slice::<f32>() {
        Some(_) => tensor,
        None => tensor.to_contiguous(),
    }
}

/// The numbers of a tensor in row-major order.
pub(crate) fn values(tensor: &FloatTensor<Flex>) -> &[f32] {
    tensor
        .as_slice()
        .expect("a contiguous tensor of 32-bit floats")
}

pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FloatTensor<Flex> {
    FloatTensor::<Flex>::from_data(TensorData::new(values, shape))
}
