//! Builds graphs node by node, each checked as it is added.

use std::collections::HashSet;

use crate::{
    Activation, Arithmetic, Constant, Dim, Element, Graph, GraphError, Lstm, LstmWeights, Node, Op,
    Shape, Value, ValueId, infer::infer, lstm::finite,
};

/// Nodes of a graph at most.
pub(crate) const MAX_NODES: usize = 1024;

/// Builds a [`Graph`].
///
/// ```
/// # use ser_graph::{Constant, GraphBuilder, LstmWeights};
/// # fn main() -> Result<(), ser_graph::GraphError> {
/// # let (hidden, labels) = (2, 3);
/// # let lstm = LstmWeights::new(1, hidden, vec![0.1; 8], vec![0.2; 16], vec![0.0; 8])?;
/// # let weight = vec![0.3; hidden * labels];
/// # let bias = vec![0.0; labels];
/// let mut graph = GraphBuilder::new("classifier");
/// let features = graph.features(40, 1)?;
/// let standardised = graph.standardise(features, vec![0.5; 40], vec![2.0; 40])?;
/// let last = graph.lstm_last("lstm", standardised, lstm)?;
/// let logits = graph.dense("logits", last, Constant { dims: vec![hidden, labels], values: weight }, bias)?;
/// let posteriors = graph.softmax("softmax", logits)?;
/// let bytes = graph.finish(&[("posteriors", posteriors)])?.write();
/// # assert_eq!(ser_graph::Graph::read(&bytes)?.outputs()[0].0, "posteriors");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GraphBuilder {
    graph: Graph,
    names: HashSet<String>,
}

