//! Shape inference: the one place that says whether a node fits its inputs.

use crate::{Arithmetic, Constant, Dim, Element, Lstm, Op, Shape, Value, ValueId};

/// The values that a node gives, with the endings of their names, or why it
/// can't stand on its inputs.
pub(crate) fn infer(op: &Op, values: &[Value]) -> Result<Vec<(&'static str, Shape)>, String> {
    let float = |id: &ValueId| -> Result<&Shape, String> {
        let value = values
            .get(id.0)
            .ok_or("input is not a value of this graph")?;
        match value.element {
            Element::F32 => Ok(&value.shape),
            Element::I32 => Err(format!("input {:?} is int32, expected float32", value.name)),
        }
    };
    let shape = match op {
        Op::Lstm(lstm) => return infer_lstm(lstm, values, float),
        Op::Dense {
            input,
            weight,
            bias,
        } => dense(float(input)?, weight, bias.as_deref())?,
        Op::Activation(_, input) => float(input)?.clone(),
        Op::Softmax(input) => {
            let shape = float(input)?;
            shape
                .last()
                .ok_or_else(|| format!("softmax over the rows of {shape}"))?;
            shape.clone()
        }
        Op::Arithmetic {
            kind,
            input,
            constant,
            constant_first,
        } => arithmetic(float(input)?, *kind, constant, *constant_first)?,
        Op::Transpose { input, axes } => transpose(float(input)?, axes)?,
        Op::Reshape { input, shape } => reshape(float(input)?, shape)?,
        Op::Concat { inputs, axis } => {
            let shapes = inputs.iter().map(float).collect::<Result<Vec<_>, _>>()?;
            concat(&shapes, *axis)?
        }
        Op::Slice {
            input,
            axis,
            start,
            end,
        } => slice(float(input)?, *axis, *start, *end)?,
    };
    Ok(vec![("", shape)])
}

fn infer_lstm<'a>(
    lstm: &Lstm,
    values: &[Value],
    float: impl Fn(&ValueId) -> Result<&'a Shape, String>,
) -> Result<Vec<(&'static str, Shape)>, String> {
    let shape = float(&lstm.input)?;
    let [Dim::Fixed(steps), Dim::Rows, Dim::Fixed(width)] = *shape.dims() else {
        return Err(format!(
            "input X has shape {shape}, expected [steps, rows, width]"
        ));
    };
    let weights = &lstm.weights;
    if width != weights.width {
        return Err(format!(
            "input X has shape {shape}, but the weights are for a width of {}",
            weights.width
        ));
    }
    let one = Dim::Fixed(1);
    let hidden = Dim::Fixed(weights.hidden);
    let state = Shape::new(vec![one, Dim::Rows, hidden])?;
    for (name, initial) in [("initial_h", lstm.initial_h), ("initial_c", lstm.initial_c)] {
        if let Some(initial) = initial {
            let shape = float(&initial)?;
            if *shape != state {
                return Err(format!("{name} has shape {shape}, expected {state}"));
            }
        }
    }
    if let Some(id) = lstm.valid_steps {
        let value = values
            .get(id.0)
            .ok_or("sequence_lens is not a value of this graph")?;
        if value.element != Element::I32 || value.shape.dims() != [Dim::Rows] {
            return Err(format!(
                "sequence_lens is {} {}, expected int32 [rows]",
                value.element, value.shape
            ));
        }
    }
    // The four gates of all steps are the largest thing that running it needs.
    Shape::new(vec![Dim::Fixed(steps), Dim::Rows, Dim::Fixed(4), hidden])?;
    let all = Shape::new(vec![Dim::Fixed(steps), one, Dim::Rows, hidden])?;
    Ok(vec![(".all", all), (".h", state.clone()), (".c", state)])
}

