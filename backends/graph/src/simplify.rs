//! The same function in fewer nodes: what exporters spread over several becomes
//! what our own graphs say in one.

use crate::{Arithmetic, Constant, Dim, Graph, GraphBuilder, GraphError, Lstm, Op, Shape, ValueId};

impl Graph {
    /// An equal graph in which
    /// - the slice that takes the last step of all hidden states is the last
    ///   hidden state,
    /// - a product and the bias added to it are one node,
    /// - reshapes of reshapes, and nodes that change nothing or that nobody reads,
    ///   are gone.
    ///
    /// # Errors
    ///
    /// When what is left is no graph, for instance since an output is an input.
    pub fn simplified(&self) -> Result<Self, GraphError> {
        let rewritten = rebuild(self, &|_| true, &mut rewrite)?;
        let read = rewritten.read_nodes();
        rebuild(&rewritten, &|at| read[at], &mut |_, op| Rewritten::Op(op))
    }

    /// Which nodes an output depends on.
    fn read_nodes(&self) -> Vec<bool> {
        let mut wanted = vec![false; self.values.len()];
        for (_, id) in &self.outputs {
            wanted[id.0] = true;
        }
        let mut read = vec![false; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().rev() {
            read[at] = node.outputs.iter().any(|id| wanted[id.0]);
            if read[at] {
                for id in node.op.inputs() {
                    wanted[id.0] = true;
                }
            }
        }
        read
    }
}

/// What becomes of a node.
enum Rewritten {
    /// It stays, maybe as another one.
    Op(Op),
    /// Its output is a value that there is already.
    Value(ValueId),
}

/// Builds the graph node by node anew; the operations that `rewrite` sees read
/// values of the new graph.
fn rebuild(
    graph: &Graph,
    keep: &impl Fn(usize) -> bool,
    rewrite: &mut impl FnMut(&Graph, Op) -> Rewritten,
) -> Result<Graph, GraphError> {
    let mut builder = GraphBuilder::new(graph.name());
    let mut places = vec![None; graph.values.len()];
    for id in graph.inputs() {
        let input = graph.value(*id);
        places[id.0] = Some(builder.input(&input.name, input.element, input.shape.dims())?);
    }
    let place = |places: &[Option<ValueId>], id: ValueId| {
        places[id.0].expect("nodes are in the order of execution")
    };
    for (at, node) in graph.nodes.iter().enumerate() {
        if !keep(at) {
            continue;
        }
        let mut op = node.op.clone();
        op.map_inputs(|id| place(&places, id));
        let outputs = match rewrite(builder.graph(), op) {
            Rewritten::Op(op) => builder.push(&node.name, op)?,
            Rewritten::Value(id) => vec![id],
        };
        for (old, new) in node.outputs.iter().zip(outputs) {
            places[old.0] = Some(new);
        }
    }
    let outputs: Vec<_> = graph
        .outputs
        .iter()
        .map(|(name, id)| (name.as_str(), place(&places, *id)))
        .collect();
    builder.finish(&outputs)
}

fn rewrite(graph: &Graph, op: Op) -> Rewritten {
    match op {
        Op::Reshape { input, shape } => reshape(graph, input, shape),
        Op::Transpose { input, axes } if axes.is_sorted() => Rewritten::Value(input),
        Op::Slice {
            input,
            axis,
            start: 0,
            end,
        } if shape(graph, input)[axis] == Dim::Fixed(end) => Rewritten::Value(input),
        Op::Slice {
            input,
            axis,
            start,
            end,
        } => {
            let states = HiddenStates::trace(graph, input);
            let last = states.filter(|states| states.is_last(graph, input, axis, start));
            Rewritten::Op(match last {
                Some(states) => Op::Reshape {
                    input: states.last,
                    shape: with_one(graph, input, axis),
                },
                None => Op::Slice {
                    input,
                    axis,
                    start,
                    end,
                },
            })
        }
        Op::Arithmetic {
            kind: Arithmetic::Add,
            input,
            ref constant,
            ..
        } => Rewritten::Op(with_bias(graph, input, constant).unwrap_or(op)),
        op => Rewritten::Op(op),
    }
}

fn reshape(graph: &Graph, input: ValueId, shape: Shape) -> Rewritten {
    let input = match producer(graph, input) {
        Some(Op::Reshape { input, .. }) => *input,
        _ => input,
    };
    if graph.value(input).shape == shape {
        Rewritten::Value(input)
    } else {
        Rewritten::Op(Op::Reshape { input, shape })
    }
}

/// The product with its bias, if that is what the sum is.
fn with_bias(graph: &Graph, input: ValueId, constant: &Constant) -> Option<Op> {
    let Some(Op::Dense {
        input: features,
        weight,
        bias: None,
    }) = producer(graph, input)
    else {
        return None;
    };
    let outputs = graph.value(input).shape.last()?;
    let along_last = constant.dims.last() == Some(&constant.values.len());
    let bias = match constant.values.len() {
        1 => vec![constant.values[0]; outputs],
        len if len == outputs && along_last => constant.values.clone(),
        _ => return None,
    };
    (graph.value(*features).shape.rank() == 2).then(|| Op::Dense {
        input: *features,
        weight: weight.clone(),
        bias: Some(bias),
    })
}

/// The axes that the hidden states of all steps have, when those of size 1 are
/// left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Steps,
    Rows,
    Hidden,
}

