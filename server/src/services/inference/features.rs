//! Rows of features in, posteriors out.

use std::time::{Duration, Instant};

use super::{
    inputs::{Inputs, Shape},
    outputs::{Output, Outputs},
};
use crate::{
    Error,
    batcher::{Pace, PendingRow},
    context::Context,
    models::ServedModel,
    session::{Account, Turn},
};

/// Computes the rows, at the pace of a recording. The outputs have as many.
///
/// # Errors
///
/// [`Error::Invalid`] of the tensors, [`Error::NotServing`] and
/// [`Error::InferenceFailed`].
pub(super) async fn infer(
    context: &Context,
    account: &Account,
    model: &ServedModel,
    mut inputs: Inputs,
) -> Result<Outputs, Error> {
    let shape = model.info().shape;
    let features = inputs.require("features")?;
    let of_features =
        features.shape(&[("steps", Some(shape.steps)), ("width", Some(shape.width))])?;
    let rows = of_features.rows;
    let features = features.floats(of_features)?;
    let states = match inputs.take("state") {
        None => None,
        Some(state) => {
            let of_state = state.shape(&[("state", Some(shape.state))])?;
            same_rows("state", of_state, rows)?;
            Some(state.floats(of_state)?)
        }
    };
    let valid_steps = valid_steps(&mut inputs, rows, shape.steps)?;

    let mut turn = Turn::new(context.admission.pressure(), Pace::Bulk);
    let mut submitter = model.batcher().submitter(Pace::Bulk);
    let mut pending: Vec<PendingRow> = Vec::with_capacity(rows);
    for row in 0..rows {
        turn.comes().await;
        let mut buffers = model.row_buffers();
        let width = shape.features();
        buffers
            .features
            .copy_from_slice(&features[row * width..][..width]);
        if let Some(states) = &states {
            buffers
                .state
                .copy_from_slice(&states[row * shape.state..][..shape.state]);
        }
        buffers.valid_steps = valid_steps[row];
        let span = account.span().and_then(|call| call.window(Instant::now()));
        let submitted = submitter.submit(buffers, span).await;
        pending.push(submitted.map_err(|error| error.of_model(model.id()))?);
        turn.taken(Duration::ZERO);
    }
    let mut posteriors = Vec::with_capacity(rows * shape.classes);
    let mut next_states = Vec::with_capacity(rows * shape.state);
    for row in pending {
        let row = row.await.map_err(|error| error.of_model(model.id()))?;
        turn.taken(row.share);
        posteriors.extend(row.posteriors);
        next_states.extend(row.next_state);
    }
    let tensors = vec![
        ("posteriors", Output::Floats(posteriors)),
        ("next_state", Output::Floats(next_states)),
    ];
    Ok(Outputs { rows, tensors })
}

/// How many steps of each row hold audio, by default all.
fn valid_steps(inputs: &mut Inputs, rows: usize, steps: usize) -> Result<Vec<usize>, Error> {
    let Some(input) = inputs.take("valid_steps") else {
        return Ok(vec![steps; rows]);
    };
    let shape = input.shape(&[("1", Some(1))])?;
    same_rows("valid_steps", shape, rows)?;
    let checked = input
        .integers(shape)?
        .into_iter()
        .enumerate()
        .map(|(row, found)| {
            let valid = usize::try_from(found).ok();
            valid
                .filter(|valid| (1..=steps).contains(valid))
                .ok_or_else(|| {
                    Error::invalid(
                        "inputs.valid_steps",
                        format!("{found} in row {row}"),
                        format!("1 to {steps}"),
                    )
                })
        });
    checked.collect()
}

fn same_rows(name: &str, shape: Shape, rows: usize) -> Result<(), Error> {
    if shape.rows == rows {
        return Ok(());
    }
    Err(Error::invalid(
        format!("inputs.{name}.shape"),
        format!("{} rows", shape.rows),
        format!("{rows}, as of features"),
    ))
}
