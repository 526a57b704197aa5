//! Libraries that are no plugins, and plugins that go wrong.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod libraries;

use std::{fs, path::Path, time::Duration};

use libraries::{c_plugin, faulty_plugin, seed, tract_plugin};
use ser_backend::{
    Backend, BackendError, Batch, DeviceOptions, GoldenRow, Model, ModelPackage, Row,
};
use ser_backend_plugin::{Deadlines, PluginBackend};

/// Long enough for what comes back, however slow the machine.
const DEADLINES: Deadlines = Deadlines {
    handshake: Duration::from_secs(60),
    describe: Duration::from_secs(60),
    load: Duration::from_secs(60),
    instance: Duration::from_secs(60),
    unload: Duration::from_secs(60),
};

/// For what never comes back.
const SHORT: Duration = Duration::from_millis(200);

fn open(fault: &str) -> PluginBackend {
    PluginBackend::open("faulty", &faulty_plugin(fault), DEADLINES)
}

/// Loads the seed package.
fn load(backend: &PluginBackend) -> Result<Box<dyn Model>, BackendError> {
    backend.load(&seed(), &DeviceOptions::default())
}

/// What both `probe` and `load` say of a library that is no plugin.
fn refusal(backend: &PluginBackend, library: &Path) -> String {
    let probed = backend.probe().expect_err("no plugin").to_string();
    let loaded = load(backend).err().expect("no plugin").to_string();
    assert_eq!(probed, loaded);
    let start = format!("backend faulty is not available: {}: ", library.display());
    match probed.strip_prefix(&start) {
        Some(reason) => reason.to_owned(),
        None => panic!("{probed:?} doesn't begin with {start:?}"),
    }
}

fn refusal_of(fault: &str) -> String {
    let library = faulty_plugin(fault);
    refusal(
        &PluginBackend::open("faulty", &library, DEADLINES),
        &library,
    )
}

#[test]
fn a_missing_file() {
    let path = Path::new("/no/such/plugin.so");
    let backend = PluginBackend::open("faulty", path, DEADLINES);
    assert_eq!(refusal(&backend, path), "no such file");
}

#[test]
fn a_bare_name_is_a_file_here_and_no_system_library() {
    let backend = PluginBackend::open("faulty", Path::new("libc.so.6"), DEADLINES);
    let here = std::env::current_dir().unwrap().join("libc.so.6");
    assert_eq!(refusal(&backend, &here), "no such file");
}

#[test]
fn no_shared_library() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("text.so");
    fs::write(&library, "not a library").unwrap();
    let backend = PluginBackend::open("faulty", &library, DEADLINES);
    let reason = refusal(&backend, &library);
    let start = "no shared library that loads here: ";
    assert!(reason.starts_with(start), "{reason}");
}

#[test]
fn another_library() {
    for fault in ["NO_SYMBOL", "NULL_SYMBOL"] {
        assert_eq!(
            refusal_of(fault),
            "symbol ser_plugin_handshake is missing; expected a library made with \
             ser_backend_plugin.h"
        );
    }
}

/// It may have started threads all the same.
#[test]
#[cfg(target_os = "linux")]
fn another_library_stays_loaded_too() {
    refusal_of("NO_SYMBOL");
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains("libfaulty_NO_SYMBOL.so"), "{maps}");
}

#[test]
fn another_abi() {
    assert_eq!(refusal_of("ABI"), "ABI 2; expected ABI 1");
    assert_eq!(
        refusal_of("NO_TABLE"),
        "ABI none that is ours; expected ABI 1"
    );
}

#[test]
fn another_size_of_a_struct() {
    let size = size_of::<ser_plugin_abi::Plugin>();
    assert_eq!(
        refusal_of("TABLE_SIZE"),
        format!("struct ser_plugin has {} bytes; expected {size}", size - 8)
    );
    let size = size_of::<ser_plugin_abi::Batch>();
    assert_eq!(
        refusal_of("STRUCT_SIZE"),
        format!("struct ser_batch has {} bytes; expected {size}", size + 8)
    );
}

#[test]
fn a_missing_function() {
    assert_eq!(refusal_of("NO_INFER"), "ser_plugin.infer is missing");
}

#[test]
fn a_plugin_without_a_name() {
    assert_eq!(
        refusal_of("NO_NAME"),
        "ser_plugin.name is null, empty or no UTF-8"
    );
}

#[test]
fn a_handshake_that_hangs() {
    let library = faulty_plugin("HANDSHAKE_HANGS");
    let deadlines = Deadlines {
        handshake: SHORT,
        ..DEADLINES
    };
    let backend = PluginBackend::open("faulty", &library, deadlines);
    assert_eq!(
        refusal(&backend, &library),
        "ser_plugin_handshake has not returned within 200ms"
    );
}

#[test]
fn a_backend_that_is_not_available_here() {
    // The plugin leaves nothing in a message that a log had better not show.
    let backend = open("DESCRIBE_FAILS");
    for error in [backend.probe().err(), load(&backend).err()] {
        assert_eq!(
            error.unwrap().to_string(),
            "backend faulty is not available: no such device, ??hem??[31m?"
        );
    }
}

#[test]
fn a_describe_that_counts_wrong() {
    let error = open("DESCRIBE_COUNTS_WRONG").probe().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "backend faulty is not available: describe names {} execution providers; expected at \
             most 64",
            usize::MAX
        )
    );
}

#[test]
fn a_describe_that_hangs() {
    let library = faulty_plugin("DESCRIBE_HANGS");
    let deadlines = Deadlines {
        describe: SHORT,
        ..DEADLINES
    };
    let backend = PluginBackend::open("faulty", &library, deadlines);
    assert_eq!(
        backend.probe().unwrap_err().to_string(),
        "backend faulty is not available: describe has not returned within 200ms"
    );
    assert_eq!(
        backend.probe().unwrap_err().to_string(),
        "backend faulty is not available: an earlier call of describe has not returned until now"
    );
}

