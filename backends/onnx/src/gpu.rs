//! Which GPU there is, without CUDA: for names, before any provider is loaded.

use std::{fs, path::Path};

/// Where NVIDIA's driver lists its GPUs, a folder for each, by their place on the
/// PCI bus.
const GPUS: &str = "/proc/driver/nvidia/gpus";

/// The model of a GPU as a part of file names, for instance `nvidia-h200`.
pub(crate) fn model(device: i32) -> Result<String, String> {
    model_in(Path::new(GPUS), device)
}

fn model_in(gpus: &Path, device: i32) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("the GPU's model is unknown: {gpus:?}: {error}");
    let folders: Result<Vec<_>, _> = fs::read_dir(gpus).map_err(failed)?.collect();
    let mut folders: Vec<_> = folders.map_err(failed)?;
    folders.sort_by_key(fs::DirEntry::file_name);
    let folder = usize::try_from(device)
        .ok()
        .and_then(|device| folders.get(device))
        .ok_or_else(|| format!("no GPU {device}; there are {}", folders.len()))?;
    let text = fs::read_to_string(folder.path().join("information")).map_err(failed)?;
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("Model:"))
        .ok_or_else(|| format!("{:?} names no model", folder.path()))?;
    Ok(model
        .trim()
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_count_along_the_bus() {
        let gpus = tempfile::tempdir().unwrap();
        for (place, name) in [
            ("0000:81:00.0", "NVIDIA L4"),
            ("0000:07:00.0", "NVIDIA H200"),
        ] {
            let folder = gpus.path().join(place);
            fs::create_dir(&folder).unwrap();
            let text = format!("Model: \t\t {name}\nIRQ:   \t\t 189\n");
            fs::write(folder.join("information"), text).unwrap();
        }
        assert_eq!(model_in(gpus.path(), 0).unwrap(), "nvidia-h200");
        assert_eq!(model_in(gpus.path(), 1).unwrap(), "nvidia-l4");
        let error = model_in(gpus.path(), 2).unwrap_err();
        assert_eq!(error, "no GPU 2; there are 2");
        assert!(model_in(&gpus.path().join("none"), 0).is_err());
    }
}
