//! Where packages come from, and which is the default.

use std::{fs, os::unix::net::UnixListener};

use super::*;

fn one(path: &Path) -> PackageConfig {
    PackageConfig::new(path.to_owned())
}

#[test]
fn a_directory_is_served_by_name_the_newest_version_first() {
    let directory = directory(&["b/1", "a/9", "a/10"]);
    std::fs::write(directory.path().join("README"), "no package").unwrap();
    let registry = load(&config(directory.path())).unwrap();
    assert_eq!(ids(&registry), ["a/10", "a/9", "b/1"]);
}

#[test]
fn a_package_of_its_own_goes_before_the_directory() {
    let (many, single) = (directory(&["a/1"]), directory(&["z/1"]));
    let mut config = config(many.path());
    config.models.packages = vec![one(&single.path().join("z/1"))];
    assert_eq!(ids(&load(&config).unwrap()), ["z/1", "a/1"]);
}

#[test]
fn the_default_is_what_the_configuration_says() {
    let directory = directory(&["a/1", "b/1", "b/2", "c/1"]);
    let mut config = config(directory.path());
    config.models.default = Some("b".to_owned());
    assert_eq!(ids(&load(&config).unwrap()), ["b/2", "a/1", "b/1", "c/1"]);
    config.models.default = Some("d".to_owned());
    assert_eq!(
        load(&config).unwrap_err().to_string(),
        "configuration: models.default: \"d\" is not served; expected one of a/1, b/2, b/1, c/1"
    );
}

#[test]
fn a_default_without_a_version_is_its_newest() {
    let directory = directory(&["a/1", "a/2", "b/1"]);
    let mut config = config(directory.path());
    config.models.packages = vec![one(&directory.path().join("a/1"))];
    config.models.directory = None;
    assert_eq!(ids(&load(&config).unwrap()), ["a/1"]);
    config.models.packages = ["b/1", "a/1", "a/2"]
        .map(|id| one(&directory.path().join(id)))
        .to_vec();
    assert_eq!(ids(&load(&config).unwrap()), ["b/1", "a/2", "a/1"]);
    config.models.default = Some("a/1".to_owned());
    assert_eq!(ids(&load(&config).unwrap()), ["a/1", "a/2", "b/1"]);
}

#[test]
fn a_package_twice_is_an_error() {
    let (one_place, another) = (directory(&["a/1"]), directory(&["a/1"]));
    let mut config = config(one_place.path());
    config.models.packages = vec![one(&another.path().join("a/1"))];
    let text = load(&config).unwrap_err().to_string();
    assert!(
        text.starts_with("configuration: models: a/1 twice, in "),
        "{text}"
    );
}

#[test]
fn an_empty_directory_is_an_error() {
    let directory = directory(&[]);
    let path = directory.path().display();
    assert_eq!(
        load(&config(directory.path())).unwrap_err().to_string(),
        format!(
            "configuration: models.directory: {path}: no packages; expected \
             <name>/<version>/model.toml"
        )
    );
    // Somebody may fill it while the server runs.
    let (mut config, other) = (config(directory.path()), self::directory(&["a/1"]));
    config.models.packages = vec![one(&other.path().join("a/1"))];
    load(&config).unwrap();
}

#[test]
fn what_is_not_there_is_named_by_its_key() {
    let directory = directory(&["a/1"]);
    let nowhere = directory.path().join("none");
    let error = load(&config(&nowhere)).unwrap_err();
    let text = error.to_string();
    let place = "configuration: models.directory: ";
    assert!(text.starts_with(place) && text.contains("none"), "{text}");
    assert!(error.is_misconfiguration());

    let mut config = config(directory.path());
    config.models.packages = vec![one(&nowhere)];
    let error = load(&config).unwrap_err();
    let text = error.to_string();
    let place = "configuration: models.packages[0].path: ";
    assert!(text.starts_with(place) && text.contains("none"), "{text}");
    assert!(error.is_misconfiguration());
}

#[test]
fn nothing_to_serve_is_an_error() {
    let mut config = config(Path::new(""));
    config.models.directory = None;
    let text = load(&config).unwrap_err().to_string();
    assert!(
        text.starts_with("configuration: models: nothing to serve; expected "),
        "{text}"
    );
}

#[cfg(feature = "embedded-model")]
#[test]
fn the_embedded_package_is_what_it_is_called() {
    use crate::models::embedded::{NAME, VERSION, package};
    let manifest = package().unwrap().manifest;
    assert_eq!(
        (manifest.name.as_str(), manifest.version.as_str()),
        (NAME, VERSION)
    );
}

