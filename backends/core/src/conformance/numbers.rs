//! Checks on what a model computes.

use super::{
    COMPANY_TOLERANCE, Failure, Subject, ensure,
    rows::{Output, OwnedRow, rows},
};
use crate::{BUCKETS, Batch, InputSpec, MAX_ROWS, Model, golden};

/// The backend says that it works here, and the model says what it is.
///
/// # Errors
///
/// What isn't so.
pub fn reports_itself(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.backend.probe()?;
    let model = subject.load()?;
    let info = model.info();
    let (name, shape) = (subject.backend.name(), subject.package.manifest.row_shape());
    ensure(info.backend == name, || {
        format!("info.backend is {:?}, not {name:?}", info.backend)
    })?;
    ensure(info.shape == shape, || {
        format!("info.shape is {:?}, not {shape:?}", info.shape)
    })?;
    let wanted = &subject.options.execution_providers;
    let mut used = info.execution_provider.split(", ");
    ensure(used.all(|used| subject.options.allows(used)), || {
        format!(
            "asked for {wanted:?}, runs on {:?}",
            info.execution_provider
        )
    })?;
    ensure(!info.numerics.is_empty(), || {
        "info.numerics is empty".to_owned()
    })
}

/// The golden rows come out right, and an empty batch is no error.
///
/// # Errors
///
/// The first value that is further off than the package's tolerance.
pub fn golden_rows(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut model = subject.load()?;
    model.infer(&mut subject.batch())?;
    Ok(golden::replay(model.as_mut(), subject.package)?)
}

/// Any number of rows from 1 to the most gives distributions, and those that
/// each row gives alone.
///
/// # Errors
///
/// The first row that is off.
pub fn every_row_count(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut model = subject.load()?;
    let rows = rows(subject.package, MAX_ROWS);
    let alone = each_alone(subject, model.as_mut(), &rows)?;
    for (at, output) in alone.iter().enumerate() {
        let sum: f32 = output.posteriors.iter().sum();
        let finite = output.is_finite();
        ensure(finite && (sum - 1.0).abs() < 1e-3, || {
            format!(
                "row {at}: posteriors {:?} are no distribution",
                output.posteriors
            )
        })?;
    }
    for count in 1..=MAX_ROWS {
        let together = run(model.as_mut(), &mut subject.batch(), &rows[..count])?;
        for (at, (got, expected)) in together.iter().zip(&alone).enumerate() {
            agree(model.as_ref(), got, expected, || {
                format!("row {at} of {count}")
            })?;
        }
    }
    Ok(())
}

/// A row gives the same in every bucket, at every place, among any others.
///
/// # Errors
///
/// The first bucket and place where it doesn't.
pub fn company_changes_nothing(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut model = subject.load()?;
    let rows = rows(subject.package, MAX_ROWS + 1);
    let (probe, others) = (&rows[0], &rows[1..]);
    let expected = &each_alone(subject, model.as_mut(), std::slice::from_ref(probe))?[0];
    let mut batch = subject.batch();
    for bucket in BUCKETS {
        for place in 0..bucket {
            let mut company = others[..bucket].to_vec();
            company.rotate_left(place * 7 % bucket);
            company[place] = probe.clone();
            let got = &run(model.as_mut(), &mut batch, &company)?[place];
            agree(model.as_ref(), got, expected, || {
                format!("place {place} of bucket {bucket}")
            })?;
        }
    }
    Ok(())
}

/// A row of NaN or of enormous numbers leaves the others as they are.
///
/// # Errors
///
/// The first row that another one changed.
pub fn one_bad_row_spoils_itself(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut model = subject.load()?;
    for bucket in BUCKETS.into_iter().filter(|bucket| *bucket > 1) {
        let good = rows(subject.package, bucket);
        let mut batch = subject.batch();
        let expected = run(model.as_mut(), &mut batch, &good)?;
        for (bad, value) in [
            (0, f32::NAN),
            (bucket / 2, f32::MAX),
            (bucket - 1, f32::INFINITY),
        ] {
            let mut mixed = good.clone();
            mixed[bad].features.fill(value);
            mixed[bad].state.fill(value);
            let got = run(model.as_mut(), &mut batch, &mixed)?;
            for at in (0..bucket).filter(|at| *at != bad) {
                agree(model.as_ref(), &got[at], &expected[at], || {
                    format!("row {at} of {bucket} beside a row of {value}")
                })?;
            }
        }
        let after = run(model.as_mut(), &mut batch, &good)?;
        for (at, (got, expected)) in after.iter().zip(&expected).enumerate() {
            agree(model.as_ref(), got, expected, || {
                format!("row {at} of {bucket} in the call after a bad row")
            })?;
        }
    }
    Ok(())
}

