//! Every source of settings, alone and against the others.

use std::{collections::HashMap, fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use super::{Config, LogFormat, Overrides, load::load_from, variables::meant};
use crate::Error;

struct File {
    path: PathBuf,
    _dir: TempDir,
}

fn file(text: &str) -> File {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ser.toml");
    fs::write(&path, text).unwrap();
    File { path, _dir: dir }
}

fn environment(variables: &[(&str, &str)]) -> HashMap<String, String> {
    variables
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn from_file(text: &str) -> Result<Config, Error> {
    load_from(Some(&file(text).path), HashMap::new(), Overrides::default())
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, Error> {
    load_from(None, environment(variables), Overrides::default())
}

/// The error of a file, without the folder that it lies in.
fn file_error(text: &str) -> String {
    let error = from_file(text).unwrap_err().to_string();
    let at = error.find("ser.toml").unwrap();
    error[at..].to_owned()
}

fn environment_error(variables: &[(&str, &str)]) -> String {
    from_environment(variables).unwrap_err().to_string()
}

#[test]
fn nothing_gives_the_defaults() {
    assert_eq!(from_environment(&[]).unwrap(), Config::default());
    assert_eq!(from_file("").unwrap(), Config::default());
}

#[test]
fn the_example_holds_every_default() {
    let text = include_str!("../../ser-server.example.toml");
    assert_eq!(from_file(text).unwrap(), Config::default());
    let written: toml::Table = text.parse().unwrap();
    let mut defaults = toml::Table::try_from(Config::default()).unwrap();
    // Empty, they can't stand beside the tables that the example shows.
    let models = defaults["models"].as_table_mut().unwrap();
    models.retain(|key, _| key != "packages" && key != "settings");
    for (section, values) in defaults {
        let keys = |value: &toml::Value| -> Vec<String> {
            value.as_table().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&written[&section]), keys(&values), "[{section}]");
    }
}

#[test]
fn the_example_names_every_key_without_a_default() {
    let text = include_str!("../../ser-server.example.toml");
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") || setting.starts_with('[') => setting,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let config = from_file(&all).unwrap();
    assert!(config.server.port_file.is_some() && config.models.default.is_some());
    assert!(config.models.directory.is_some() && config.models.instances.is_some());
    assert_eq!(config.models.packages.len(), 1);
    assert!(config.models.packages[0].instances.is_some());
    assert!(!config.models.packages[0].settings.is_empty());
    assert!(!config.models.settings.is_empty());
    assert!(config.admin.listen.is_some() && config.admin.port_file.is_some());
    for tls in [&config.tls, &config.admin.tls] {
        assert!(tls.certificate.is_some() && tls.key.is_some());
        assert!(tls.client_ca.is_some() && tls.client_crl.is_some());
    }
    assert!(config.auth.tokens.is_some() && config.admin.tokens.is_some());
    assert!(config.health.listen.is_some());
    assert_eq!(config.plugins.len(), 1);
}

#[test]
fn other_machines_reach_nothing_that_is_not_encrypted() {
    let local = ["127.0.0.1:7", "[::1]:0", "127.8.8.8:7"];
    let remote = ["0.0.0.0:7", "[::]:7", "10.0.0.1:7"];
    for address in local {
        from_environment(&[("SER__SERVER__LISTEN", address)]).unwrap();
    }
    for address in remote {
        let error = environment_error(&[("SER__SERVER__LISTEN", address)]);
        assert_eq!(
            error,
            format!(
                "configuration: server.listen: {address}, which other machines reach, without \
                 encryption; expected tls.certificate and tls.key beside it, or \
                 server.allow_plaintext = true where something in front of the server \
                 encrypts, or an address of this machine alone, such as 127.0.0.1:50051"
            )
        );
        let allowed = file("[server]\nallow_plaintext = true\n");
        let encrypted = file("[tls]\ncertificate = \"a\"\nkey = \"b\"\n");
        for file in [allowed, encrypted] {
            let flags = Overrides {
                listen: Some(address.parse().unwrap()),
                ..Overrides::default()
            };
            load_from(Some(&file.path), HashMap::new(), flags).unwrap();
        }
    }
}

#[test]
fn other_machines_reach_the_admin_service_with_credentials_alone() {
    const TLS: &str = "[admin.tls]\ncertificate = \"a\"\nkey = \"b\"\n";
    const TOKENS: &str = "[admin]\ntokens = \"c\"\n";
    let load = |address: &str, text: &str| {
        let flags = Overrides {
            admin_listen: Some(address.parse().unwrap()),
            ..Overrides::default()
        };
        load_from(Some(&file(text).path), HashMap::new(), flags)
    };
    assert_eq!(Config::default().admin.listen, None);
    load("127.0.0.1:7", "").unwrap();
    load("127.0.0.1:7", TOKENS).unwrap();
    for remote in ["0.0.0.0:7", "[::]:7", "10.0.0.1:7"] {
        load(remote, &format!("{TOKENS}{TLS}")).unwrap();
        load(remote, &format!("{TLS}client_ca = \"d\"\n")).unwrap();
        let plaintext = "[server]\nallow_plaintext = true\n";
        for text in ["", TLS, TOKENS, plaintext] {
            let error = load(remote, text).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "configuration: admin.listen: {remote}, which other machines reach; expected \
                     admin.tls.certificate and admin.tls.key with admin.tokens or \
                     admin.tls.client_ca beside it, or an address of this machine alone, such \
                     as 127.0.0.1:50052"
                )
            );
        }
    }
}

