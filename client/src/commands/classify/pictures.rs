//! Where pictures of clips go.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    find::{Clip, Found},
    work::Classified,
};
use crate::{cli::is_svg, failure::Failure, output::plot};

/// What `--plot` asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Pictures {
    None,
    /// The one clip's.
    File(PathBuf),
    /// A picture for each clip, by the clip's name.
    Folder(PathBuf),
}

impl Pictures {
    /// A path that ends in `.svg` is a picture, a folder or a path without an extension a
    /// folder.
    pub(super) fn plan(path: Option<&Path>, found: &[Found]) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::None);
        };
        match found.len() {
            _ if path.is_dir() || path.extension().is_none() => Ok(Self::Folder(path.to_owned())),
            _ if !is_svg(path) => Err(Failure::usage(format!(
                "--plot {} is neither a folder that is there nor an SVG file; name one that ends \
                 in .svg, or make the folder first",
                path.display(),
            ))),
            0 | 1 => Ok(Self::File(path.to_owned())),
            clips => Err(Failure::usage(format!(
                "--plot {} is one picture, and these are {clips} clips; name a folder, such as \
                 --plot {}",
                path.display(),
                path.with_extension("").display(),
            ))),
        }
    }

    /// Where the picture of `clip` goes.
    pub(super) fn path(&self, clip: &Clip) -> Option<PathBuf> {
        match self {
            Self::None => None,
            Self::File(path) => Some(path.clone()),
            Self::Folder(folder) => {
                let mut name = folder.join(&clip.name).into_os_string();
                name.push(".svg");
                Some(name.into())
            }
        }
    }

    pub(super) fn draw(&self, done: &Classified) -> Result<(), Failure> {
        let Some(path) = self.path(&done.clip) else {
            return Ok(());
        };
        let title = done.clip.path.file_name().unwrap_or(OsStr::new(""));
        let svg = plot::svg(&title.to_string_lossy(), &done.said, &done.waveforms);
        let written = svg.and_then(|svg| write(&path, &svg));
        written.map_err(|source| Failure::file(&path, source))
    }
}

fn write(path: &Path, svg: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::classify::find::Clip;

    fn clips(number: usize) -> Vec<Found> {
        let clip = Clip {
            path: "a.wav".into(),
            name: "a.wav".into(),
            bytes: 1,
        };
        (0..number).map(|_| Found::Clip(clip.clone())).collect()
    }

    #[test]
    fn the_extension_tells_a_picture_from_a_folder() {
        let plan = |path: &str, number| Pictures::plan(Some(Path::new(path)), &clips(number));
        assert_eq!(plan("t.svg", 1).unwrap(), Pictures::File("t.svg".into()));
        assert_eq!(plan("t", 1).unwrap(), Pictures::Folder("t".into()));
        assert_eq!(plan("t", 2).unwrap(), Pictures::Folder("t".into()));
        let refusal = plan("out/t.svg", 3).unwrap_err().to_string();
        assert!(refusal.contains("these are 3 clips"), "{refusal}");
        assert!(refusal.contains("--plot out/t"), "{refusal}");
        let refusal = plan("t.png", 1).unwrap_err().to_string();
        assert!(refusal.contains("--plot t.png"), "{refusal}");
        let folder = tempfile::Builder::new().suffix(".svg").tempdir().unwrap();
        let plan = Pictures::plan(Some(folder.path()), &clips(2)).unwrap();
        assert_eq!(plan, Pictures::Folder(folder.path().to_owned()));
    }
}
