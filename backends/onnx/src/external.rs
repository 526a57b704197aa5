//! Refuses graphs whose weights lie in other files.
//!
//! ONNX Runtime would read them from wherever the graph says, and from the address in
//! memory that it says, too. A package is its own files alone: nothing else is covered
//! by its checksum.

use crate::protobuf::{Field, Fields, Malformed};

/// Messages in one another at most, as many as protobuf itself takes.
const MAX_DEPTH: usize = 100;

/// A message that holds tensors, at some depth.
#[derive(Clone, Copy)]
enum Message {
    Model,
    TrainingInfo,
    Function,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

impl Message {
    /// The message in a field, if it may hold tensors. Numbers are those of
    /// `onnx.proto`.
    fn within(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) | (Self::TrainingInfo, 1 | 2) => Some(Self::Graph),
            (Self::Model, 20) => Some(Self::TrainingInfo),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Function, 7) | (Self::Graph, 1) => Some(Self::Node),
            (Self::Function, 11) | (Self::Node, 5) => Some(Self::Attribute),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Some(Self::Tensor)
            }
            _ => None,
        }
    }

    /// The field that holds a name.
    fn name(self) -> Option<u64> {
        match self {
            Self::Tensor => Some(8),
            Self::Node => Some(3),
            Self::Attribute => Some(1),
            _ => None,
        }
    }
}

/// Why a graph must not be given to ONNX Runtime. A graph that can't be looked through
/// is one.
pub(crate) fn check(graph: &[u8]) -> Result<(), String> {
    walk(Message::Model, graph, "", MAX_DEPTH)
}

/// `owner` is the innermost name around the message.
fn walk(message: Message, bytes: &[u8], owner: &str, depth: usize) -> Result<(), String> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| format!("is nested more than {MAX_DEPTH} deep"))?;
    let fields: Vec<Field<'_>> = Fields(bytes)
        .collect::<Result<_, Malformed>>()
        .map_err(|Malformed| "is no ONNX model, or ends early".to_owned())?;
    let own = message.name();
    let own = own.and_then(|number| fields.iter().find_map(|field| field.bytes(number)));
    let own = own.map(String::from_utf8_lossy);
    let name = own.as_deref().filter(|name| !name.is_empty());
    let name = name.unwrap_or(owner);
    for field in fields {
        match (message, field) {
            // `data_location`, of which 0 is the default: here.
            (Message::Tensor, Field::Number(14, location)) if location != 0 => {
                return Err(format!(
                    "the values of {name:?} lie in another file; expected all of them in this one"
                ));
            }
            (_, Field::Bytes(number, bytes)) => {
                if let Some(inner) = message.within(number) {
                    walk(inner, bytes, name, depth)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::tests::{bytes, number};

    /// In the field `field`, a tensor with its values in another file.
    fn outside(field: u8, name: &str) -> Vec<u8> {
        let entry = [bytes(1, b"location"), bytes(2, b"secret.bin")].concat();
        let tensor = [bytes(8, name.as_bytes()), bytes(13, &entry), number(14, 1)];
        bytes(field, &tensor.concat())
    }

    fn refused(model: &[u8], name: &str) {
        let expected =
            format!("the values of {name:?} lie in another file; expected all of them in this one");
        assert_eq!(check(model), Err(expected));
    }

    #[test]
    fn the_packages_of_this_repository_keep_their_weights() {
        for graph in [
            &include_bytes!("../../../models/tess-lstm/1/model.onnx")[..],
            include_bytes!("../../core/tests/packages/tiny-foreign/1/model.onnx"),
            include_bytes!("../../graph/tests/foreign/keras/model.onnx"),
        ] {
            assert_eq!(check(graph), Ok(()));
        }
    }

    #[test]
    fn an_export_with_its_weights_beside_it_is_refused() {
        let graph = include_bytes!("../../graph/tests/foreign/pytorch/model.onnx");
        let error = check(graph).unwrap_err();
        assert!(error.contains("lie in another file"), "{error}");
    }

    #[test]
    fn tensors_are_found_wherever_they_may_be() {
        refused(&bytes(7, &outside(5, "w")), "w");
        let sparse = [outside(1, "values"), outside(2, "indices")];
        refused(&bytes(7, &bytes(15, &sparse[0])), "values");
        refused(&bytes(7, &bytes(15, &sparse[1])), "indices");
        for attribute in [
            outside(5, "t"),
            outside(10, "t"),
            bytes(6, &outside(5, "t")),
            bytes(11, &outside(5, "t")),
            bytes(22, &outside(1, "t")),
            bytes(23, &outside(2, "t")),
        ] {
            let node = bytes(5, &attribute);
            refused(&bytes(7, &bytes(1, &node)), "t");
            refused(&bytes(25, &bytes(7, &node)), "t");
            refused(&bytes(25, &bytes(11, &attribute)), "t");
            for graph in [1, 2] {
                refused(&bytes(20, &bytes(graph, &bytes(1, &node))), "t");
            }
        }
    }

    #[test]
    fn a_tensor_without_a_name_has_that_of_its_node() {
        let attribute = [bytes(1, b"value"), outside(5, "")].concat();
        let node = [bytes(5, &attribute), bytes(3, b"constant")].concat();
        refused(&bytes(7, &bytes(1, &node)), "value");
        let node = [bytes(5, &outside(5, "")), bytes(3, b"constant")].concat();
        refused(&bytes(7, &bytes(1, &node)), "constant");
    }

    #[test]
    fn what_protobuf_might_read_otherwise_is_refused() {
        let group = [vec![0x0b, 0x0c], bytes(7, &outside(5, "w"))].concat();
        let error = check(&group).unwrap_err();
        assert!(error.contains("no ONNX model"), "{error}");

        // A graph in an attribute of a node, and so on.
        let mut deep = Vec::new();
        for _ in 0..40 {
            deep = bytes(1, &bytes(5, &bytes(6, &deep)));
        }
        let error = check(&bytes(7, &deep)).unwrap_err();
        assert!(error.contains("100 deep"), "{error}");
    }
}