impl GraphBuilder {
    /// A graph without inputs and nodes.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let graph = Graph {
            name: name.to_owned(),
            values: Vec::new(),
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        Self {
            graph,
            names: HashSet::new(),
        }
    }

    /// The graph so far.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Adds an input of the graph.
    ///
    /// # Errors
    ///
    /// When the name is taken or the shape doesn't have one axis of rows.
    pub fn input(
        &mut self,
        name: &str,
        element: Element,
        dims: &[Dim],
    ) -> Result<ValueId, GraphError> {
        let invalid = |reason| GraphError::model(format!("input {name:?}"), reason);
        let shape = Shape::new(dims.to_vec()).map_err(invalid)?;
        if name.is_empty() || !self.names.insert(name.to_owned()) {
            return Err(invalid("expected a name of its own".to_owned()));
        }
        let id = self.value(name.to_owned(), element, shape);
        self.graph.inputs.push(id);
        Ok(id)
    }

    /// Adds the input `features` `[rows, steps, width]`.
    ///
    /// # Errors
    ///
    /// As [`input`](Self::input).
    pub fn features(&mut self, steps: usize, width: usize) -> Result<ValueId, GraphError> {
        let dims = [Dim::Rows, Dim::Fixed(steps), Dim::Fixed(width)];
        self.input("features", Element::F32, &dims)
    }

    /// Adds any node; a name that is taken gets an ending. Returns its outputs.
    ///
    /// # Errors
    ///
    /// [`GraphError::Node`] when the node doesn't fit its inputs.
    pub fn push(&mut self, name: &str, op: Op) -> Result<Vec<ValueId>, GraphError> {
        let invalid = |reason| GraphError::Node {
            node: name.to_owned(),
            op: op.name().to_owned(),
            reason,
        };
        if self.graph.nodes.len() == MAX_NODES {
            return Err(invalid(format!(
                "is one too many: a graph has at most {MAX_NODES} nodes"
            )));
        }
        check_constants(&op).map_err(|error| invalid(error.to_string()))?;
        let outputs = infer(&op, &self.graph.values).map_err(invalid)?;
        let name = self.unique(name);
        let outputs = outputs
            .into_iter()
            .map(|(ending, shape)| {
                let value = if ending.is_empty() {
                    name.clone()
                } else {
                    self.unique(&format!("{name}{ending}"))
                };
                self.value(value, Element::F32, shape)
            })
            .collect::<Vec<_>>();
        self.graph.nodes.push(Node {
            name,
            op,
            outputs: outputs.clone(),
        });
        Ok(outputs)
    }

    /// `(input − mean) / deviation` for each of the numbers of a row's last two
    /// axes `[steps, width]`.
    ///
    /// # Errors
    ///
    /// When the lengths differ from `steps · width` or a deviation is zero.
    pub fn standardise(
        &mut self,
        input: ValueId,
        mean: Vec<f32>,
        deviation: Vec<f32>,
    ) -> Result<ValueId, GraphError> {
        let dims = self.graph.value(input).shape.sizes(1).split_off(1);
        let mut arithmetic = |name: &str, input, kind, values| {
            let constant = Constant {
                dims: dims.clone(),
                values,
            };
            self.one(
                name,
                Op::Arithmetic {
                    kind,
                    input,
                    constant,
                    constant_first: false,
                },
            )
        };
        let centred = arithmetic("centre", input, Arithmetic::Sub, mean)?;
        arithmetic("scale", centred, Arithmetic::Div, deviation)
    }

    /// An LSTM over `[rows, steps, width]` whose last hidden state
    /// `[rows, hidden]` goes on, starting at zeros.
    ///
    /// # Errors
    ///
    /// When the weights don't fit the input.
    pub fn lstm_last(
        &mut self,
        name: &str,
        input: ValueId,
        weights: LstmWeights,
    ) -> Result<ValueId, GraphError> {
        let hidden = Dim::Fixed(weights.hidden());
        let outputs = self.lstm(name, input, weights)?;
        self.reshape(&format!("{name}.last"), outputs[1], &[Dim::Rows, hidden])
    }

    /// An LSTM over `[rows, steps, width]` whose hidden states of all steps
    /// `[rows, steps, hidden]` go on, starting at zeros.
    ///
    /// # Errors
    ///
    /// When the weights don't fit the input.
    pub fn lstm_all(
        &mut self,
        name: &str,
        input: ValueId,
        weights: LstmWeights,
    ) -> Result<ValueId, GraphError> {
        let hidden = Dim::Fixed(weights.hidden());
        let steps = self
            .graph
            .value(input)
            .shape
            .dims()
            .get(1)
            .copied()
            .unwrap_or(Dim::Rows);
        let outputs = self.lstm(name, input, weights)?;
        let states = self.reshape(
            &format!("{name}.states"),
            outputs[0],
            &[steps, Dim::Rows, hidden],
        )?;
        self.rows_first(&format!("{name}.rows_first"), states)
    }

    fn lstm(
        &mut self,
        name: &str,
        input: ValueId,
        weights: LstmWeights,
    ) -> Result<Vec<ValueId>, GraphError> {
        // Exchanging the first two axes is its own inverse.
        let input = self.rows_first(&format!("{name}.steps_first"), input)?;
        let lstm = Lstm {
            input,
            valid_steps: None,
            initial_h: None,
            initial_c: None,
            weights,
        };
        self.push(name, Op::Lstm(lstm))
    }

    fn rows_first(&mut self, name: &str, input: ValueId) -> Result<ValueId, GraphError> {
        self.one(
            name,
            Op::Transpose {
                input,
                axes: vec![1, 0, 2],
            },
        )
    }

    /// `input · weight + bias`, from `[rows, in]` to `[rows, out]`.
    ///
    /// # Errors
    ///
    /// When the shapes don't fit.
    pub fn dense(
        &mut self,
        name: &str,
        input: ValueId,
        weight: Constant,
        bias: Vec<f32>,
    ) -> Result<ValueId, GraphError> {
        self.one(
            name,
            Op::Dense {
                input,
                weight,
                bias: Some(bias),
            },
        )
    }

    /// A function of each number.
    ///
    /// # Errors
    ///
    /// When the input isn't float32.
    pub fn activation(
        &mut self,
        name: &str,
        activation: Activation,
        input: ValueId,
    ) -> Result<ValueId, GraphError> {
        self.one(name, Op::Activation(activation, input))
    }

    /// Softmax over the last axis.
    ///
    /// # Errors
    ///
    /// When that is the rows'.
    pub fn softmax(&mut self, name: &str, input: ValueId) -> Result<ValueId, GraphError> {
        self.one(name, Op::Softmax(input))
    }

    /// The same numbers under another shape.
    ///
    /// # Errors
    ///
    /// When that would mix rows.
    pub fn reshape(
        &mut self,
        name: &str,
        input: ValueId,
        dims: &[Dim],
    ) -> Result<ValueId, GraphError> {
        let shape = Shape::new(dims.to_vec()).map_err(|reason| GraphError::Node {
            node: name.to_owned(),
            op: "Reshape".to_owned(),
            reason,
        })?;
        self.one(name, Op::Reshape { input, shape })
    }

    /// Adds a node that has one output.
    pub(crate) fn one(&mut self, name: &str, op: Op) -> Result<ValueId, GraphError> {
        self.push(name, op).map(|outputs| outputs[0])
    }

    /// Names the outputs and ends the graph.
    ///
    /// # Errors
    ///
    /// When an output isn't a value that a node computed, or a value or a name
    /// comes twice.
    pub fn finish(mut self, outputs: &[(&str, ValueId)]) -> Result<Graph, GraphError> {
        if outputs.is_empty() {
            return Err(GraphError::model(
                "outputs",
                "there are none, expected at least one",
            ));
        }
        for (name, id) in outputs {
            let taken = |input: &ValueId| self.graph.value(*input).name == *name;
            let fault = if name.is_empty() {
                "expected a name"
            } else if id.0 >= self.graph.values.len() || self.graph.inputs.contains(id) {
                "expected a value that a node computes"
            } else if self.graph.outputs.iter().any(|(n, v)| n == name || v == id) {
                "the name or the value is an output already"
            } else if self.graph.inputs.iter().any(taken) {
                "the name is that of an input"
            } else {
                self.graph.outputs.push(((*name).to_owned(), *id));
                self.vacate(name, *id);
                continue;
            };
            return Err(GraphError::model(format!("output {name:?}"), fault));
        }
        Ok(self.graph)
    }

    /// Leaves a name to one value, giving any other that bears it a new one.
    fn vacate(&mut self, name: &str, owner: ValueId) {
        let other = self
            .graph
            .values
            .iter()
            .position(|value| value.name == name);
        if let Some(other) = other.filter(|other| *other != owner.0) {
            self.graph.values[other].name = unique(&mut self.names, name);
        }
    }

    fn value(&mut self, name: String, element: Element, shape: Shape) -> ValueId {
        self.graph.values.push(Value {
            name,
            shape,
            element,
        });
        ValueId(self.graph.values.len() - 1)
    }

    fn unique(&mut self, name: &str) -> String {
        unique(&mut self.names, name)
    }
}

/// `name`, or `name` with an ending that nobody has; takes it.
pub(crate) fn unique(names: &mut HashSet<String>, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut ending = 2;
    while candidate.is_empty() || !names.insert(candidate.clone()) {
        candidate = format!("{name}_{ending}");
        ending += 1;
    }
    candidate
}

fn check_constants(op: &Op) -> Result<(), GraphError> {
    let check = |what: &str, constant: &Constant| {
        let len = constant
            .dims
            .iter()
            .try_fold(1_usize, |len, dim| len.checked_mul(*dim));
        if len != Some(constant.values.len()) || constant.values.is_empty() {
            let held = constant.values.len();
            let reason = format!("holds {held} values, expected those of {:?}", constant.dims);
            return Err(GraphError::model(what, reason));
        }
        finite(what, &constant.values)
    };
    match op {
        Op::Dense { weight, bias, .. } => {
            check("weight", weight)?;
            bias.as_deref().map_or(Ok(()), |bias| finite("bias", bias))
        }
        Op::Arithmetic { constant, .. } => check("constant", constant),
        _ => Ok(()),
    }
}