#[test]
fn what_would_be_ignored_is_refused() {
    for (text, expected) in [
        (
            "[tls]\ncertificate = \"a\"\n",
            "tls.certificate: set; expected tls.key beside it",
        ),
        (
            "[tls]\nkey = \"a\"\n",
            "tls.key: set; expected tls.certificate beside it",
        ),
        (
            "[tls]\nclient_ca = \"a\"\n",
            "tls.client_ca: set; expected tls.certificate beside it",
        ),
        (
            "[tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_crl = \"c\"\n",
            "tls.client_crl: set; expected tls.client_ca beside it",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:0\"\n[admin.tls]\nkey = \"a\"\n",
            "admin.tls.key: set; expected admin.tls.certificate beside it",
        ),
        (
            "[admin]\nport_file = \"a\"\n",
            "admin.port_file: set; expected admin.listen beside it",
        ),
        (
            "[admin]\ntokens = \"a\"\n",
            "admin.tokens: set; expected admin.listen beside it",
        ),
        (
            "[admin.tls]\ncertificate = \"a\"\nkey = \"b\"\n",
            "admin.tls.certificate: set; expected admin.listen beside it",
        ),
    ] {
        let error = from_file(text).unwrap_err().to_string();
        assert_eq!(error, format!("configuration: {expected}"));
    }
}

#[test]
fn later_sources_win() {
    let file = file("[limits]\nidle = \"1s\"\nchunk_bytes = 100\n[log]\nlevel = \"warn\"\n");
    let variables = environment(&[("SER__LIMITS__IDLE", "2m"), ("SER__LOG__LEVEL", "debug")]);
    let flags = Overrides {
        log_level: Some("trace".to_owned()),
        log_format: Some(LogFormat::Json),
        listen: Some(([127, 0, 0, 7], 0).into()),
        ..Overrides::default()
    };
    let config = load_from(Some(&file.path), variables, flags).unwrap();
    assert_eq!(config.limits.chunk_bytes, 100);
    assert_eq!(config.limits.idle, Duration::from_secs(120));
    assert_eq!(config.log.level, "trace");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.server.listen.port(), 0);
    assert_eq!(config.batcher, Config::default().batcher);
}

#[test]
fn the_environment_sets_every_type() {
    let config = from_environment(&[
        ("SER__SERVER__LISTEN", "[::1]:7"),
        ("SER__SERVER__STREAMS_PER_CONNECTION", "5"),
        ("SER__LIMITS__OPEN_STREAMS", "3"),
        ("SER__MODELS__EMBEDDED", "false"),
        ("SER__MODELS__DEFAULT", "7"),
        ("SER__MODELS__INSTANCES", "2"),
        ("SER__MODELS__EXECUTION_PROVIDERS", "tensorrt, cuda"),
        ("SER__MODELS__SETTINGS__ONNX__THREADS", "3"),
        ("SER__MODELS__SETTINGS__ONNX__BUCKETS", "[8, 64]"),
        ("SER__LOG__FORMAT", "json"),
    ])
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "[::1]:7");
    assert_eq!(config.server.streams_per_connection, 5);
    assert_eq!(config.limits.open_streams.get(), 3);
    assert!(!config.models.embedded);
    assert_eq!(config.models.default.as_deref(), Some("7"));
    assert_eq!(config.models.instances.map(Into::into), Some(2));
    assert_eq!(config.models.execution_providers, ["tensorrt", "cuda"]);
    assert_eq!(
        config.models.settings["onnx"]["threads"].as_integer(),
        Some(3)
    );
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn what_kubernetes_injects_is_left_alone() {
    let variables = [
        ("SER_SERVER_PORT", "tcp://10.0.0.1:50051"),
        ("SER_SERVER_SERVICE_HOST", "x"),
    ];
    assert_eq!(from_environment(&variables).unwrap(), Config::default());
}

