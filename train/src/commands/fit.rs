//! `ser-train fit`.

use super::features::load;
use crate::TrainError;
use crate::cli::FitArgs;
use crate::evaluate::Run;
use crate::fit::{Checkpoint, Dashboard, Observer, PlainLines};
use crate::recipe::Recipe;
use crate::split::Protocol;

pub(super) fn run(args: &FitArgs) -> Result<(), TrainError> {
    let recipe = Recipe::read(&args.recipe)?;
    if Checkpoint::exists(&args.out.join("checkpoint")) && !args.resume {
        return Err(TrainError::Run {
            path: args.out.clone(),
            reason: "holds a run already; --resume goes on with it".to_owned(),
        });
    }
    let dataset = load(&args.clips, &recipe.front_end)?;
    let run = Run {
        recipe: &recipe,
        dataset: &dataset,
        protocol: Protocol::Random,
        seed: args.seed,
    };
    let mut dashboard = if args.plain { None } else { Dashboard::open() };
    let mut lines = PlainLines::new(run.name());
    let observer: &mut dyn Observer = match &mut dashboard {
        Some(dashboard) => dashboard,
        None => &mut lines,
    };
    let outcome = run.execute(&args.out, observer);
    // Gives the terminal back before anything is printed.
    drop(dashboard);
    println!("{}", outcome?.to_text());
    Ok(())
}
