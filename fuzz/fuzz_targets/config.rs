//! A configuration file, and environment variables over it.
//!
//! Whatever is right is printed, and read again as the same. Whatever is wrong says so.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use ser_fuzz::seeds;
use ser_server::{
    config::{Settings, example},
    fuzzing::settings,
};

/// The file, then variables as `NAME=value`, with zero bytes between them.
fn parts(text: &str) -> (&str, BTreeMap<String, String>) {
    let mut parts = text.split('\0');
    let file = parts.next().unwrap_or_default();
    let variables = parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    (file, variables.collect())
}

fn seeds() -> Vec<Vec<u8>> {
    // Examples stand behind a # without a blank.
    let example = example();
    let lines = example.lines().filter(|line| !line.starts_with("# "));
    let lines = lines.map(|line| line.trim_start_matches('#'));
    let all = lines.collect::<Vec<_>>().join("\n");
    let sections = all.split("\n[").skip(1);
    let mut seeds: Vec<_> = sections
        .map(|section| format!("[{section}").into_bytes())
        .collect();
    seeds.push(seeds::join(&[
        b"[server]\nlisten = \"127.0.0.1:7\"\n[[models.packages]]\npath = \"a/b/1\"",
        b"SER__LIMITS__IDLE=5s",
        b"SER__MODELS__SETTINGS__BURN__THREADS=[1, { a = 2 }]",
        b"SER__MODELS__EXECUTION_PROVIDERS=cuda,cpu",
        b"OTEL_RESOURCE_ATTRIBUTES=a=b,c=d",
        b"SER__PLUGINS__MINE=/usr/lib/libmine.so",
    ]));
    seeds
}

fn check_printed(first: &Settings) {
    let json: Result<serde_json::Value, _> = serde_json::from_str(&first.to_json());
    assert!(json.is_ok());
    let printed = first.to_toml();
    match settings(&printed, &BTreeMap::new()) {
        Ok(again) => assert_eq!(again.config, first.config, "{printed}"),
        Err(problems) => panic!("{problems:?} of {printed}"),
    }
}

fuzz_target!(
    init: seeds::write(seeds()),
    |data: &[u8]| {
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let (file, variables) = parts(text);
        match settings(file, &variables) {
            // Reading is what there is to learn from; printing takes longer.
            Ok(first) if data.len().is_multiple_of(8) => check_printed(&first),
            Ok(_) => {}
            Err(problems) => {
                assert!(!problems.is_empty());
                assert!(problems.iter().all(|problem| !problem.reason.is_empty()));
            }
        }
    }
);
