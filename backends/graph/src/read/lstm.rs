//! Recurrent layers.

use super::{
    Reader,
    attributes::Attributes,
    known::{Data, describe},
    node::NodeReader,
};
use crate::{Dim, GraphError, Lstm, LstmWeights, ValueId};

impl<'a> Reader<'a> {
    pub(super) fn lstm(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Lstm, GraphError> {
        check_lstm_attributes(node, attributes)?;
        if node.optional(7).is_some() {
            return Err(node.fault("peepholes (input P) are not supported"));
        }
        let w = self.floats(node, 1)?;
        let r = self.floats(node, 2)?;
        let (hidden, width) = match (&w.dims[..], &r.dims[..]) {
            (&[1, gates, width], &[1, recurrent, hidden])
                if Some(gates) == hidden.checked_mul(4) && gates == recurrent =>
            {
                (hidden, width)
            }
            _ => {
                return Err(node.fault(format!(
                    "W has shape {:?} and R {:?}, expected [1, 4·hidden, width] and \
                     [1, 4·hidden, hidden]",
                    w.dims, r.dims
                )));
            }
        };
        let declared = node.check(attributes.int("hidden_size", hidden as i64))?;
        if usize::try_from(declared) != Ok(hidden) {
            return Err(node.fault(format!("hidden_size is {declared}, but W is for {hidden}")));
        }
        let bias = match node.optional(3) {
            None => vec![0.0; 4 * hidden],
            Some(_) => {
                let both = self.floats(node, 3)?;
                if both.dims != [1, 8 * hidden] {
                    let reason =
                        format!("B has shape {:?}, expected [1, {}]", both.dims, 8 * hidden);
                    return Err(node.fault(reason));
                }
                let (input, recurrent) = both.values.split_at(4 * hidden);
                input
                    .iter()
                    .zip(recurrent)
                    .map(|(input, recurrent)| input + recurrent)
                    .collect()
            }
        };
        let weights = LstmWeights::new(width, hidden, w.values, r.values, bias)
            .map_err(|error| node.fault(error.to_string()))?;
        Ok(Lstm {
            input: self.value(node, 0)?,
            valid_steps: self.optional_value(node, 4)?,
            initial_h: self.initial_state(node, 5, hidden)?,
            initial_c: self.initial_state(node, 6, hidden)?,
            weights,
        })
    }

    /// An initial state; `None` where it is zeros.
    fn initial_state(
        &mut self,
        node: &NodeReader<'a>,
        at: usize,
        hidden: usize,
    ) -> Result<Option<ValueId>, GraphError> {
        let Some(name) = node.optional(at).filter(|name| self.constants.has(name)) else {
            return self.optional_value(node, at);
        };
        let known = node.check(self.constants.known(name))?;
        let state = [Dim::Fixed(1), Dim::Rows, Dim::Fixed(hidden)];
        if known.dims != state {
            let (found, expected) = (describe(&known.dims), describe(&state));
            return Err(node.fault(format!(
                "the initial state {name:?} has shape {found}, expected {expected}"
            )));
        }
        if known.data != Data::Fill(0.0) {
            return Err(node.fault(format!(
                "the initial state {name:?} is a constant other than zeros, which is not supported"
            )));
        }
        Ok(None)
    }
}

fn check_lstm_attributes<'a>(
    node: &NodeReader<'a>,
    attributes: &mut Attributes<'a>,
) -> Result<(), GraphError> {
    let direction = node.check(attributes.string("direction"))?;
    if let Some(direction) = direction.filter(|direction| direction != "forward") {
        return Err(node.fault(format!(
            "direction {direction} is not supported; expected forward"
        )));
    }
    let activations = node.check(attributes.strings("activations"))?;
    if let Some(activations) = activations.filter(|names| names[..] != ["Sigmoid", "Tanh", "Tanh"])
    {
        return Err(node.fault(format!(
            "activations {activations:?} are not supported; expected Sigmoid, Tanh, Tanh"
        )));
    }
    for name in ["layout", "input_forget"] {
        let value = node.check(attributes.int(name, 0))?;
        if value != 0 {
            return Err(node.fault(format!("{name} {value} is not supported; expected 0")));
        }
    }
    Ok(())
}