#[test]
fn an_unknown_backend_is_an_error_with_those_there_are() {
    let directory = directory(&["a/1"]);
    let mut config = config(directory.path());
    config.models.backend = "tpu".to_owned();
    assert_eq!(
        load(&config).unwrap_err().to_string(),
        "configuration: models.backend: \"tpu\"; expected one of plain"
    );
}

#[test]
fn a_package_runs_where_the_configuration_puts_it() {
    let directory = directory(&["a/1"]);
    let mut config = config(directory.path());
    config.models.directory = None;
    let mut package = one(&directory.path().join("a/1"));
    package.execution_providers = Some(vec!["abacus".to_owned()]);
    config.models.packages = vec![package];
    let text = load(&config).unwrap_err().to_string();
    assert_eq!(text, "backend plain is not available: no [\"abacus\"]");
}

#[test]
fn every_key_that_names_a_backend_is_checked() {
    let directory = directory(&["a/1"]);
    let mut config = config(directory.path());
    config.models.packages = vec![PackageConfig {
        backend: Some("tpu".to_owned()),
        ..one(&directory.path().join("a/1"))
    }];
    assert_eq!(
        load(&config).unwrap_err().to_string(),
        "configuration: models.packages[0].backend: \"tpu\"; expected one of plain"
    );
    config.models.packages.clear();
    config.models.settings = [("plian".to_owned(), toml::Table::new())].into();
    assert_eq!(
        load(&config).unwrap_err().to_string(),
        "configuration: models.settings.plian: \"plian\"; expected one of plain; did you mean plain?"
    );
}

#[test]
fn a_package_in_the_directory_may_have_options_of_its_own() {
    let directory = directory(&["a/1", "a/2"]);
    let mut config = config(directory.path());
    config.models.packages = vec![one(&directory.path().join("a/../a/1"))];
    assert_eq!(ids(&load(&config).unwrap()), ["a/2", "a/1"]);
    config.models.packages[0].execution_providers = Some(vec!["abacus".to_owned()]);
    let text = load(&config).unwrap_err().to_string();
    assert_eq!(text, "backend plain is not available: no [\"abacus\"]");
    fs::remove_dir_all(directory.path().join("a/2")).unwrap();
    config.models.packages[0].execution_providers = None;
    assert_eq!(ids(&load(&config).unwrap()), ["a/1"]);
}

#[test]
fn a_refused_version_does_not_keep_another_from_serving() {
    let directory = directory(&["a/1", "a/2", "b/1"]);
    fs::write(directory.path().join("a/2/golden.json"), "{").unwrap();
    let mut config = config(directory.path());
    assert_eq!(ids(&load(&config).unwrap()), ["a/1", "b/1"]);
    let text = refusal(&config);
    assert!(text.contains("a/2/golden.json"), "{text}");

    // Unless it is what is asked for.
    config.models.default = Some("a/2".to_owned());
    let text = load(&config).unwrap_err().to_string();
    assert!(text.contains("a/2/golden.json"), "{text}");
    config.models.default = None;
    config.models.packages = vec![one(&directory.path().join("a/2"))];
    let text = load(&config).unwrap_err().to_string();
    assert!(text.contains("a/2/golden.json"), "{text}");
    config.models.packages.clear();
    fs::remove_dir_all(directory.path().join("a/1")).unwrap();
    let text = load(&config).unwrap_err().to_string();
    assert!(text.contains("a/2/golden.json"), "{text}");
}

/// Opening a pipe would wait for somebody who writes; a socket stands for it here.
#[test]
fn what_is_no_file_is_not_read() {
    let directory = directory(&["a/1"]);
    for (name, expected) in [
        ("golden.json", "a/1/golden.json: is no file"),
        ("model.toml", "a/1/model.toml: is no file"),
    ] {
        let file = directory.path().join("a/1").join(name);
        fs::remove_file(&file).unwrap();
        UnixListener::bind(&file).unwrap();
        let text = load(&config(directory.path())).unwrap_err().to_string();
        assert!(text.ends_with(expected), "{text}");
    }
    let mut config = config(directory.path());
    config.models.packages = vec![one(&directory.path().join("a/1"))];
    let text = load(&config).unwrap_err().to_string();
    assert!(text.contains("a/1/model.toml: is no file"), "{text}");
}
