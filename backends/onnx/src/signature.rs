//! Inputs and outputs of a graph, compared with what the manifest says.

use ort::{
    session::Session,
    value::{Outlet, TensorElementType, ValueType},
};
use ser_backend::RowShape;

/// What ONNX Runtime says of a size that isn't fixed.
const DYNAMIC: i64 = -1;

struct Expected {
    name: &'static str,
    element: TensorElementType,
    /// Behind the rows.
    sizes: Vec<usize>,
}

impl Expected {
    fn floats(name: &'static str, sizes: &[usize]) -> Self {
        Self {
            name,
            element: TensorElementType::Float32,
            sizes: sizes.to_vec(),
        }
    }
}

/// Finds inputs and outputs by their names and compares their shapes.
///
/// An output may leave sizes open that ONNX Runtime can't infer; the first call
/// settles them.
pub(crate) fn check(session: &Session, shape: RowShape) -> Result<(), String> {
    let mut inputs = vec![Expected::floats("features", &[shape.steps, shape.width])];
    let mut outputs = vec![Expected::floats("posteriors", &[shape.classes])];
    if shape.state > 0 {
        inputs.push(Expected::floats("state", &[shape.state]));
        inputs.push(Expected {
            name: "valid_steps",
            element: TensorElementType::Int32,
            sizes: Vec::new(),
        });
        outputs.push(Expected::floats("next_state", &[shape.state]));
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
    let mut there = session.inputs().iter().map(Outlet::name);
    if let Some(other) = there.find(|name| !names.contains(name)) {
        return Err(format!("input {other:?}: expected {}", names.join(", ")));
    }
    for input in &inputs {
        find("input", session.inputs(), input, false)?;
    }
    for output in &outputs {
        find("output", session.outputs(), output, true)?;
    }
    Ok(())
}

fn find(what: &str, there: &[Outlet], expected: &Expected, open: bool) -> Result<(), String> {
    let Expected {
        name,
        element,
        sizes,
    } = expected;
    let wanted: Vec<String> = std::iter::once("rows".to_owned())
        .chain(sizes.iter().map(usize::to_string))
        .collect();
    let wanted = format!(
        "expected {element} [{}], as model.toml says",
        wanted.join(", ")
    );
    let outlet = there
        .iter()
        .find(|outlet| outlet.name() == *name)
        .ok_or_else(|| format!("{what} {name:?} is missing; {wanted}"))?;
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("{what} {name:?} is {}; {wanted}", outlet.dtype()));
    };
    let fits = |(size, expected): (&i64, &usize)| {
        usize::try_from(*size) == Ok(*expected) || open && *size == DYNAMIC
    };
    let same = shape.len() == 1 + sizes.len()
        && shape[0] == DYNAMIC
        && shape[1..].iter().zip(sizes).all(fits);
    if *ty == *element && same {
        return Ok(());
    }
    let found: Vec<String> = shape
        .iter()
        .map(|size| match *size {
            DYNAMIC => "dynamic".to_owned(),
            size => size.to_string(),
        })
        .collect();
    Err(format!(
        "{what} {name:?} is {ty} [{}]; {wanted}",
        found.join(", ")
    ))
}