#[test]
fn a_load_that_fails_says_why() {
    let options = DeviceOptions {
        settings: toml::toml! { threads = 2 },
        ..DeviceOptions::default()
    };
    let error = open("LOAD_FAILS").load(&seed(), &options).err().unwrap();
    let BackendError::Unsupported {
        backend, reason, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(backend, "faulty");
    assert_eq!(reason, "not tess-lstm/1 on cpu, \"threads = 2?\"");
}

#[test]
fn a_load_that_does_nothing() {
    for (fault, reason) in [
        ("LOAD_EMPTY", "load has stored no model"),
        ("LOAD_SILENT", "load has not filled in ser_model_info"),
    ] {
        assert_eq!(
            load(&open(fault)).err().unwrap().to_string(),
            format!("backend faulty is not available: {reason}")
        );
    }
}

/// Whoever asked for a device must not get another without a word.
#[test]
fn a_load_that_runs_elsewhere() {
    assert_eq!(
        load(&open("LOAD_ELSEWHERE")).err().unwrap().to_string(),
        "backend faulty is not available: load says that it runs on \"toaster\"; expected [\"cpu\"]"
    );
}

#[test]
fn a_load_that_hangs_and_one_after_it() {
    let library = faulty_plugin("LOAD_HANGS");
    let deadlines = Deadlines {
        load: SHORT,
        ..DEADLINES
    };
    let backend = PluginBackend::open("faulty", &library, deadlines);
    backend.probe().unwrap();
    assert_eq!(
        load(&backend).err().unwrap().to_string(),
        "backend faulty is not available: load has not returned within 200ms"
    );
    assert_eq!(
        load(&backend).err().unwrap().to_string(),
        "backend faulty is not available: an earlier call of load has not returned until now"
    );
}

#[test]
fn an_instance_that_hangs() {
    let library = faulty_plugin("INSTANCE_HANGS");
    let deadlines = Deadlines {
        instance: SHORT,
        ..DEADLINES
    };
    let backend = PluginBackend::open("faulty", &library, deadlines);
    let mut model = load(&backend).unwrap();
    assert_eq!(
        model.instance().err().unwrap().to_string(),
        "inference failed: plugin faulty: instance has not returned within 200ms"
    );
    // Nobody else may use the model now.
    let error = infer(model.as_mut(), &seed(), &[quiet(&seed())]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "inference failed: plugin faulty: a call of instance has not returned"
    );
}

#[test]
fn an_unload_that_hangs() {
    let deadlines = Deadlines {
        unload: SHORT,
        ..DEADLINES
    };
    let backend = PluginBackend::open("faulty", &faulty_plugin("UNLOAD_HANGS"), deadlines);
    let model = load(&backend).unwrap();
    let instance = model.instance().unwrap();
    // Whoever drops them comes back.
    drop(model);
    let again = "backend faulty is not available: an earlier call of unload has not returned until \
                 now";
    assert_eq!(load(&backend).err().unwrap().to_string(), again);
    assert_eq!(
        instance.instance().err().unwrap().to_string(),
        "inference failed: plugin faulty: an earlier call of unload has not returned until now"
    );
    drop(instance);
    assert_eq!(backend.probe().unwrap_err().to_string(), again);
}

fn quiet(package: &ModelPackage) -> GoldenRow {
    package.golden.rows[0].clone()
}

fn loud(package: &ModelPackage) -> GoldenRow {
    let mut row = quiet(package);
    row.features[0] = 0.0;
    row
}

fn infer(
    model: &mut dyn Model,
    package: &ModelPackage,
    rows: &[GoldenRow],
) -> Result<Batch, BackendError> {
    let mut batch = Batch::new(package.manifest.row_shape());
    for row in rows {
        batch.push(Row {
            features: &row.features,
            state: &row.state,
            valid_steps: row.valid_steps,
        });
    }
    model.infer(&mut batch).map(|()| batch)
}

/// An error of a loud row's call, and the model goes on.
fn error_of_a_loud_row(fault: &str) -> String {
    let package = seed();
    let mut model = load(&open(fault)).unwrap();
    let rows = [quiet(&package), loud(&package)];
    let error = infer(model.as_mut(), &package, &rows).unwrap_err();
    let after = infer(model.as_mut(), &package, &[quiet(&package)]).unwrap();
    let golden = &quiet(&package).posteriors;
    for (got, expected) in after.posteriors(0).iter().zip(golden) {
        assert!((got - expected).abs() < 1e-4, "{got}, not {expected}");
    }
    error.to_string()
}

#[test]
fn an_inference_that_fails_says_why() {
    assert_eq!(
        error_of_a_loud_row("INFER_FAILS"),
        "inference failed: plugin faulty: row 1 is loud"
    );
}

#[test]
fn an_inference_that_writes_too_little() {
    assert_eq!(
        error_of_a_loud_row("INFER_WRITES_TOO_LITTLE"),
        "inference failed: plugin faulty: infer wrote too little: 7 of 14 posteriors are missing, \
         the first is value 0 of row 1"
    );
}

#[test]
fn the_plugins_of_this_repository_refuse_settings() {
    let options = DeviceOptions {
        settings: toml::toml! { threads = 2 },
        ..DeviceOptions::default()
    };
    for library in [c_plugin(), tract_plugin()] {
        let backend = PluginBackend::open("mine", &library, DEADLINES);
        let error = backend.load(&seed(), &options).err().unwrap().to_string();
        let start = "settings of backend mine: ";
        assert!(
            error.starts_with(start) && error.contains("threads"),
            "{error}"
        );
    }
}
