//! Which files are meant.

use std::{
    collections::HashSet,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

/// A file to classify.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clip {
    pub(super) path: PathBuf,
    /// Tells it from all others: its path below the folder that was named.
    pub(super) name: PathBuf,
    /// Its size, as far as that could be told: how much work it is.
    pub(super) bytes: u64,
}

/// What a path led to.
#[derive(Debug)]
pub(super) enum Found {
    Clip(Clip),
    /// A folder, or a link in it, that can't be read.
    Unreadable(PathBuf, io::Error),
}

impl Found {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Clip(clip) => &clip.path,
            Self::Unreadable(path, _) => path,
        }
    }
}

/// The files that `paths` name and the recordings in the folders that they name, in
/// the order of `paths`, within a folder in that of names.
///
/// A file that is named is taken for a recording whatever its name says. Links are
/// followed, but not back into a folder that is being searched.
pub(super) fn find(paths: &[PathBuf]) -> Vec<Found> {
    let mut names = HashSet::new();
    let mut found = Vec::new();
    for root in paths {
        let walk = WalkDir::new(root).follow_links(true).sort_by_file_name();
        let visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
        for entry in walk.into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if is_meant(&entry) => {
                    let name = distinct(name(&entry, root), &mut names);
                    found.push(Found::Clip(Clip {
                        bytes: entry.metadata().map_or(0, |data| data.len()),
                        name,
                        path: entry.into_path(),
                    }));
                }
                Ok(_) => {}
                Err(error) => found.extend(problem(error, root)),
            }
        }
    }
    found
}

/// Whether an entry is a file to classify: any that is named, or else what the
/// extension says is a recording.
fn is_meant(entry: &DirEntry) -> bool {
    let kind = entry.file_type();
    (entry.depth() == 0 && !kind.is_dir()) || (kind.is_file() && is_recording(entry.path()))
}

fn is_recording(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["wav", "wave", "flac"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The path below `root`, or of `root` itself its last part.
fn name(entry: &DirEntry, root: &Path) -> PathBuf {
    if entry.depth() == 0 {
        return entry.file_name().into();
    }
    let below = entry.path().strip_prefix(root);
    below.unwrap_or(entry.path()).to_owned()
}

/// `name`, or a variant of it that is not among `names` yet.
fn distinct(name: PathBuf, names: &mut HashSet<PathBuf>) -> PathBuf {
    let variant = |number: usize| {
        let mut variant = name.clone().into_os_string();
        variant.push(format!("-{number}"));
        PathBuf::from(variant)
    };
    let variants = std::iter::once(name.clone()).chain((2..).map(variant));
    let free = variants.into_iter().find(|name| !names.contains(name));
    let free = free.expect("numbers don't run out");
    names.insert(free.clone());
    free
}

/// What is worth telling of an error of the search.
fn problem(error: walkdir::Error, root: &Path) -> Option<Found> {
    let path = error.path().unwrap_or(root).to_owned();
    // What a loop leads to is being searched already.
    let reason = error.into_io_error()?;
    let dangling = path != root && path.is_symlink() && !is_recording(&path);
    (!dangling).then_some(Found::Unreadable(path, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
    }

    fn clips(found: &[Found]) -> Vec<&str> {
        found
            .iter()
            .map(|found| match found {
                Found::Clip(clip) => clip.name.to_str().unwrap(),
                Found::Unreadable(path, reason) => panic!("{}: {reason}", path.display()),
            })
            .collect()
    }

    #[test]
    fn folders_give_their_recordings_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "b/2.FLAC",
            "b/10.wav",
            "a.wave",
            "c.wav",
            "notes.txt",
            ".d.wav",
            ".e/f.wav",
        ];
        touch(folder.path(), &names);
        let found = find(&[folder.path().to_owned()]);
        assert_eq!(clips(&found), ["a.wave", "b/10.wav", "b/2.FLAC", "c.wav"]);
        let Found::Clip(clip) = &found[1] else {
            panic!()
        };
        assert_eq!(clip.path, folder.path().join("b/10.wav"));
        assert_eq!(clip.bytes, 8);
    }

    #[test]
    fn what_is_named_is_taken_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["z", ".hidden/.a"]);
        let named = [folder.path().join("z"), folder.path().join(".hidden/.a")];
        assert_eq!(clips(&find(&named)), ["z", ".a"]);
        let [Found::Unreadable(path, reason)] = &find(&[folder.path().join("none.wav")])[..] else {
            panic!("one problem")
        };
        assert_eq!(*path, folder.path().join("none.wav"));
        assert_eq!(reason.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn equal_names_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        touch(folder.path(), &["a/x.wav", "b/x.wav"]);
        let roots = ["a", "b", "a"].map(|name| folder.path().join(name));
        assert_eq!(clips(&find(&roots)), ["x.wav", "x.wav-2", "x.wav-3"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        touch(elsewhere.path(), &["b.wav"]);
        touch(folder.path(), &["a.wav"]);
        symlink(elsewhere.path(), folder.path().join("linked")).unwrap();
        symlink(folder.path(), folder.path().join("loop")).unwrap();
        symlink("nowhere", folder.path().join("dangling")).unwrap();
        assert_eq!(
            clips(&find(&[folder.path().to_owned()])),
            ["a.wav", "linked/b.wav"]
        );

        symlink("nowhere", folder.path().join("x.wav")).unwrap();
        let found = find(&[folder.path().to_owned()]);
        let Some(Found::Unreadable(path, _)) = found.last() else {
            panic!("{found:?}")
        };
        assert_eq!(*path, folder.path().join("x.wav"));
    }
}
