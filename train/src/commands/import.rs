//! `ser-train import`.

use crate::TrainError;
use crate::cli::ImportArgs;
use crate::import::{ImportSpec, import};

pub(super) fn run(args: &ImportArgs) -> Result<(), TrainError> {
    let spec = ImportSpec::read(&args.about)?;
    let imported = import(
        &args.model,
        &spec,
        &args.models,
        args.onnxruntime.as_deref(),
    )?;
    for agreement in imported.agreements {
        eprintln!("{agreement}");
    }
    println!("{}", imported.folder.display());
    Ok(())
}
