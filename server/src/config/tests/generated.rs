//! What is made from the structs, held against what is committed.

use humantime_serde::re::humantime::parse_duration;
use serde_json::Value;

use super::{
    super::{
        example, json_schema,
        keys::{self, Key, Kind},
    },
    Config, from_file,
};

/// The committed files say what the structs do.
#[track_caller]
fn assert_committed(file: &str, made: &str, command: &str) {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == made,
        "server/{file} is out of date: `cargo run -p ser-server -- config {command} > \
         server/{file}` writes it anew"
    );
}

#[test]
fn the_committed_example_is_the_generated_one() {
    assert_committed("ser-server.example.toml", &example(), "example");
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    assert_committed("ser-server.schema.json", &json_schema(), "schema");
}

#[test]
fn the_example_holds_the_defaults() {
    assert_eq!(from_file(&example()).unwrap(), Config::default());
}

/// Every key of every section is in the example, and none that is an example keeps the
/// file from being read.
#[test]
fn the_example_can_be_uncommented() {
    let uncommented: String = example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let all: toml::Table = uncommented.parse().unwrap();
    let lacks = |path: &String| {
        let mut table = Some(&all);
        path.split('.').any(|name| {
            let value = table.and_then(|table| table.get(name));
            table = value.and_then(toml::Value::as_table);
            value.is_none()
        })
    };
    let missing: Vec<_> = keys::root().paths().into_iter().filter(lacks).collect();
    assert_eq!(missing, [""; 0]);
    let config = from_file(&uncommented).unwrap();
    assert_ne!(config, Config::default());
    assert_eq!(config.models.packages.len(), 1);
    assert!(!config.models.packages[0].settings.is_empty());
}

/// Every leaf with its path.
fn leaves<'a>(path: &str, key: &'a Key, all: &mut Vec<(String, &'a Key)>) {
    let inner = match &key.kind {
        Kind::Table(keys) => keys.iter().collect(),
        Kind::List(each) if matches!(each.kind, Kind::Table(_)) => vec![&**each],
        _ => Vec::new(),
    };
    if inner.is_empty() {
        all.push((path.to_owned(), key));
    }
    for key in inner {
        leaves(&format!("{path}.{}", key.name), key, all);
    }
}

/// Doc comments are the only place where a default is written a second time.
#[test]
fn every_key_says_what_it_is_for_and_its_default() {
    let mut all = Vec::new();
    leaves("", keys::root(), &mut all);
    assert!(all.len() > 30);
    for (path, key) in all {
        let doc = key.doc.replace('\n', " ");
        let said = doc.split_once("Default: ").map(|(_, said)| said);
        if key.required {
            assert!(!doc.is_empty(), "{path}: no doc comment");
            continue;
        }
        let said = said.unwrap_or_else(|| panic!("{path}: no \"Default: \" in {doc:?}"));
        let is_empty = |default: &Value| default.as_object().is_some_and(|map| map.is_empty());
        match key.default.as_ref().filter(|default| !is_empty(default)) {
            Some(default) => assert!(says(said, default), "{path}: {said:?} isn't {default}"),
            None => assert!(
                key.example.is_some() || said.starts_with("none"),
                "{path}: no example"
            ),
        }
    }
}

/// Whether prose begins with a value: `30 s`, `4096`, `` `burn` ``, `128 KiB`.
fn says(prose: &str, value: &Value) -> bool {
    let end = |text: &str| text.is_empty() || text.starts_with(['.', ',', ' ', ';', ')']);
    let begins = |text: &str| prose.strip_prefix(text).is_some_and(end);
    if let Some(text) = value.as_str() {
        let phrase = prose.trim_end_matches('.');
        let phrase = phrase.split([',', ';', '(']).next().unwrap_or_default();
        let phrase = phrase.split(". ").next().unwrap_or_default();
        return begins(&format!("`{text}`"))
            || parse_duration(phrase).is_ok_and(|said| Ok(said) == parse_duration(text));
    }
    begins(&value.to_string()) || begins(&format!("`{value}`"))
}
