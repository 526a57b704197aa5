//! Where a target's corpus begins.
//!
//! Seeds are made by the code that they are for, so that they can't fall behind it.
//! A target writes them when it starts, before libFuzzer reads its corpus.

use std::{env, fs, path::PathBuf};

/// The environment variable that names the folder for seeds.
pub const FOLDER: &str = "SER_FUZZ_SEEDS";

/// Writes `seeds` into the folder that [`FOLDER`] names, if it names one.
///
/// # Panics
///
/// When they can't be written.
pub fn write(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).expect("a folder for seeds");
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:02}")), seed).expect("a seed");
    }
}

/// Texts and bytes in one input: a zero byte stands between them, which neither TOML
/// nor JSON nor an environment variable has.
#[must_use]
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&0)
}
