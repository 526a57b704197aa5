//! Nodes that only move values.

use super::{Reader, attributes::Attributes, node::NodeReader};
use crate::{Dim, GraphError, Op, Shape, ValueId};

impl<'a> Reader<'a> {
    pub(super) fn layout(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Op, GraphError> {
        let kind = node.proto.op_type();
        if kind == "Concat" {
            return self.concat(node, attributes);
        }
        if !matches!(
            kind,
            "Transpose" | "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" | "Slice"
        ) {
            return Err(node.fault("is not supported by the LSTM-classifier family"));
        }
        let input = self.value(node, 0)?;
        let dims = self.shape(input).dims().to_vec();
        let dims = match kind {
            "Transpose" => return transpose(node, attributes, input, dims.len()),
            "Slice" => return self.slice(node, input, &dims),
            "Reshape" => {
                if node.check(attributes.int("allowzero", 0))? != 0 {
                    return Err(node.fault("allowzero is not supported; expected 0"));
                }
                let sizes = self.ints(node, 1)?;
                node.check(reshape(&dims, &sizes))?
            }
            "Squeeze" => {
                let axes = self.optional_ints(node, 1)?;
                node.check(squeeze(&dims, axes.as_deref()))?
            }
            "Unsqueeze" => {
                let axes = self.ints(node, 1)?;
                node.check(unsqueeze(dims, &axes))?
            }
            _ => {
                let at = node.check(attributes.int("axis", 1))?;
                // One more than an axis: everything may lie before the cut.
                let at = if at == dims.len() as i64 {
                    dims.len()
                } else {
                    node.check(axis(at, dims.len()))?
                };
                vec![
                    node.check(joined(&dims[..at]))?,
                    node.check(joined(&dims[at..]))?,
                ]
            }
        };
        let shape = node.check(Shape::new(dims))?;
        Ok(Op::Reshape { input, shape })
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

    fn slice(
        &mut self,
        node: &NodeReader<'a>,
        input: ValueId,
        dims: &[Dim],
    ) -> Result<Op, GraphError> {
        let starts = self.ints(node, 1)?;
        let ends = self.ints(node, 2)?;
        let axes = self.optional_ints(node, 3)?.unwrap_or_else(|| vec![0]);
        let steps = self.optional_ints(node, 4)?.unwrap_or_else(|| vec![1]);
        let ([start], [end], [at], [1]) = (&starts[..], &ends[..], &axes[..], &steps[..]) else {
            return Err(node.fault("expected one axis and a step of 1"));
        };
        let axis = node.check(axis(*at, dims.len()))?;
        let Dim::Fixed(size) = dims[axis] else {
            return Err(node.fault("works along the rows"));
        };
        let place = |at: i64| {
            let from_start = if at < 0 {
                at.saturating_add(size as i64)
            } else {
                at
            };
            usize::try_from(from_start).unwrap_or(0).min(size)
        };
        Ok(Op::Slice {
            input,
            axis,
            start: place(*start),
            end: place(*end),
        })
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

fn transpose<'a>(
    node: &NodeReader<'a>,
    attributes: &mut Attributes<'a>,
    input: ValueId,
    rank: usize,
) -> Result<Op, GraphError> {
    let axes = match node.check(attributes.ints("perm"))? {
        None => (0..rank).rev().collect(),
        Some(axes) => {
            let axes = axes
                .iter()
                .map(|at| axis(*at, rank))
                .collect::<Result<_, _>>();
            node.check(axes)?
        }
    };
    Ok(Op::Transpose { input, axes })
}

/// Counts an axis from the start; negative ones count from the end.
fn axis(at: i64, rank: usize) -> Result<usize, String> {
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
fn reshape(dims: &[Dim], sizes: &[i64]) -> Result<Vec<Dim>, String> {
    let fault = || format!("shape {sizes:?} doesn't fit the input's");
    let mut output = Vec::new();
    let mut rest = None;
    for (at, size) in sizes.iter().enumerate() {
        output.push(match size {
            0 => *dims.get(at).ok_or_else(fault)?,
            -1 if rest.is_none() => {
                rest = Some(at);
                Dim::Fixed(1)
            }
            size => Dim::Fixed(usize::try_from(*size).map_err(|_| fault())?),
        });
    }
    if let Some(at) = rest {
        if output.contains(&Dim::Rows) {
            let total = fixed(dims).ok_or_else(fault)?;
            let known = fixed(&output)
                .filter(|known| *known > 0)
                .ok_or_else(fault)?;
            output[at] = Dim::Fixed(total / known);
        } else {
            output[at] = Dim::Rows;
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

fn fixed(dims: &[Dim]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |product, dim| match dim {
        Dim::Rows => Some(product),
        Dim::Fixed(size) => product.checked_mul(*size),
    })
}
