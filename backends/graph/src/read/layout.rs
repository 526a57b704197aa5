//! Nodes that only move values.

use super::{
    Reader,
    attributes::Attributes,
    known::{Data, Size, dim, fixed},
    node::NodeReader,
};
use crate::{Dim, GraphError, Op, Shape, ValueId};

/// Nodes that only name the axes anew.
pub(super) const RESHAPES: [&str; 4] = ["Reshape", "Squeeze", "Unsqueeze", "Flatten"];

impl<'a> Reader<'a> {
    /// A node with one input and one output that holds the same numbers, or some
    /// of them, in another order.
    pub(super) fn layout(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Op, GraphError> {
        let kind = node.proto.op_type();
        if kind == "Concat" {
            return self.concat(node, attributes);
        }
        if kind != "Transpose" && !RESHAPES.contains(&kind) {
            return Err(node.fault("is not supported by the LSTM-classifier family"));
        }
        let input = self.value(node, 0)?;
        let dims = self.shape(input).dims().to_vec();
        if kind == "Transpose" {
            let axes = permutation(node, attributes, dims.len())?;
            return Ok(Op::Transpose { input, axes });
        }
        let dims = self.reshaped(node, attributes, &dims)?;
        let shape = node.check(Shape::new(dims))?;
        Ok(Op::Reshape { input, shape })
    }

    /// The axes after a node that only names them anew.
    pub(super) fn reshaped(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
        dims: &[Dim],
    ) -> Result<Vec<Dim>, GraphError> {
        match node.proto.op_type() {
            "Reshape" => {
                if node.check(attributes.int("allowzero", 0))? != 0 {
                    return Err(node.fault("allowzero is not supported; expected 0"));
                }
                let name = node.input(1)?;
                let sizes = node.check(self.constants.sizes(name))?;
                node.check(reshape(dims, &sizes))
            }
            "Squeeze" => {
                let axes = self.optional_ints(node, 1)?;
                node.check(squeeze(dims, axes.as_deref()))
            }
            "Unsqueeze" => {
                let axes = self.ints(node, 1)?;
                node.check(unsqueeze(dims.to_vec(), &axes))
            }
            _ => {
                let at = node.check(attributes.int("axis", 1))?;
                // One more than an axis: everything may lie before the cut.
                let at = if at == dims.len() as i64 {
                    dims.len()
                } else {
                    node.check(axis(at, dims.len()))?
                };
                let (before, after) = dims.split_at(at);
                Ok(vec![
                    node.check(joined(before))?,
                    node.check(joined(after))?,
                ])
            }
        }
    }

    fn concat(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Op, GraphError> {
        let inputs = (0..node.proto.input.len())
            .map(|at| self.value(node, at))
            .collect::<Result<Vec<_>, _>>()?;
        let rank = self.shape(self.value(node, 0)?).rank();
        let axis = node.check(attributes.int("axis", 0).and_then(|at| axis(at, rank)))?;
        Ok(Op::Concat { inputs, axis })
    }

    /// Becomes one slice for each axis that it shortens.
    pub(super) fn slice(&mut self, node: &NodeReader<'a>) -> Result<ValueId, GraphError> {
        let mut input = self.value(node, 0)?;
        let dims = self.shape(input).dims().to_vec();
        for (axis, start, end) in self.cuts(node, &dims)? {
            let slice = Op::Slice {
                input,
                axis,
                start,
                end,
            };
            input = self.builder.one(&node.label, slice)?;
        }
        Ok(input)
    }

    /// What a Slice takes, as axis, start and end, of the axes that it shortens.
    pub(super) fn cuts(
        &mut self,
        node: &NodeReader<'a>,
        dims: &[Dim],
    ) -> Result<Vec<(usize, usize, usize)>, GraphError> {
        let starts = self.ints(node, 1)?;
        let ends = node.input(2)?;
        let ends = node.check(self.constants.sizes(ends))?;
        let axes = self.optional_ints(node, 3)?;
        let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.optional_ints(node, 4)?;
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(node.fault("its starts, ends, axes and steps differ in number"));
        }
        if steps.iter().any(|step| *step != 1) {
            return Err(node.fault(format!("has steps {steps:?}, expected 1")));
        }
        let mut cuts = Vec::new();
        for ((start, end), at) in starts.into_iter().zip(ends).zip(axes) {
            let axis = node.check(axis(at, dims.len()))?;
            let Dim::Fixed(size) = dims[axis] else {
                // The largest numbers of 32 and of 64 bits stand for the end.
                let whole = match end {
                    Size::Rows => true,
                    Size::Number(end) => end >= i64::from(i32::MAX),
                };
                if start == 0 && whole {
                    continue;
                }
                return Err(node.fault("works along the rows"));
            };
            let Size::Number(end) = end else {
                return Err(node.fault("ends at the number of rows"));
            };
            let place = |at: i64| {
                let from_start = if at < 0 {
                    at.saturating_add(size as i64)
                } else {
                    at
                };
                usize::try_from(from_start).unwrap_or(0).min(size)
            };
            let (start, end) = (place(start), place(end));
            if (start, end) != (0, size) {
                cuts.push((axis, start, end));
            }
        }
        let mut axes: Vec<_> = cuts.iter().map(|(axis, ..)| axis).collect();
        axes.sort_unstable();
        if axes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(node.fault("an axis comes twice"));
        }
        Ok(cuts)
    }