fn dense(input: &Shape, weight: &Constant, bias: Option<&[f32]>) -> Result<Shape, String> {
    let [inputs, outputs] = weight.dims[..] else {
        return Err(format!(
            "the weight has shape {:?}, expected two axes",
            weight.dims
        ));
    };
    if input.last() != Some(inputs) {
        return Err(format!(
            "the input has shape {input}, but the weight {:?} needs {inputs} values last",
            weight.dims
        ));
    }
    if let Some(bias) = bias {
        if bias.len() != outputs {
            return Err(format!(
                "the bias has {} values, expected {outputs}",
                bias.len()
            ));
        }
        if input.rank() != 2 {
            return Err(format!(
                "the input has shape {input}, expected [rows, {inputs}]"
            ));
        }
    }
    let mut dims = input.dims().to_vec();
    dims.pop();
    dims.push(Dim::Fixed(outputs));
    Shape::new(dims)
}

fn arithmetic(
    input: &Shape,
    kind: Arithmetic,
    constant: &Constant,
    constant_first: bool,
) -> Result<Shape, String> {
    let constant_dims = &constant.dims;
    let fits = constant_dims.len() <= input.rank()
        && constant_dims
            .iter()
            .rev()
            .zip(input.dims().iter().rev())
            .all(|(size, dim)| *size == 1 || Dim::Fixed(*size) == *dim);
    if !fits {
        return Err(format!(
            "a constant of shape {constant_dims:?} doesn't broadcast to {input} (1 along rows)"
        ));
    }
    if kind == Arithmetic::Div && !constant_first && constant.values.contains(&0.0) {
        return Err("divides by a constant that holds zero".to_owned());
    }
    Ok(input.clone())
}

fn transpose(input: &Shape, axes: &[usize]) -> Result<Shape, String> {
    let mut seen = axes.to_vec();
    seen.sort_unstable();
    if !seen.into_iter().eq(0..input.rank()) {
        return Err(format!(
            "perm {axes:?} is no permutation of the axes of {input}"
        ));
    }
    Shape::new(axes.iter().map(|axis| input.dims()[*axis]).collect())
}

fn reshape(input: &Shape, output: &Shape) -> Result<Shape, String> {
    let around = |shape: &Shape| -> (usize, usize) {
        let sizes = shape.sizes(1);
        let (before, after) = sizes.split_at(shape.rows_axis());
        (before.iter().product(), after.iter().product())
    };
    if around(input) != around(output) {
        return Err(format!(
            "reshaping {input} to {output} would not keep rows apart"
        ));
    }
    Ok(output.clone())
}

fn concat(inputs: &[&Shape], axis: usize) -> Result<Shape, String> {
    let first = *inputs
        .first()
        .ok_or("has no inputs, expected at least one")?;
    let mut total = 0_usize;
    for shape in inputs {
        let size = fixed_axis(shape, axis)?;
        let mut dims = shape.dims().to_vec();
        dims[axis] = first.dims()[axis];
        if dims != first.dims() {
            return Err(format!("can't join {first} and {shape} along axis {axis}"));
        }
        total = total.saturating_add(size);
    }
    with_axis(first, axis, total)
}

fn slice(input: &Shape, axis: usize, start: usize, end: usize) -> Result<Shape, String> {
    let size = fixed_axis(input, axis)?;
    if start >= end || end > size {
        return Err(format!("takes {start}..{end} of axis {axis} of {input}"));
    }
    with_axis(input, axis, end - start)
}

fn fixed_axis(shape: &Shape, axis: usize) -> Result<usize, String> {
    match shape.dims().get(axis) {
        Some(Dim::Fixed(size)) => Ok(*size),
        Some(Dim::Rows) => Err(format!("works along the rows of {shape}")),
        None => Err(format!("{shape} has no axis {axis}")),
    }
}

fn with_axis(shape: &Shape, axis: usize, size: usize) -> Result<Shape, String> {
    let mut dims = shape.dims().to_vec();
    dims[axis] = Dim::Fixed(size);
    Shape::new(dims)
}