/// A value that holds the hidden states of all steps.
struct HiddenStates {
    /// The axes in their order.
    axes: Vec<Axis>,
    /// How many steps there are.
    steps: usize,
    /// The last hidden state `[1, rows, hidden]`.
    last: ValueId,
}

impl HiddenStates {
    /// Goes from `id` back to an LSTM all of whose steps count, past nodes that keep
    /// the states whole.
    fn trace(graph: &Graph, id: ValueId) -> Option<Self> {
        match producer(graph, id)? {
            Op::Lstm(Lstm {
                valid_steps: None, ..
            }) => {
                let node = graph.nodes.iter().find(|node| node.outputs[0] == id)?;
                // With sizes of 1 the axes could not be told apart.
                let [Dim::Fixed(steps @ 2..), _, _, Dim::Fixed(2..)] = *shape(graph, id) else {
                    return None;
                };
                Some(Self {
                    axes: vec![Axis::Steps, Axis::Rows, Axis::Hidden],
                    steps,
                    last: node.outputs[1],
                })
            }
            Op::Reshape { input, .. } => {
                let states = Self::trace(graph, *input)?;
                let same = long(shape(graph, *input)).eq(long(shape(graph, id)));
                same.then_some(states)
            }
            Op::Transpose { input, axes } => {
                let states = Self::trace(graph, *input)?;
                let dims = shape(graph, *input);
                // The place among the long axes of each axis that is one.
                let place = |axis: usize| long(&dims[..axis]).count();
                let axes = axes.iter().filter(|axis| dims[**axis] != Dim::Fixed(1));
                Some(Self {
                    axes: axes.map(|axis| states.axes[place(*axis)]).collect(),
                    ..states
                })
            }
            _ => None,
        }
    }

    /// Whether what lies from `start` on along an axis of `value` is the last state.
    fn is_last(&self, graph: &Graph, value: ValueId, axis: usize, start: usize) -> bool {
        let dims = shape(graph, value);
        let rest = self.axes.iter().filter(|axis| **axis != Axis::Steps);
        start + 1 == self.steps
            && dims[axis] != Dim::Fixed(1)
            && self.axes[long(&dims[..axis]).count()] == Axis::Steps
            && rest.eq([&Axis::Rows, &Axis::Hidden])
    }
}

/// The axes that are longer than 1, or may be.
fn long(dims: &[Dim]) -> impl Iterator<Item = &Dim> {
    dims.iter().filter(|dim| **dim != Dim::Fixed(1))
}

fn shape(graph: &Graph, id: ValueId) -> &[Dim] {
    graph.value(id).shape.dims()
}

fn with_one(graph: &Graph, id: ValueId, axis: usize) -> Shape {
    let mut dims = shape(graph, id).to_vec();
    dims[axis] = Dim::Fixed(1);
    Shape::new(dims).expect("an axis shorter is a shape still")
}

/// The operation whose first output is this value.
fn producer(graph: &Graph, id: ValueId) -> Option<&Op> {
    let mut nodes = graph.nodes.iter().rev();
    nodes
        .find(|node| node.outputs[0] == id)
        .map(|node| &node.op)
}

#[cfg(test)]
mod tests;
