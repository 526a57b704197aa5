//! Which GPUs there are, without CUDA: for names, before any provider is loaded.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Where NVIDIA's driver lists its GPUs, a folder for each.
const GPUS: &str = "/proc/driver/nvidia/gpus";

/// The model of this machine's GPUs as a part of file names, for instance
/// `nvidia-h200`. They must be of one model: the driver counts them along the bus,
/// CUDA the fastest first, so that a device's number doesn't tell which is meant.
pub(crate) fn model() -> Result<String, String> {
    model_in(Path::new(GPUS))
}

fn model_in(gpus: &Path) -> Result<String, String> {
    let failed = |error: io::Error| format!("the GPU's model is unknown: {gpus:?}: {error}");
    let mut models = BTreeSet::new();
    for folder in fs::read_dir(gpus).map_err(failed)? {
        models.insert(read_model(folder.map_err(failed)?.path()).map_err(failed)?);
    }
    let models: Vec<String> = models.into_iter().collect();
    match &models[..] {
        [model] => Ok(model
            .to_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
        [] => Err("the driver lists no GPU".to_owned()),
        several => Err(format!(
            "this machine's GPUs are {}; expected one model, since their order doesn't tell \
             which one runs",
            several.join(", ")
        )),
    }
}

fn read_model(folder: PathBuf) -> io::Result<String> {
    let text = fs::read_to_string(folder.join("information"))?;
    let mut lines = text.lines();
    let model = lines.find_map(|line| line.strip_prefix("Model:"));
    let model = model.ok_or_else(|| io::Error::other(format!("{folder:?} names no model")))?;
    Ok(model.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(gpus: &Path, place: &str, name: &str) {
        let folder = gpus.join(place);
        fs::create_dir(&folder).unwrap();
        let text = format!("Model: \t\t {name}\nIRQ:   \t\t 189\n");
        fs::write(folder.join("information"), text).unwrap();
    }

    #[test]
    fn gpus_of_one_model_have_a_name() {
        let gpus = tempfile::tempdir().unwrap();
        assert_eq!(
            model_in(gpus.path()).unwrap_err(),
            "the driver lists no GPU"
        );
        add(gpus.path(), "0000:07:00.0", "NVIDIA H200");
        assert_eq!(model_in(gpus.path()).unwrap(), "nvidia-h200");
        add(gpus.path(), "0000:81:00.0", "NVIDIA H200");
        assert_eq!(model_in(gpus.path()).unwrap(), "nvidia-h200");
        add(gpus.path(), "0000:c1:00.0", "NVIDIA L4");
        let error = model_in(gpus.path()).unwrap_err();
        assert!(error.contains("are NVIDIA H200, NVIDIA L4"), "{error}");
        assert!(model_in(&gpus.path().join("none")).is_err());
    }
}
