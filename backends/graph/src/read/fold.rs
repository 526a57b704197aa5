//! Nodes without input: their outputs are constants, too.

use super::{
    Reader,
    attributes::Attributes,
    known::{Data, Known, Size, dim},
    layout::{RESHAPES, axis, permutation},
    node::NodeReader,
};
use crate::{
    Arithmetic, Dim, GraphError,
    onnx::{attribute_proto::AttributeType, tensor_proto::DataType},
};

/// Operators that are computed here when all of their inputs are constants.
const FOLDED: [&str; 12] = [
    "Add",
    "Cast",
    "Concat",
    "ConstantOfShape",
    "Div",
    "Expand",
    "Gather",
    "Identity",
    "Mul",
    "Slice",
    "Sub",
    "Transpose",
];

impl<'a> Reader<'a> {
    /// Whether a node's output is known before any row is.
    pub(super) fn folds(&self, node: &NodeReader<'a>) -> bool {
        let kind = node.proto.op_type();
        let mut inputs = node.proto.input.iter().filter(|name| !name.is_empty());
        kind == "Shape"
            || ((FOLDED.contains(&kind) || RESHAPES.contains(&kind))
                && !node.proto.input.is_empty()
                && inputs.all(|name| self.constants.has(name)))
    }

    pub(super) fn fold(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Known, GraphError> {
        let kind = match node.proto.op_type() {
            "Shape" => return self.shape_of(node, attributes),
            "Concat" => return self.fold_concat(node, attributes),
            "ConstantOfShape" => return self.fill(node, attributes),
            "Add" => Arithmetic::Add,
            "Sub" => Arithmetic::Sub,
            "Mul" => Arithmetic::Mul,
            "Div" => Arithmetic::Div,
            _ => {
                let input = self.known(node, 0)?;
                return self.fold_one(node, attributes, input);
            }
        };
        let (left, right) = (self.known(node, 0)?, self.known(node, 1)?);
        node.check(Known::combine(kind, &left, &right))
    }

    fn fold_one(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
        input: Known,
    ) -> Result<Known, GraphError> {
        match node.proto.op_type() {
            "Identity" => Ok(input),
            "Cast" => {
                let to = node.check(attributes.int("to", 0))?;
                let to = i32::try_from(to).ok().and_then(|to| to.try_into().ok());
                match (&input.data, to) {
                    (Data::Sizes(_), Some(DataType::Int32 | DataType::Int64))
                    | (Data::Floats(_) | Data::Fill(_), Some(DataType::Float)) => Ok(input),
                    _ => Err(node.fault("casts between integers and float32")),
                }
            }
            "Expand" => {
                let name = node.input(1)?;
                let sizes = node.check(self.constants.sizes(name))?;
                node.check(input.expand(&sizes))
            }
            "Gather" => {
                let (axis, at, keeps_axis) = self.place(node, attributes, &input.dims)?;
                let mut dims = input.dims.clone();
                let one = node.check(input.slice(axis, at, at + 1))?;
                if keeps_axis {
                    return Ok(one);
                }
                dims.remove(axis);
                Ok(Known {
                    dims,
                    data: one.data,
                })
            }
            "Slice" => {
                let cuts = self.cuts(node, &input.dims)?;
                let cut = |input: Known, (axis, start, end)| input.slice(axis, start, end);
                node.check(cuts.into_iter().try_fold(input, cut))
            }
            "Transpose" => {
                let rank = input.dims.len();
                let axes = permutation(node, attributes, rank)?;
                let mut seen = axes.clone();
                seen.sort_unstable();
                if !seen.into_iter().eq(0..rank) {
                    return Err(node.fault(format!("perm {axes:?} is no permutation")));
                }
                Ok(input.transpose(&axes))
            }
            _ => {
                let dims = self.reshaped(node, attributes, &input.dims)?;
                node.check(input.reshape(dims))
            }
        }
    }

    /// The sizes of the axes of a value or of a constant.
    fn shape_of(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Known, GraphError> {
        let dims = if self.constants.has(node.input(0)?) {
            self.known(node, 0)?.dims
        } else {
            let input = self.value(node, 0)?;
            self.shape(input).dims().to_vec()
        };
        let rank = dims.len() as i64;
        let place = |at: i64| {
            let from_start = if at < 0 { at.saturating_add(rank) } else { at };
            from_start.clamp(0, rank) as usize
        };
        let start = place(node.check(attributes.int("start", 0))?);
        let end = place(node.check(attributes.int("end", rank))?);
        if start >= end {
            return Err(node.fault(format!("takes axes {start}..{end}, expected at least one")));
        }
        let sizes = dims[start..end].iter().copied().map(Size::from);
        Ok(Known::list(sizes.collect()))
    }

    fn fold_concat(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Known, GraphError> {
        let inputs = (0..node.proto.input.len())
            .map(|at| self.known(node, at))
            .collect::<Result<Vec<_>, _>>()?;
        let rank = inputs.first().map_or(0, |input| input.dims.len());
        let axis = node.check(attributes.int("axis", 0).and_then(|at| axis(at, rank)))?;
        node.check(Known::concat(inputs, axis))
    }

    /// One number under a computed shape.
    fn fill(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Known, GraphError> {
        let name = node.input(0)?;
        let sizes = node.check(self.constants.sizes(name))?;
        let dims = sizes.into_iter().map(dim).collect::<Result<Vec<Dim>, _>>();
        let dims = node.check(dims)?;
        let value = node.check(attributes.take("value", AttributeType::Tensor))?;
        let value = match value.and_then(|attribute| attribute.t.as_ref()) {
            None => 0.0,
            Some(tensor) => node.check(self.constants.one(tensor))?,
        };
        Ok(Known {
            dims,
            data: Data::Fill(value),
        })
    }

    fn known(&mut self, node: &NodeReader<'a>, at: usize) -> Result<Known, GraphError> {
        let name = node.input(at)?;
        node.check(self.constants.known(name))
    }
}
