//! `cargo xtask verify`: what takes too long for every commit.

use std::path::PathBuf;

use crate::stopwatch::Stopwatch;
use crate::tally::Tally;
use crate::{
    Error, Workspace, ci, deny, deploy, foreign, fuzz, onnxruntime, prometheus, test, triton,
};

/// One thing that is verified.
struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<(), Error>,
}

/// What there is beside the tests, in order.
const STEPS: &[Step] = &[
    Step {
        name: "exports",
        run: foreign::verify,
    },
    Step {
        name: "triton",
        run: triton::verify,
    },
    Step {
        name: "prometheus",
        run: prometheus::verify,
    },
    Step {
        name: "deploy",
        run: deploy::run,
    },
    Step {
        name: "deny",
        run: deny::verify,
    },
    Step {
        name: "fuzz",
        run: fuzz::shortly,
    },
    Step {
        name: "bench",
        run: each_benchmark_once,
    },
];

/// The steps called `names`; if there are none, everything that `ci` runs, with the tests
/// on corpora, and then all steps.
pub(crate) fn run(
    workspace: &Workspace,
    names: &[String],
    corpora: Option<PathBuf>,
) -> Result<(), Error> {
    let mut watch = Stopwatch::default();
    if !names.is_empty() {
        let result = steps(names).and_then(|steps| {
            let mut steps = steps.into_iter();
            steps.try_for_each(|step| watch.time(step.name, || (step.run)(workspace)))
        });
        println!("\n{watch}");
        return result;
    }
    let corpora = test::corpora(corpora)?;
    if corpora.is_none() {
        println!("xtask: no corpora named; the tests that need them are skipped");
    }
    let (tally, tested): (Tally, _) = ci::timed(workspace, &mut watch, corpora.as_deref());
    let result = tested.and_then(|()| {
        let mut steps = STEPS.iter();
        steps.try_for_each(|step| watch.time(step.name, || (step.run)(workspace)))
    });
    println!("\n{watch}\n{tally}");
    result
}

fn steps(names: &[String]) -> Result<Vec<&'static Step>, Error> {
    let find = |name: &String| {
        let step = STEPS.iter().find(|step| step.name == name);
        step.ok_or_else(|| Error::UnknownStep {
            name: name.clone(),
            known: STEPS.iter().map(|step| step.name).collect(),
        })
    };
    names.iter().map(find).collect()
}

fn each_benchmark_once(workspace: &Workspace) -> Result<(), Error> {
    let bench = workspace.cargo();
    let bench = bench.args(["bench", "--workspace", "--bench", "*", "--", "--test"]);
    let library = onnxruntime::library(workspace)?;
    bench.env("ORT_DYLIB_PATH", library).run()?;
    Ok(())
}