#[test]
fn errors_name_source_key_value_and_what_was_expected() {
    let error = file_error("[limits]\nidel = \"1s\"\n");
    assert!(error.starts_with("ser.toml: limits"), "{error}");
    assert!(
        error.contains("unknown field `idel`, expected one of `first_message`, `idle`"),
        "{error}"
    );

    let error = file_error("[limit]\nidle = \"1s\"\n");
    assert!(
        error.contains("unknown field `limit`, expected one of `server`, `limits`"),
        "{error}"
    );

    let error = file_error("[limits]\nidle = 30\n");
    assert_eq!(
        error,
        "ser.toml: limits.idle: \"30\"; expected a duration such as 30s"
    );

    let error = file_error("[server]\nlisten = \"localhost:0\"\n");
    assert_eq!(
        error,
        "ser.toml: server.listen: \"localhost:0\"; expected ADDRESS:PORT, such as 127.0.0.1:50051"
    );

    let error = environment_error(&[("SER__ADMIN__LISTEN", "50052")]);
    assert_eq!(
        error,
        "environment variable SER__ADMIN__LISTEN: \"50052\"; expected ADDRESS:PORT, such as \
         127.0.0.1:50051"
    );

    let error = file_error("[limits]\nchunk_bytes = \"many\"\n");
    assert_eq!(
        error,
        "ser.toml: limits.chunk_bytes: string \"many\"; expected an integer"
    );

    let error = file_error("[limits]\nchunk_bytes = 300000\n");
    assert_eq!(
        error,
        "ser.toml: limits.chunk_bytes: 300000; expected 1 to 262000"
    );

    let error = file_error("[log]\nlevel = \"a=b=c\"\n");
    assert!(
        error.starts_with("ser.toml: log.level: \"a=b=c\"; "),
        "{error}"
    );

    let error = file_error("[limits\n");
    assert!(error.starts_with("ser.toml: "), "{error}");

    let error = environment_error(&[("SER__LIMITS__IDLE", "soon")]);
    assert_eq!(
        error,
        "environment variable SER__LIMITS__IDLE: \"soon\"; expected a duration such as 30s"
    );

    let error = environment_error(&[("SER__LIMITS__IDEL", "1s")]);
    assert!(
        error.starts_with("environment variable SER__LIMITS"),
        "{error}"
    );
    assert!(error.contains("unknown field `idel`"), "{error}");

    let error = environment_error(&[("SER__LIMITS__OPEN_STREAMS", "0")]);
    assert!(
        error.starts_with("environment variable SER__LIMITS__OPEN_STREAMS: "),
        "{error}"
    );

    let error = environment_error(&[("SER__LIMITS__IDLE", "0s")]);
    assert_eq!(
        error,
        "environment variable SER__LIMITS__IDLE: 0s; expected more than 0s"
    );

    let error = environment_error(&[("SER__SERVER__DRAIN", "1000000years")]);
    assert_eq!(
        error,
        "environment variable SER__SERVER__DRAIN: 31557600000000s; expected at most 24h"
    );

    let missing = PathBuf::from("there/is/no/such/file");
    let error = load_from(Some(&missing), HashMap::new(), Overrides::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("there/is/no/such/file: "),
        "{error}"
    );
    assert!(error.is_misconfiguration());
}

#[test]
fn a_log_level_is_not_taken_for_a_target() {
    for level in [
        "warn",
        "OFF",
        "ser_server=debug",
        "info,[stream]=trace",
        "warn,ser_server=debug,h2=off",
    ] {
        let config = from_environment(&[("SER__LOG__LEVEL", level)]).unwrap();
        assert_eq!(config.log.level, level);
    }
    for (level, misspelt) in [
        ("warning", "warning"),
        ("quiet", "quiet"),
        ("info,warning", "warning"),
        ("ser_server", "ser_server"),
    ] {
        assert_eq!(
            environment_error(&[("SER__LOG__LEVEL", level)]),
            format!(
                "environment variable SER__LOG__LEVEL: {misspelt:?}; expected off, error, warn, \
                 info, debug, trace or TARGET=LEVEL"
            )
        );
    }
}

#[test]
fn single_underscores_are_noticed() {
    for (name, expected) in [
        ("SER_LIMITS_IDLE", Some("SER__LIMITS__IDLE")),
        ("SER_SERVER_PORT_FILE", Some("SER__SERVER__PORT_FILE")),
        ("SER_LOG_LEVEL", Some("SER__LOG__LEVEL")),
        ("SER__LIMITS__IDLE", None),
        ("SER_SERVER_PORT", None),
        ("SER_SERVER_SERVICE_HOST", None),
        ("IDLE", None),
    ] {
        assert_eq!(meant(name).as_deref(), expected, "{name}");
    }
}

#[test]
fn plugins_are_named_in_the_file_and_in_the_environment() {
    let plugins = |config: Config| -> Vec<(String, String)> {
        let text = |path: PathBuf| path.display().to_string();
        let pairs = config.plugins.into_iter();
        pairs.map(|(name, path)| (name, text(path))).collect()
    };
    let expected = [("mine".to_owned(), "/lib/mine.so".to_owned())];
    let config = from_file("[plugins]\nmine = \"/lib/mine.so\"\n").unwrap();
    assert_eq!(plugins(config), expected);
    let config = from_environment(&[("SER__PLUGINS__MINE", "/lib/mine.so")]).unwrap();
    assert_eq!(plugins(config), expected);
}
