//! `ser-train export`.

use crate::TrainError;
use crate::cli::ExportArgs;
use crate::evaluate::{Evaluation, TrainedRun};
use crate::export::{PackageName, export};

pub(super) fn run(args: &ExportArgs) -> Result<(), TrainError> {
    let run = TrainedRun::read(&args.run)?;
    let evaluations = args
        .evaluations
        .iter()
        .map(|folder| Evaluation::read(folder))
        .collect::<Result<Vec<_>, _>>()?;
    let package = PackageName {
        name: args.name.clone(),
        version: args.package_version.clone(),
        licence: args.licence.clone(),
    };
    let folder = export(&run, &evaluations, &package, &args.models)?;
    println!("{}", folder.display());
    Ok(())
}
