//! The files of a package on disk.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::{Manifest, PackageError};

pub(super) const MANIFEST: &str = "model.toml";
pub(super) const GRAPH: &str = "model.onnx";
pub(super) const GOLDEN: &str = "golden.json";

/// Bytes of a file of text at most.
const MAX_TEXT: u64 = 32 << 20;

/// Bytes of a graph at most.
const MAX_GRAPH: u64 = 1 << 30;

pub(super) fn text(directory: &Path, name: &str) -> Result<String, PackageError> {
    let bytes = bounded(&directory.join(name), MAX_TEXT)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        invalid(&directory.join(name), format!("byte {at} is not UTF-8"))
    })
}

pub(super) fn bytes(directory: &Path, name: &str) -> Result<Vec<u8>, PackageError> {
    bounded(&directory.join(name), MAX_GRAPH)
}

fn bounded(path: &Path, limit: u64) -> Result<Vec<u8>, PackageError> {
    let unreadable = |source| PackageError::Read {
        file: path.display().to_string(),
        source,
    };
    // Opening a pipe would wait for whoever writes to it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(invalid(path, "is no file".to_owned()));
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(invalid(path, format!("is larger than {limit} bytes")));
    }
    Ok(bytes)
}

pub(super) fn make(directory: &Path) -> Result<(), PackageError> {
    fs::create_dir_all(directory).map_err(|source| unwritable(directory, source))
}

/// A reader never sees half a file: it appears under its name when it is whole.
pub(super) fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), PackageError> {
    let path = directory.join(name);
    let partial = directory.join(format!(".{name}.partial"));
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, &path))
        .map_err(|source| unwritable(&path, source))
}

/// Removes a file if it is there.
pub(super) fn remove(directory: &Path, name: &str) -> Result<(), PackageError> {
    let path = directory.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(&path, error)),
        _ => Ok(()),
    }
}

/// A package lies in a directory of its name and version: two copies can't be
/// mistaken for each other. A mounted volume may have links for directories, and a
/// path may end in dots: either the path as given or the one at the end of all
/// links must have the names.
pub(super) fn check_place(directory: &Path, manifest: &Manifest) -> Result<(), PackageError> {
    let unreadable = |source| PackageError::Read {
        file: directory.display().to_string(),
        source,
    };
    let given = std::path::absolute(directory).map_err(unreadable)?;
    let real = directory.canonicalize().map_err(unreadable)?;
    check_names(&given, manifest)
        .or_else(|_| check_names(&real, manifest))
        .map_err(|reason| invalid(&directory.join(MANIFEST), reason))
}

fn check_names(place: &Path, manifest: &Manifest) -> Result<(), String> {
    let parts = [("version", &manifest.version), ("name", &manifest.name)];
    for ((key, expected), part) in parts.into_iter().zip(place.ancestors()) {
        let found = part.file_name().unwrap_or_default();
        if found != expected.as_str() {
            return Err(format!(
                "{key}: {expected:?}; expected that of its directory, {found:?}"
            ));
        }
    }
    Ok(())
}

fn unwritable(path: &Path, source: std::io::Error) -> PackageError {
    PackageError::Write {
        file: path.display().to_string(),
        source,
    }
}

fn invalid(path: &Path, reason: String) -> PackageError {
    PackageError::Invalid {
        file: path.display().to_string(),
        reason,
    }
}
