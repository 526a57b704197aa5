//! `ser-train evaluate`.

use std::io::Write;
use std::path::Path;

use rayon::prelude::*;
use ser_backend::ModelPackage;

use super::features::load;
use crate::TrainError;
use crate::cli::{EvaluateArgs, ProtocolKind};
use crate::dataset::Dataset;
use crate::error::AtPath;
use crate::evaluate::{Evaluation, Prediction, Run, front_end, predict, score};
use crate::fit::PlainLines;
use crate::recipe::Recipe;
use crate::split::Protocol;

pub(super) fn run(args: &EvaluateArgs) -> Result<(), TrainError> {
    let recipe = args.recipe.as_deref().map(Recipe::read).transpose()?;
    match (&args.package, recipe, &args.out) {
        (Some(package), recipe, _) => evaluate_package(args, package, recipe.as_ref()),
        (None, Some(recipe), Some(out)) => evaluate_recipe(args, &recipe, out),
        _ => Err(TrainError::Data(
            "expected --package, or --recipe with --out".to_owned(),
        )),
    }
}

/// Fresh trainings, as many at a time as there are cores.
fn evaluate_recipe(args: &EvaluateArgs, recipe: &Recipe, out: &Path) -> Result<(), TrainError> {
    let dataset = load(&args.clips, &recipe.front_end)?;
    let seeds = args
        .seeds
        .unwrap_or(if args.protocol == ProtocolKind::Random {
            5
        } else {
            1
        });
    let runs: Vec<_> = protocols(args, &dataset)
        .into_iter()
        .flat_map(|protocol| (0..seeds).map(move |seed| (protocol.clone(), seed)))
        .map(|(protocol, seed)| Run {
            recipe,
            dataset: &dataset,
            protocol,
            seed,
        })
        .collect();
    let reports = runs
        .par_iter()
        .with_max_len(1)
        .map(|run| run.execute(&out.join(run.name()), &mut PlainLines::new(run.name())))
        .collect::<Result<Vec<_>, _>>()?;
    let evaluation = Evaluation::new(reports)?;
    evaluation.write(out)?;
    println!("{}", evaluation.to_text());
    Ok(())
}

fn protocols(args: &EvaluateArgs, dataset: &Dataset) -> Vec<Protocol> {
    match args.protocol {
        ProtocolKind::Random => vec![Protocol::Random],
        ProtocolKind::Speaker => [0, 1].map(|fold| Protocol::Speaker { fold }).into(),
        ProtocolKind::Cross => {
            let corpora = dataset.corpora();
            let pairs = corpora.iter().flat_map(|&train| {
                corpora
                    .iter()
                    .map(move |&test| Protocol::Cross { train, test })
            });
            let wanted = |protocol: &Protocol| match protocol {
                Protocol::Cross { train, test } => {
                    train != test && args.train_on.is_none_or(|only| only == *train)
                }
                _ => false,
            };
            pairs.filter(wanted).collect()
        }
    }
}

fn evaluate_package(
    args: &EvaluateArgs,
    folder: &Path,
    recipe: Option<&Recipe>,
) -> Result<(), TrainError> {
    let package = ModelPackage::read(folder)?;
    let dataset = load(&args.clips, &front_end(&package)?)?;
    let indices = match (args.test_side_of, recipe) {
        (Some(seed), Some(recipe)) => Protocol::Random.split(&dataset, &recipe.split, seed)?.test,
        _ => (0..dataset.clips.len()).collect(),
    };
    let predictions = predict(&package, indices.iter().map(|&index| &dataset.clips[index]))?;
    if predictions.len() < indices.len() {
        let left_out = indices.len() - predictions.len();
        eprintln!(
            "{left_out} clips left out: {} has no such label",
            package.manifest.id()
        );
    }
    if let Some(file) = &args.predictions {
        write_lines(file, &predictions)?;
    }
    println!(
        "{}",
        score(&package.manifest.labels, &predictions).to_text()
    );
    Ok(())
}

fn write_lines(file: &Path, predictions: &[Prediction]) -> Result<(), TrainError> {
    let mut lines = std::io::BufWriter::new(std::fs::File::create(file).at(file)?);
    for prediction in predictions {
        let line = serde_json::to_string(prediction).expect("finite numbers and strings are JSON");
        writeln!(lines, "{line}").at(file)?;
    }
    lines.flush().at(file)
}
