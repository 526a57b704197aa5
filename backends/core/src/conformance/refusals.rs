//! Checks that broken packages are refused.

use super::{Failure, Subject, ensure};
use crate::{BackendError, DeviceOptions, InputSpec, ModelPackage};

/// A graph is cut at every tenth byte, or further apart where that would be more than
/// [`MOST_CUTS`].
const CUT_STEP: usize = 10;

/// Cuts of a graph at most, but for those of its last bytes: each is a load.
const MOST_CUTS: usize = 2_000;

/// A provider that nobody knows is a wrong setting, and not replaced by another.
///
/// # Errors
///
/// When the model loads all the same.
pub fn refuses_unknown_providers(subject: &Subject<'_>) -> Result<(), Failure> {
    let options = DeviceOptions {
        execution_providers: vec!["no-such-provider".to_owned()],
        ..subject.options.clone()
    };
    match subject.backend.load(subject.package, &options) {
        Err(BackendError::Settings { reason, .. }) => {
            ensure(reason.contains("no-such-provider"), || {
                format!("the refusal doesn't name the provider: {reason}")
            })
        }
        Err(other) => Err(Failure::Contract(format!(
            "expected Settings, got: {other}"
        ))),
        Ok(_) => Err(Failure::Contract(
            "loads on a provider that there isn't".to_owned(),
        )),
    }
}

/// A graph that ends early is refused, wherever it is cut.
///
/// # Errors
///
/// When one loads, or the error is none of the package's.
pub fn refuses_truncated_graphs(subject: &Subject<'_>) -> Result<(), Failure> {
    let graph = &subject.package.graph;
    let step = CUT_STEP.max(graph.len().div_ceil(MOST_CUTS));
    for end in (0..graph.len())
        .step_by(step)
        .chain(graph.len().saturating_sub(8)..graph.len())
    {
        // An empty graph is refused by the package already.
        let cut = ModelPackage {
            graph: graph[..end.max(1)].into(),
            ..subject.package.clone()
        };
        refuses(subject, &cut, || {
            format!("{end} of {} bytes of a graph", graph.len())
        })?;
    }
    Ok(())
}

/// A manifest of another shape than the graph's is refused.
///
/// # Errors
///
/// When one loads, or the error is none of the package's.
pub fn refuses_other_shapes(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut label = subject.package.clone();
    label.manifest.labels.push("one too many".to_owned());
    for row in &mut label.golden.rows {
        row.posteriors.push(0.0);
    }
    let mut width = subject.package.clone();
    match &mut width.manifest.input {
        InputSpec::Windowed { width, .. } | InputSpec::Recurrent { width, .. } => *width += 1,
    }
    let features = width.manifest.row_shape().features();
    width
        .golden
        .rows
        .iter_mut()
        .for_each(|row| row.features.resize(features, 0.0));
    let mut wrong = vec![("number of labels", label), ("width", width)];
    if let InputSpec::Recurrent {
        steps,
        width,
        state,
    } = subject.package.manifest.input
    {
        let mut other = subject.package.clone();
        other.manifest.input = InputSpec::Recurrent {
            steps,
            width,
            state: state + 1,
        };
        for row in &mut other.golden.rows {
            row.state.push(0.0);
            row.next_state.push(0.0);
        }
        wrong.push(("size of the state", other));
    }
    for (what, package) in wrong {
        refuses(subject, &package, || {
            format!("a package with another {what}")
        })?;
    }
    Ok(())
}

/// A broken package is refused for what it is, not for want of a device or a library.
fn refuses(
    subject: &Subject<'_>,
    broken: &ModelPackage,
    what: impl Fn() -> String,
) -> Result<(), Failure> {
    match subject.backend.load(broken, subject.options) {
        Err(
            BackendError::Unsupported { .. }
            | BackendError::Package(_)
            | BackendError::Golden { .. },
        ) => Ok(()),
        Err(other) => Err(Failure::Contract(format!(
            "{}: expected Unsupported, Package or Golden, got: {other}",
            what()
        ))),
        Ok(_) => Err(Failure::Contract(format!("loads {}", what()))),
    }
}

/// A golden row that the model doesn't give is an error that names it.
///
/// # Errors
///
/// When the package loads, or the error is another.
pub fn refuses_wrong_golden_rows(subject: &Subject<'_>) -> Result<(), Failure> {
    let at = subject.package.golden.rows.len() - 1;
    let mut wrong = subject.package.clone();
    let tolerance = wrong.manifest.precision.tolerance();
    wrong.golden.rows[at].posteriors[0] += 2.0 * tolerance;
    match subject.backend.load(&wrong, subject.options) {
        Err(BackendError::Golden { what, .. }) => {
            ensure(what.contains(&format!("row {at}")), || {
                format!("the refusal doesn't name row {at}: {what}")
            })
        }
        Err(other) => Err(Failure::Contract(format!("expected Golden, got: {other}"))),
        Ok(_) => Err(Failure::Contract(
            "loads with a wrong golden row".to_owned(),
        )),
    }
}

/// A node that there isn't is an error that names it. The package's graph must
/// hold a Softmax.
///
/// # Errors
///
/// When the package loads, or the error doesn't name the node.
pub fn refuses_unsupported_nodes(subject: &Subject<'_>) -> Result<(), Failure> {
    let (known, unknown) = (b"Softmax", b"Softmix");
    let mut graph = subject.package.graph.to_vec();
    let places: Vec<usize> = (0..graph.len())
        .filter(|at| graph[*at..].starts_with(known))
        .collect();
    ensure(!places.is_empty(), || {
        "the package's graph holds no Softmax".to_owned()
    })?;
    for at in places {
        graph[at..at + known.len()].copy_from_slice(unknown);
    }
    let broken = ModelPackage {
        graph: graph.into(),
        ..subject.package.clone()
    };
    match subject.backend.load(&broken, subject.options) {
        Err(error) => ensure(error.to_string().contains("Softmix"), || {
            format!("the refusal doesn't name the node: {error}")
        }),
        Ok(_) => Err(Failure::Contract(
            "loads a graph with an unknown node".to_owned(),
        )),
    }
}
