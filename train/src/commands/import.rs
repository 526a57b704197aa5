//! `ser-train import`.

use crate::TrainError;
use crate::cli::ImportArgs;
use crate::import::{ImportOptions, ImportSpec, import};

pub(super) fn run(args: &ImportArgs) -> Result<(), TrainError> {
    let spec = ImportSpec::read(&args.about)?;
    let options = ImportOptions {
        models: &args.models,
        replace: args.force,
        onnx_runtime: args.onnxruntime.as_deref(),
    };
    let imported = import(&args.model, &spec, options)?;
    for agreement in imported.agreements {
        eprintln!("{agreement}");
    }
    println!("{}", imported.folder.display());
    Ok(())
}