/// State comes in and goes out row by row: streams that share batches in changing
/// order get what each gets alone. Windowed models have no state.
///
/// # Errors
///
/// The first stream whose state went elsewhere.
pub fn state_travels_with_its_row(subject: &Subject<'_>) -> Result<(), Failure> {
    let InputSpec::Recurrent { steps, state, .. } = subject.package.manifest.input else {
        return Ok(());
    };
    let mut model = subject.load()?;
    let (streams, hops) = (8, 5);
    let mut pool = rows(subject.package, streams * hops);
    pool.iter_mut().for_each(|row| row.valid_steps = steps);
    let first = |row: &OwnedRow| OwnedRow {
        state: vec![0.0; state],
        ..row.clone()
    };
    let mut alone: Vec<Output> = Vec::new();
    for stream in 0..streams {
        let mut last: Option<Output> = None;
        for hop in 0..hops {
            let mut row = first(&pool[stream * hops + hop]);
            if let Some(last) = &last {
                row.state.clone_from(&last.next_state);
            }
            last = each_alone(subject, model.as_mut(), &[row])?.pop();
        }
        alone.extend(last);
    }
    let mut states = vec![vec![0.0; state]; streams];
    let mut batch = subject.batch();
    let mut outputs = Vec::new();
    for hop in 0..hops {
        let order: Vec<usize> = (0..streams).map(|at| (at * 3 + hop) % streams).collect();
        let shared: Vec<OwnedRow> = order
            .iter()
            .map(|stream| OwnedRow {
                state: states[*stream].clone(),
                ..pool[stream * hops + hop].clone()
            })
            .collect();
        let got = run(model.as_mut(), &mut batch, &shared)?;
        for (stream, output) in order.iter().zip(&got) {
            ensure(output.next_state != states[*stream], || {
                format!("stream {stream}: hop {hop} leaves the state as it was")
            })?;
            states[*stream].clone_from(&output.next_state);
        }
        outputs = order.into_iter().zip(got).collect();
    }
    for (stream, got) in outputs {
        agree(model.as_ref(), &got, &alone[stream], || {
            format!("stream {stream}")
        })?;
    }
    Ok(())
}

/// What lies behind the valid steps of a row changes nothing. Windowed models
/// have no such steps.
///
/// # Errors
///
/// The first row whose padding shows.
pub fn padding_changes_nothing(subject: &Subject<'_>) -> Result<(), Failure> {
    let InputSpec::Recurrent { steps, width, .. } = subject.package.manifest.input else {
        return Ok(());
    };
    let mut model = subject.load()?;
    let mut batch = subject.batch();
    let mut rows = rows(subject.package, steps);
    let padded = |rows: &mut [OwnedRow], value: f32| {
        for row in rows {
            row.features[row.valid_steps * width..].fill(value);
        }
    };
    padded(&mut rows, 0.0);
    let expected = run_all(model.as_mut(), &mut batch, &rows)?;
    for value in [1e3, -7.5, f32::NAN] {
        padded(&mut rows, value);
        let got = run_all(model.as_mut(), &mut batch, &rows)?;
        for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
            agree(model.as_ref(), got, expected, || {
                format!("{} valid steps, then {value}", rows[at].valid_steps)
            })?;
        }
    }
    Ok(())
}

/// Another instance, on another thread, outlives the first and gives the same.
///
/// # Errors
///
/// The first row that differs.
pub fn instances_agree(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut first = subject.load()?;
    let mut second = first.instance()?;
    ensure(first.info() == second.info(), || {
        "instances report different things".to_owned()
    })?;
    let rows = rows(subject.package, 5);
    let expected = run(first.as_mut(), &mut subject.batch(), &rows)?;
    drop(first);
    let mut batch = subject.batch();
    let (model, got) = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let got = run(second.as_mut(), &mut batch, &rows);
            (second, got)
        });
        worker.join()
    })
    .map_err(|_| Failure::Contract("an instance panicked on another thread".to_owned()))?;
    for (at, (got, expected)) in got?.iter().zip(&expected).enumerate() {
        agree(model.as_ref(), got, expected, || {
            format!("row {at} of the second instance")
        })?;
    }
    Ok(())
}

fn run(
    model: &mut dyn Model,
    batch: &mut Batch,
    rows: &[OwnedRow],
) -> Result<Vec<Output>, Failure> {
    batch.clear();
    for row in rows {
        batch.push(row.row());
    }
    model.infer(batch)?;
    let output = |at| Output {
        posteriors: batch.posteriors(at).to_vec(),
        next_state: batch.next_state(at).to_vec(),
    };
    Ok((0..rows.len()).map(output).collect())
}

/// More rows than go into one batch.
fn run_all(
    model: &mut dyn Model,
    batch: &mut Batch,
    rows: &[OwnedRow],
) -> Result<Vec<Output>, Failure> {
    let mut outputs = Vec::new();
    for rows in rows.chunks(MAX_ROWS) {
        outputs.extend(run(model, batch, rows)?);
    }
    Ok(outputs)
}

fn each_alone(
    subject: &Subject<'_>,
    model: &mut dyn Model,
    rows: &[OwnedRow],
) -> Result<Vec<Output>, Failure> {
    let mut batch = subject.batch();
    let mut outputs = Vec::new();
    for row in rows {
        outputs.extend(run(model, &mut batch, std::slice::from_ref(row))?);
    }
    Ok(outputs)
}

/// Equal bits where the model promises them, else within the tolerance.
fn agree(
    model: &dyn Model,
    got: &Output,
    expected: &Output,
    what: impl Fn() -> String,
) -> Result<(), Failure> {
    if model.info().batch_invariant {
        return ensure(got.same_bits(expected), || {
            format!(
                "{}: other bits, {} off, though batch-invariant",
                what(),
                got.distance(expected)
            )
        });
    }
    let distance = got.distance(expected);
    ensure(distance <= COMPANY_TOLERANCE, || {
        format!(
            "{}: {distance} off, expected at most {COMPANY_TOLERANCE}",
            what()
        )
    })
}