    /// One place of an axis: a slice, whose axis goes unless the index is a list.
    pub(super) fn gather(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<ValueId, GraphError> {
        let input = self.value(node, 0)?;
        let mut dims = self.shape(input).dims().to_vec();
        let (axis, at, keeps_axis) = self.place(node, attributes, &dims)?;
        let slice = Op::Slice {
            input,
            axis,
            start: at,
            end: at + 1,
        };
        let slice = self.builder.one(&node.label, slice)?;
        if keeps_axis {
            return Ok(slice);
        }
        dims.remove(axis);
        let label = format!("{}.axis", node.label);
        self.builder.reshape(&label, slice, &dims)
    }

    /// What a Gather takes: axis, place, and whether the axis stays.
    pub(super) fn place(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
        dims: &[Dim],
    ) -> Result<(usize, usize, bool), GraphError> {
        let at = attributes.int("axis", 0);
        let axis = node.check(at.and_then(|at| axis(at, dims.len())))?;
        let name = node.input(1)?;
        let indices = node.check(self.constants.known(name))?;
        let Data::Sizes(places) = &indices.data else {
            return Err(node.fault(format!("constant {name:?} is no list of integers")));
        };
        let [Size::Number(place)] = places[..] else {
            return Err(node.fault(format!("takes {} places, expected one", places.len())));
        };
        let Dim::Fixed(size) = dims[axis] else {
            return Err(node.fault("works along the rows"));
        };
        let from_start = match place {
            ..0 => place.saturating_add(size as i64),
            _ => place,
        };
        match usize::try_from(from_start) {
            Ok(at) if at < size => Ok((axis, at, !indices.dims.is_empty())),
            _ => Err(node.fault(format!("takes place {place} of {size}"))),
        }
    }

    /// Becomes one slice for each output.
    pub(super) fn split(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Vec<ValueId>, GraphError> {
        let input = self.value(node, 0)?;
        let dims = self.shape(input).dims().to_vec();
        let axis = node.check(
            attributes
                .int("axis", 0)
                .and_then(|at| axis(at, dims.len())),
        )?;
        let Dim::Fixed(size) = dims[axis] else {
            return Err(node.fault("works along the rows"));
        };
        let parts = node.proto.output.len().max(1);
        let declared = node.check(attributes.int("num_outputs", parts as i64))?;
        if usize::try_from(declared) != Ok(parts) {
            return Err(node.fault(format!(
                "num_outputs is {declared}, but it has {parts} outputs"
            )));
        }
        let sizes = match self.optional_ints(node, 1)? {
            Some(sizes) => sizes,
            None => {
                // ONNX: equal parts, the last one smaller if need be.
                let part = size.div_ceil(parts);
                let len = |at: usize| part.min(size.saturating_sub(at * part)) as i64;
                (0..parts).map(len).collect()
            }
        };
        let mut start = 0;
        let mut outputs = Vec::new();
        for (at, size) in sizes.iter().enumerate() {
            let size = usize::try_from(*size).map_err(|_| node.fault("has a part below 0"))?;
            let end = size.saturating_add(start);
            let slice = Op::Slice {
                input,
                axis,
                start,
                end,
            };
            outputs.push(self.builder.one(&format!("{}.{at}", node.label), slice)?);
            start = end;
        }
        if start != size {
            return Err(node.fault(format!("its parts hold {start}, expected {size}")));
        }
        Ok(outputs)
    }

    fn ints(&mut self, node: &NodeReader<'_>, at: usize) -> Result<Vec<i64>, GraphError> {
        let name = node.input(at)?;
        node.check(self.constants.ints(name))
    }

    fn optional_ints(
        &mut self,
        node: &NodeReader<'_>,
        at: usize,
    ) -> Result<Option<Vec<i64>>, GraphError> {
        node.optional(at).map(|_| self.ints(node, at)).transpose()
    }
}

/// The axes of a Transpose.
pub(super) fn permutation<'a>(
    node: &NodeReader<'a>,
    attributes: &mut Attributes<'a>,
    rank: usize,
) -> Result<Vec<usize>, GraphError> {
    match node.check(attributes.ints("perm"))? {
        None => Ok((0..rank).rev().collect()),
        Some(axes) => {
            let axes = axes
                .iter()
                .map(|at| axis(*at, rank))
                .collect::<Result<_, _>>();
            node.check(axes)
        }
    }
}

/// Counts an axis from the start; negative ones count from the end.
pub(super) fn axis(at: i64, rank: usize) -> Result<usize, String> {
    let from_start = if at < 0 {
        at.saturating_add(rank as i64)
    } else {
        at
    };
    usize::try_from(from_start)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| format!("axis {at} is not one of the {rank} there are"))
}

