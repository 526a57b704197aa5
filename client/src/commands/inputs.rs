//! What is read, and so isn't to be written over.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// Files that an option names, by their canonical paths.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    option: &'static str,
    files: HashMap<PathBuf, &'a Path>,
}

impl<'a> Inputs<'a> {
    /// `files`, which `option` names. What isn't there can't be written over.
    pub(super) fn of(option: &'static str, files: impl Iterator<Item = &'a Path>) -> Self {
        let canonical = |file: &'a Path| Some((fs::canonicalize(file).ok()?, file));
        Self {
            option,
            files: files.filter_map(canonical).collect(),
        }
    }

    /// Refuses to write `output`, which `option` names, where it is one of these.
    pub(super) fn spare(&self, option: &str, output: &Path) -> Result<(), Failure> {
        let canonical = fs::canonicalize(output).ok();
        match canonical.and_then(|output| self.files.get(&output)) {
            None => Ok(()),
            Some(input) => Err(Failure::usage(format!(
                "{option} would write {} over {}, which {} names; name another file",
                output.display(),
                input.display(),
                self.option,
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_input_is_written_over_however_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own.wav");
        fs::write(&own, "speech").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let missing = folder.path().join("missing.wav");
        let inputs = Inputs::of("--audio", [&*own, &*missing].into_iter());
        for output in [&own, &folder.path().join("a/../own.wav")] {
            let refusal = inputs.spare("--plot", output).unwrap_err().to_string();
            for named in ["--plot would", "own.wav, which --audio names"] {
                assert!(refusal.contains(named), "{refusal}");
            }
        }
        for output in [&missing, &folder.path().join("other.wav")] {
            assert!(inputs.spare("--plot", output).is_ok());
        }
    }
}
