//! The plugins of this repository as real libraries, and some with faults.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Mutex, PoisonError},
};

use ser_backend::ModelPackage;

/// How `docs/plugins.md` compiles a plugin.
const FLAGS: [&str; 8] = [
    "-O3",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
];

/// `plugins/c`.
pub(crate) fn c_plugin() -> PathBuf {
    let sources = c_sources(&root().join("plugins/c"));
    compile("libser_plugin_c.so", &FLAGS, &sources)
}

/// `plugins/c` with the fault that `libraries/faulty.c` calls `FAULT_<fault>`.
pub(crate) fn faulty_plugin(fault: &str) -> PathBuf {
    let plugin = root().join("plugins/c");
    let mut sources = c_sources(&plugin);
    // It includes this one.
    sources.retain(|source| !source.ends_with("plugin.c"));
    sources.push(root().join("backends/plugin/tests/libraries/faulty.c"));
    let define = format!("-DFAULT_{fault}");
    // There are many of them, and none is in a hurry.
    let flags = [&FLAGS[..], &["-O0", &define]].concat();
    compile(&format!("libfaulty_{fault}.so"), &flags, &sources)
}

/// `plugins/tract`, which Cargo builds beside the tests that depend on it.
pub(crate) fn tract_plugin() -> PathBuf {
    let test = env::current_exe().unwrap();
    let name = format!(
        "{}ser_plugin_tract{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    );
    // target/<profile>/deps/<test>
    test.with_file_name(name)
}

/// A package that exists for tests.
pub(crate) fn tiny(name: &str) -> ModelPackage {
    let packages = root().join("backends/core/tests/packages");
    ModelPackage::read(&packages.join(name).join("1")).unwrap()
}

/// The package that ships with the server.
pub(crate) fn seed() -> ModelPackage {
    ModelPackage::read(&root().join("models/tess-lstm/1")).unwrap()
}

/// The C files of a folder.
pub(crate) fn c_sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut sources: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    sources.sort();
    sources
}

/// What this process has compiled.
static COMPILED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Compiles C against the header and the C plugin's own ones, once in a process.
/// Several may do so at the same time: the last one's file stays, all are equal.
pub(crate) fn compile(name: &str, flags: &[&str], sources: &[PathBuf]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let output = folder.join(name);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if compiled.contains(&output) {
        return output;
    }
    let unfinished = folder.join(format!("{name}.{}", process::id()));
    let cc = Command::new("cc")
        .args(flags)
        .arg("-I")
        .arg(root().join("backends/plugin/include"))
        .arg("-I")
        .arg(root().join("plugins/c"))
        .args(sources)
        .arg("-lm")
        .arg("-o")
        .arg(&unfinished)
        .output()
        .expect("a C compiler named cc");
    let errors = String::from_utf8_lossy(&cc.stderr);
    assert!(cc.status.success(), "{errors}");
    fs::rename(&unfinished, &output).unwrap();
    compiled.insert(output.clone());
    output
}

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .find(|folder| folder.join("plugins/c").is_dir());
    root.expect("the crate is in the repository").to_owned()
}
