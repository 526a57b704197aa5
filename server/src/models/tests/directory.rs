//! What a directory of packages may hold.

use std::{fs, os::unix::fs::symlink};

use super::*;

/// Why what is in `directory` isn't served, with paths within it.
fn refused(directory: &Path) -> String {
    let text = refusal(&config(directory));
    let real = directory.canonicalize().unwrap();
    [directory, &real].iter().fold(text, |text, path| {
        text.replace(&format!("{}/", path.display()), "")
            .replace(&path.display().to_string(), "the directory")
    })
}

#[test]
fn what_is_no_package_is_skipped() {
    let directory = directory(&["a/1"]);
    let root = directory.path();
    fs::write(root.join("README"), "no folder").unwrap();
    fs::create_dir(root.join("lost+found")).unwrap();
    fs::create_dir_all(root.join("A/1")).unwrap();
    fs::create_dir_all(root.join("a/2/3")).unwrap();
    fs::write(root.join("a/4"), "no folder").unwrap();
    write(&root.join(".trash"), &package("a", "9"));
    write(&root.join("a/.trash"), &package("a", "9"));
    symlink(root.join("nowhere"), root.join("b")).unwrap();
    assert_eq!(ids(&load(&config(root)).unwrap()), ["a/1"]);
}

#[test]
fn folders_of_other_names_are_refused() {
    for (from, to, named) in [
        ("a", "A", "A"),
        ("a/1", "a/v 1", "v 1"),
        ("a/1", "a/-1", "-1"),
    ] {
        let directory = directory(&["a/1"]);
        fs::rename(directory.path().join(from), directory.path().join(to)).unwrap();
        let text = refused(directory.path());
        let expected = format!("{named:?}; expected folders called [a-z0-9][a-z0-9._-]*");
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[test]
fn a_package_in_the_folder_of_another_is_refused() {
    let directory = directory(&["a/1"]);
    fs::rename(directory.path().join("a/1"), directory.path().join("a/2")).unwrap();
    assert_eq!(
        refused(directory.path()),
        "a/2/model.toml: version: \"1\"; expected that of its directory, \"2\""
    );
}

#[test]
fn a_link_to_another_version_is_not_that_version() {
    let directory = directory(&["a/1"]);
    symlink("1", directory.path().join("a/2")).unwrap();
    assert_eq!(
        refused(directory.path()),
        "a/2/model.toml: a/1; expected a/2, as its folders say"
    );
}

#[test]
fn links_within_the_directory_are_followed() {
    // As Kubernetes mounts a volume, on the directory and on one model in it.
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(&root.join("..2026_11_22"), &package("a", "1"));
    symlink("..2026_11_22", root.join("..data")).unwrap();
    symlink("..data/a", root.join("a")).unwrap();
    write(&root.join("b/..2026_11_22"), &package("b", "1"));
    symlink("..2026_11_22", root.join("b/..data")).unwrap();
    symlink("..data/b/1", root.join("b/1")).unwrap();
    // On one version: every file is a link.
    write(root, &package("c", "1"));
    fs::create_dir(root.join("c/1/..data")).unwrap();
    for file in ["model.toml", "model.onnx", "golden.json"] {
        let at = |place: &str| root.join("c/1").join(place).join(file);
        fs::rename(at(""), at("..data")).unwrap();
        symlink(Path::new("..data").join(file), at("")).unwrap();
    }
    assert_eq!(ids(&load(&config(root)).unwrap()), ["a/1", "b/1", "c/1"]);
}

#[test]
fn the_directory_may_be_a_link_itself() {
    let directory = directory(&["a/1"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("models");
    symlink(directory.path(), &link).unwrap();
    assert_eq!(ids(&load(&config(&link)).unwrap()), ["a/1"]);
}

#[test]
fn links_out_of_the_directory_are_refused() {
    let elsewhere = directory(&["b/1", "a/2"]);
    let outside = elsewhere.path().canonicalize().unwrap();
    for (target, link) in [
        ("b", "b"),
        ("a/2", "a/2"),
        ("a/2/model.onnx", "a/1/model.onnx"),
        ("a/2/golden.json", "a/1/MODEL_CARD.md"),
    ] {
        let directory = directory(&["a/1"]);
        let link = directory.path().join(link);
        // The package's own file, where it has one.
        let _ = fs::remove_file(&link);
        symlink(outside.join(target), &link).unwrap();
        let text = refusal(&config(directory.path()));
        let expected = format!(
            "{}: leads to {}; expected no link out of {}",
            link.display(),
            outside.join(target).display(),
            directory.path().canonicalize().unwrap().display(),
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn a_link_to_nothing_is_refused() {
    let directory = directory(&["a/1"]);
    let manifest = directory.path().join("a/1/model.toml");
    fs::remove_file(&manifest).unwrap();
    symlink("nothing", &manifest).unwrap();
    let text = refused(directory.path());
    assert!(text.starts_with("a/1/model.toml: No such file"), "{text}");
}