/// ONNX's notation: 0 keeps the axis in that place, −1 is what is left.
fn reshape(dims: &[Dim], sizes: &[Size]) -> Result<Vec<Dim>, String> {
    let fault = || format!("shape {sizes:?} doesn't fit the input's");
    let mut output = Vec::new();
    let mut rest = None;
    for (at, size) in sizes.iter().enumerate() {
        output.push(match size {
            Size::Number(0) => *dims.get(at).ok_or_else(fault)?,
            Size::Number(-1) if rest.is_none() => {
                rest = Some(at);
                Dim::Fixed(1)
            }
            size => dim(*size).map_err(|_| fault())?,
        });
    }
    if let Some(at) = rest {
        if dims.contains(&Dim::Rows) && !output.contains(&Dim::Rows) {
            output[at] = Dim::Rows;
        } else {
            let total = fixed(dims).ok_or_else(fault)?;
            let known = fixed(&output).ok_or_else(fault)?;
            output[at] = Dim::Fixed(total / known);
        }
    }
    Ok(output)
}

fn squeeze(dims: &[Dim], axes: Option<&[i64]>) -> Result<Vec<Dim>, String> {
    let Some(axes) = axes else {
        return Ok(dims
            .iter()
            .copied()
            .filter(|dim| *dim != Dim::Fixed(1))
            .collect());
    };
    let axes = axes
        .iter()
        .map(|at| axis(*at, dims.len()))
        .collect::<Result<Vec<_>, _>>()?;
    for at in &axes {
        if dims[*at] != Dim::Fixed(1) {
            return Err(format!("axis {at} has size {}, expected 1", dims[*at]));
        }
    }
    Ok((0..dims.len())
        .filter(|at| !axes.contains(at))
        .map(|at| dims[at])
        .collect())
}

fn unsqueeze(mut dims: Vec<Dim>, axes: &[i64]) -> Result<Vec<Dim>, String> {
    let rank = dims.len() + axes.len();
    let mut axes = axes
        .iter()
        .map(|at| axis(*at, rank))
        .collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    if axes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("an axis comes twice".to_owned());
    }
    for at in axes {
        dims.insert(at, Dim::Fixed(1));
    }
    Ok(dims)
}

/// Several axes as one; the rows must be alone among ones.
fn joined(dims: &[Dim]) -> Result<Dim, String> {
    match (dims.contains(&Dim::Rows), fixed(dims)) {
        (false, Some(size)) => Ok(Dim::Fixed(size)),
        (true, Some(1)) => Ok(Dim::Rows),
        _ => Err("would mix rows with other axes".to_owned()),
    }
}
