//! Packages on disk.

use std::{fs, path::Path};

use super::*;

#[test]
fn a_package_survives_writing_and_reading() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("tiny").join("1");
    let package = package();
    package.write(&directory).unwrap();
    let read = ModelPackage::read(&directory).unwrap();
    assert_eq!(read.manifest, package.manifest);
    assert_eq!(read.golden, package.golden);
    assert_eq!(read.graph, package.graph);

    let bytes = |name: &str| fs::read(directory.join(name)).unwrap();
    let before = ["model.toml", "model.onnx", "golden.json"].map(bytes);
    read.write(&directory).unwrap();
    assert_eq!(
        ["model.toml", "model.onnx", "golden.json"].map(bytes),
        before
    );
    let mut names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["golden.json", "model.onnx", "model.toml"]);
}

#[test]
fn half_a_package_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("tiny").join("1");
    for file in ["model.onnx", "golden.json"] {
        package().write(&directory).unwrap();
        // No file takes the place of a directory.
        fs::remove_file(directory.join(file)).unwrap();
        fs::create_dir(directory.join(file)).unwrap();
        let error = package().write(&directory).unwrap_err().to_string();
        assert!(error.contains(file), "{error}");
        assert!(!directory.join("model.toml").exists(), "{file}");
        fs::remove_dir(directory.join(file)).unwrap();
    }
}

#[test]
fn a_package_lies_under_its_name_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let package = package();
    let refusal = |directory: &Path| package.write(directory).unwrap_err().to_string();
    let version = refusal(&folder.path().join("tiny").join("2"));
    assert!(
        version.contains("version: \"1\"; expected that of its directory, \"2\""),
        "{version}"
    );
    let name = refusal(&folder.path().join("small").join("1"));
    assert!(
        name.contains("name: \"tiny\"; expected that of its directory, \"small\""),
        "{name}"
    );

    let right = folder.path().join("tiny").join("1");
    package.write(&right).unwrap();
    let moved = folder.path().join("tiny").join("3");
    fs::rename(&right, &moved).unwrap();
    let error = ModelPackage::read(&moved).unwrap_err().to_string();
    assert!(
        error.contains("expected that of its directory, \"3\""),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_directory_may_be_a_link_under_either_name() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("tiny").join("1");
    package().write(&real).unwrap();
    let other = folder.path().join("latest");
    std::os::unix::fs::symlink(&real, &other).unwrap();
    assert_eq!(ModelPackage::read(&other).unwrap().manifest.id(), "tiny/1");

    let mounted = folder.path().join("mounted");
    fs::rename(&real, &mounted).unwrap();
    std::os::unix::fs::symlink(&mounted, &real).unwrap();
    assert_eq!(ModelPackage::read(&real).unwrap().manifest.id(), "tiny/1");
    assert!(ModelPackage::read(&mounted).is_err());
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("tiny").join("1");
    package().write(&directory).unwrap();
    fs::remove_file(directory.join("golden.json")).unwrap();
    let error = ModelPackage::read(&directory).unwrap_err();
    assert!(matches!(&error, PackageError::Read { file, .. } if file.ends_with("golden.json")));
}
