//! The directory of packages, `<name>/<version>/`.
//!
//! What it may hold:
//!
//! - What begins with a dot, isn't a directory, or holds no `model.toml` two
//!   levels down is no package, and skipped.
//! - A package whose folders aren't called `[a-z0-9][a-z0-9._-]*` is refused.
//! - A folder of versions that can't be read is refused if it is called like a
//!   model, and skipped otherwise, like the `lost+found` of a volume.
//! - Links are followed, since mounted volumes are full of them, as long as they
//!   stay in the directory. A folder or a file of a package that leads out of it
//!   is refused.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::selector::{compare_versions, is_identifier};
use crate::Error;

/// What a package must have to be one.
const MANIFEST: &str = "model.toml";

/// What lies where a package may lie.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    /// Empty where the folder of all versions is refused.
    pub(super) version: String,
    pub(super) path: PathBuf,
    /// Why it can't be a package.
    pub(super) problem: Option<Error>,
}

/// Every package in `directory`, by name, the newest version of each first.
///
/// # Errors
///
/// [`Error::Io`] when a directory can't be read.
pub(super) fn packages(directory: &Path) -> Result<Vec<Place>, Error> {
    let root = directory
        .canonicalize()
        .map_err(|source| unreadable(directory, source))?;
    let mut places = Vec::new();
    let models = folders(directory).map_err(|source| unreadable(directory, source))?;
    for (name, path) in models {
        if let Err(problem) = check_inside(&root, &path) {
            let version = String::new();
            let problem = Some(problem);
            places.push(Place {
                name,
                version,
                path,
                problem,
            });
            continue;
        }
        let mut versions = match folders(&path) {
            Ok(versions) => versions,
            Err(source) => {
                places.extend(unreadable_model(name, path, source));
                continue;
            }
        };
        versions.sort_by(|(left, _), (right, _)| compare_versions(right, left));
        for (version, path) in versions {
            let problem = check_inside(&root, &path);
            // Nobody looks into a folder that lies elsewhere.
            if problem.is_ok() && path.join(MANIFEST).symlink_metadata().is_err() {
                continue;
            }
            let problem = problem
                .and_then(|()| check_name(&name, &path))
                .and_then(|()| check_name(&version, &path))
                .and_then(|()| check_files(&root, &path))
                .err();
            places.push(Place {
                name: name.clone(),
                version,
                path,
                problem,
            });
        }
    }
    Ok(places)
}

/// What becomes of a folder of versions that can't be read.
fn unreadable_model(name: String, path: PathBuf, source: io::Error) -> Option<Place> {
    let gone = source.kind() == io::ErrorKind::NotFound;
    (is_identifier(&name) && !gone).then(|| Place {
        name,
        version: String::new(),
        problem: Some(unreadable(&path, source)),
        path,
    })
}

/// The directories in `directory` by name, but for hidden ones.
fn folders(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut folders: Vec<_> = entries(directory)?
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, path))
        })
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    folders.sort();
    Ok(folders)
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

fn check_files(root: &Path, package: &Path) -> Result<(), Error> {
    entries(package)
        .map_err(|source| unreadable(package, source))?
        .iter()
        .try_for_each(|file| check_inside(root, file))
}

/// Refuses what leads out of `root`, which is canonical.
fn check_inside(root: &Path, path: &Path) -> Result<(), Error> {
    let target = path
        .canonicalize()
        .map_err(|source| unreadable(path, source))?;
    if target.starts_with(root) {
        return Ok(());
    }
    Err(Error::Repository {
        path: path.to_owned(),
        reason: format!(
            "leads to {}; expected no link out of {}",
            target.display(),
            root.display()
        ),
    })
}

fn check_name(name: &str, path: &Path) -> Result<(), Error> {
    if is_identifier(name) {
        return Ok(());
    }
    Err(Error::Repository {
        path: path.to_owned(),
        reason: format!("{name:?}; expected folders called [a-z0-9][a-z0-9._-]*"),
    })
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Io {
        what: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Root may read everything, so that the refusal can't be provoked.
    #[test]
    fn only_a_folder_called_like_a_model_has_to_be_readable() {
        let place = |name: &str, kind: io::ErrorKind| {
            unreadable_model(
                name.to_owned(),
                Path::new("/models").join(name),
                kind.into(),
            )
        };
        let refused = place("a", io::ErrorKind::PermissionDenied).unwrap();
        assert_eq!((refused.name.as_str(), refused.version.as_str()), ("a", ""));
        let problem = refused.problem.unwrap().to_string();
        assert_eq!(problem, "/models/a: permission denied");
        assert!(place("lost+found", io::ErrorKind::PermissionDenied).is_none());
        assert!(place("a", io::ErrorKind::NotFound).is_none());
    }
}
