//! What is fuzzed.

use crate::Error;

/// A program of `fuzz/fuzz_targets`, and how it is run.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: &'static str,
    /// Bytes of an input at most: room for all that is to be found, and little to wade
    /// through.
    pub(super) longest: usize,
    /// A file of `fuzz/dictionaries`, without its ending: words that its inputs are made
    /// of.
    pub(super) dictionary: Option<&'static str>,
}

const fn target(name: &'static str, longest: usize, dictionary: Option<&'static str>) -> Target {
    Target {
        name,
        longest,
        dictionary,
    }
}

pub(super) const TARGETS: [Target; 11] = [
    target("audio", 4_096, Some("audio")),
    target("checkpoint", 512, None),
    target("chunks", 512, None),
    target("clips", 1_024, None),
    target("config", 256, Some("config")),
    target("graph", 4_096, Some("onnx")),
    target("package", 8_192, Some("onnx")),
    target("requests", 1_024, None),
    target("session", 512, None),
    target("tensors", 2_048, None),
    target("tokens", 512, Some("config")),
];

/// The target of this name.
pub(super) fn find(name: &str) -> Result<&'static Target, Error> {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        Error::UnknownTarget(name.to_owned(), names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Workspace;

    #[test]
    fn every_target_and_dictionary_is_there() {
        let workspace = Workspace::open().unwrap();
        let folder = workspace.path("fuzz/fuzz_targets");
        let files = workspace.shell.read_dir(folder).unwrap();
        let files: BTreeSet<_> = files
            .iter()
            .map(|file| file.file_stem().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(files, TARGETS.iter().map(|target| target.name).collect());
        for words in TARGETS.iter().filter_map(|target| target.dictionary) {
            let path = workspace.path(&format!("fuzz/dictionaries/{words}.dict"));
            assert!(path.is_file(), "{words}");
        }
    }

    #[test]
    fn an_unknown_target_is_told_the_others() {
        let error = find("chunk").unwrap_err().to_string();
        assert!(
            error.starts_with("no fuzz target \"chunk\"; expected audio, "),
            "{error}"
        );
    }
}
