//! A graph compiled to tensor operations.
//!
//! Every value of a graph has exactly one axis of rows, so every value is kept as
//! `[before, rows, after]`: the numbers before and after that axis, joined.
//! Reshapes, which keep rows apart, then do nothing at all.

mod layout;
mod operation;

use burn::tensor::{Device, Tensor};
use ser_graph::{Graph, Node, Op, ValueId};
use ser_kernels::Scratch;

use crate::{layers::LstmCall, placement::Placement};
use operation::Operation;

/// A compiled graph with its weights.
#[derive(Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    /// How often each value is read.
    uses: Vec<usize>,
    device: Device,
}

/// One operation with the values that it reads and makes.
#[derive(Debug)]
struct Step {
    operation: Operation,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
}

/// The values that there are while a program runs.
pub(crate) struct Values<'a> {
    tensors: Vec<Option<Tensor<3>>>,
    uses: Vec<usize>,
    valid_steps: &'a [usize],
}

impl Values<'_> {
    pub(crate) fn set(&mut self, id: ValueId, tensor: Tensor<3>) {
        self.tensors[id.index()] = Some(tensor);
    }

    /// The last reader gets the value itself, so that Burn can work in place.
    pub(crate) fn take(&mut self, id: ValueId) -> Tensor<3> {
        let at = id.index();
        self.uses[at] -= 1;
        let tensor = match self.uses[at] {
            0 => self.tensors[at].take(),
            _ => self.tensors[at].clone(),
        };
        tensor.expect("nodes are in the order of execution")
    }
}

impl Program {
    pub(crate) fn new(graph: &Graph, placement: &Placement) -> Self {
        let uses = graph.uses();
        let mut steps: Vec<Step> = Vec::new();
        for node in graph.nodes() {
            if absorbed(node, &mut steps, &uses) {
                continue;
            }
            steps.push(Step {
                operation: Operation::new(graph, &node.op, placement),
                inputs: node.op.inputs(),
                outputs: node.outputs.clone(),
            });
        }
        Self {
            steps,
            uses,
            device: placement.device.clone(),
        }
    }

    /// Where the inputs are to be.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The values before the first step; the inputs are still to be set.
    pub(crate) fn values<'a>(&self, valid_steps: &'a [usize]) -> Values<'a> {
        let uses = self.uses.clone();
        Values {
            tensors: vec![None; uses.len()],
            uses,
            valid_steps,
        }
    }

    pub(crate) fn run(&self, values: &mut Values<'_>, scratch: &mut Scratch) {
        for step in &self.steps {
            match &step.operation {
                Operation::Lstm {
                    layer,
                    padded,
                    h,
                    c,
                } => {
                    let call = LstmCall {
                        features: values.take(step.inputs[0]),
                        valid_steps: padded.then_some(values.valid_steps),
                        h: h.map(|id| values.take(id)),
                        c: c.map(|id| values.take(id)),
                        keep_all: self.uses[step.outputs[0].index()] > 0,
                    };
                    let states = layer.run(call, scratch);
                    if let Some(all) = states.all {
                        values.set(step.outputs[0], all);
                    }
                    values.set(step.outputs[1], states.h);
                    values.set(step.outputs[2], states.c);
                }
                operation => {
                    let inputs = step.inputs.iter().map(|id| values.take(*id)).collect();
                    values.set(step.outputs[0], operation.run(inputs));
                }
            }
        }
    }
}

/// Lets the dense layer before an activation apply it, if nothing else reads what
/// is between them.
fn absorbed(node: &Node, steps: &mut [Step], uses: &[usize]) -> bool {
    let Op::Activation(activation, input) = node.op else {
        return false;
    };
    let before = steps.iter_mut().find(|step| step.outputs[0] == input);
    let Some(Step {
        operation: Operation::Dense(layer),
        outputs,
        ..
    }) = before
    else {
        return false;
    };
    let absorbed = uses[input.index()] == 1 && layer.absorb(activation);
    if absorbed {
        outputs.clone_from(&node.outputs);
    }
    absorbed
}
