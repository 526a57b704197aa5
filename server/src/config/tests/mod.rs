//! Every source of settings, alone and against the others.

mod generated;
mod printed;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use super::{Config, LogFormat, Overrides, Problem, Settings, environment::meant};

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

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The settings of all three sources, or what is wrong with them.
fn settings(
    file: Option<&File>,
    variables: &[(&str, &str)],
    flags: &Overrides,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let file = file.map(|file| file.path.as_path());
    let settings = Settings::read(file, &environment(variables), flags, &mut problems);
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

fn from_file(text: &str) -> Result<Config, Vec<Problem>> {
    let settings = settings(Some(&file(text)), &[], &Overrides::default());
    settings.map(|settings| settings.config)
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let settings = settings(None, variables, &Overrides::default());
    settings.map(|settings| settings.config)
}

/// What is wrong with a file, without the folder that it lies in.
fn file_errors(text: &str) -> Vec<String> {
    let problems = from_file(text).unwrap_err().into_iter();
    let texts = problems.map(|problem| problem.to_string());
    texts
        .map(|text| text[text.find("ser.toml").unwrap()..].to_owned())
        .collect()
}

/// The one thing that is.
fn file_error(text: &str) -> String {
    let [error] = file_errors(text).try_into().unwrap();
    error
}

fn environment_error(variables: &[(&str, &str)]) -> String {
    let [problem] = from_environment(variables).unwrap_err().try_into().unwrap();
    Problem::to_string(&problem)
}

#[test]
fn nothing_gives_the_defaults() {
    assert_eq!(from_environment(&[]).unwrap(), Config::default());
    assert_eq!(from_file("").unwrap(), Config::default());
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
                "environment variable SER__SERVER__LISTEN: server.listen: {address}, which other machines reach, without \
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
            settings(Some(&file), &[], &flags).unwrap();
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
        settings(Some(&file(text)), &[], &flags)
    };
    assert_eq!(Config::default().admin.listen, None);
    load("127.0.0.1:7", "").unwrap();
    load("127.0.0.1:7", TOKENS).unwrap();
    for remote in ["0.0.0.0:7", "[::]:7", "10.0.0.1:7"] {
        load(remote, &format!("{TOKENS}{TLS}")).unwrap();
        load(remote, &format!("{TLS}client_ca = \"d\"\n")).unwrap();
        let plaintext = "[server]\nallow_plaintext = true\n";
        for text in ["", TLS, TOKENS, plaintext] {
            let problems = load(remote, text).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert_eq!(
                problems[0].to_string(),
                format!(
                    "flag --admin-listen: admin.listen: {remote}, which other machines reach; expected \
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
        let error = file_error(text);
        let error = error.split_once(": ").unwrap().1;
        assert_eq!(error, expected, "{text}");
    }
}

#[test]
fn later_sources_win() {
    let file = file("[limits]\nidle = \"1s\"\nchunk_bytes = 100\n[log]\nlevel = \"warn\"\n");
    let variables = [("SER__LIMITS__IDLE", "2m"), ("SER__LOG__LEVEL", "debug")];
    let flags = Overrides {
        log_level: Some("trace".to_owned()),
        log_format: Some(LogFormat::Json),
        listen: Some(([127, 0, 0, 7], 0).into()),
        ..Overrides::default()
    };
    let settings = settings(Some(&file), &variables, &flags).unwrap();
    let origin = |key| {
        settings
            .origin(key)
            .map(|origin| origin.rsplit('/').next().unwrap())
    };
    assert_eq!(origin("limits.chunk_bytes"), Some("ser.toml:3"));
    assert_eq!(
        origin("limits.idle"),
        Some("environment variable SER__LIMITS__IDLE")
    );
    assert_eq!(origin("log.level"), Some("flag --log-level"));
    assert_eq!(origin("batcher.max_wait"), None);
    let config = settings.config;
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
    for (text, expected) in [
        (
            "[limits]\nidle = 30\n",
            "ser.toml:2: limits.idle: \"30\"; expected a duration such as 30s",
        ),
        (
            "[server]\n\nlisten = \"localhost:0\"\n",
            "ser.toml:3: server.listen: \"localhost:0\"; expected ADDRESS:PORT, such as \
             127.0.0.1:50051",
        ),
        (
            "limits = { chunk_bytes = \"many\" }\n",
            "ser.toml:1: limits.chunk_bytes: \"many\"; expected an integer from 1 to 262000",
        ),
        (
            "[limits]\nchunk_bytes = 300000\n",
            "ser.toml:2: limits.chunk_bytes: 300000; expected an integer from 1 to 262000",
        ),
        (
            "[limits]\nopen_streams = 1.5\n",
            "ser.toml:2: limits.open_streams: 1.5; expected an integer of at least 1",
        ),
        (
            "[limits]\nopen_streams = 99999999999999999999\n",
            "ser.toml:2: limits.open_streams: \"99999999999999999999\"; expected an integer of \
             at least 1",
        ),
        (
            "[models]\nembedded = 1\n",
            "ser.toml:2: models.embedded: 1; expected true or false",
        ),
        ("limits = 5\n", "ser.toml:1: limits: 5; expected a table"),
        (
            "[models]\nexecution_providers = 5\n",
            "ser.toml:2: models.execution_providers: 5; expected a list",
        ),
        (
            "[models]\ndirectory = [\"/models\"]\n",
            "ser.toml:2: models.directory: sequence; expected a string",
        ),
        (
            "[plugins]\n\"a.b\" = [1]\n",
            "ser.toml:1: plugins.a.b: sequence; expected a string",
        ),
        (
            "[[models.packages]]\nbackend = \"onnx\"\n",
            "ser.toml:1: models.packages[0]: no path; expected one",
        ),
    ] {
        assert_eq!(file_error(text), expected, "{text}");
    }
    // What the libraries say that read them.
    for (text, start) in [
        (
            "[log]\nlevel = \"a=b=c\"\n",
            "ser.toml:2: log.level: \"a=b=c\"; ",
        ),
        ("[limits\n", "ser.toml:1: "),
        ("[limits]\nidle = \"1s\"\nidle = \"2s\"\n", "ser.toml:3: "),
    ] {
        let error = file_error(text);
        assert!(
            error.starts_with(start) && error.len() > start.len(),
            "{error}"
        );
    }
    for (name, value, expected) in [
        (
            "SER__ADMIN__LISTEN",
            "50052",
            "admin.listen: \"50052\"; expected ADDRESS:PORT, such as 127.0.0.1:50051",
        ),
        (
            "SER__LIMITS__IDLE",
            "soon",
            "limits.idle: \"soon\"; expected a duration such as 30s",
        ),
        (
            "SER__LIMITS__IDLE",
            "0s",
            "limits.idle: 0s; expected more than 0s",
        ),
        (
            "SER__SERVER__DRAIN",
            "1000000years",
            "server.drain: 31557600000000s; expected at most 24h",
        ),
        (
            "SER__LIMITS__OPEN_STREAMS",
            "0",
            "limits.open_streams: \"0\"; expected an integer of at least 1",
        ),
        ("SER__LIMITS", "5", "limits: \"5\"; expected a table"),
        (
            "SER__MODELS__PACKAGES__0__PATH",
            "/models/a/1",
            "models.packages: a table; expected a list",
        ),
    ] {
        let error = environment_error(&[(name, value)]);
        assert_eq!(error, format!("environment variable {name}: {expected}"));
    }
    let missing = File {
        path: PathBuf::from("there/is/no/such/file"),
        _dir: TempDir::new().unwrap(),
    };
    let problems = settings(Some(&missing), &[], &Overrides::default()).unwrap_err();
    let [problem] = problems.try_into().unwrap();
    let text = Problem::to_string(&problem);
    assert!(text.starts_with("there/is/no/such/file: "), "{text}");
    assert!(
        text.ends_with("; expected a configuration file in TOML"),
        "{text}"
    );
}

#[test]
fn a_near_miss_gets_a_suggestion() {
    for (text, expected) in [
        (
            "[limits]\nidel = \"1s\"\n",
            "limits.idel: no such key; did you mean limits.idle?",
        ),
        (
            "[limit]\nidle = \"1s\"\n",
            "limit: no such key; did you mean limits?",
        ),
        (
            "[server]\nqueue_rows = 7\n",
            "server.queue_rows: no such key; did you mean batcher.queue_rows?",
        ),
        (
            "max_wait = \"1ms\"\n",
            "max_wait: no such key; did you mean batcher.max_wait?",
        ),
        (
            "[batcher]\ncolour = 7\n",
            "batcher.colour: no such key; expected one of max_wait, queue_rows, call_deadline",
        ),
        (
            "[[models.packages]]\npath = \"a/1\"\nbakend = \"onnx\"\n",
            "models.packages[0].bakend: no such key; did you mean models.packages[0].backend?",
        ),
        (
            "[log]\nformat = \"jsno\"\n",
            "log.format: \"jsno\"; expected pretty or json; did you mean json?",
        ),
        (
            "[log]\nformat = \"xml\"\n",
            "log.format: \"xml\"; expected pretty or json",
        ),
    ] {
        let error = file_error(text);
        assert_eq!(error.split_once(": ").unwrap().1, expected, "{text}");
    }
    for (variable, expected) in [
        (
            "SER__LIMITS__IDEL",
            "limits.idel: no such key; did you mean limits.idle?",
        ),
        (
            "SER__LIMITS_IDLE",
            "limits_idle: no such key; did you mean limits.idle?",
        ),
        (
            "SER__ADMIN__TLS__CERTIFCATE",
            "admin.tls.certifcate: no such key; did you mean admin.tls.certificate?",
        ),
        (
            "SER__ADMIN__TLS_CLIENT_CA",
            "admin.tls_client_ca: no such key; did you mean admin.tls.client_ca?",
        ),
        (
            "SER__ADMIN_TLS__KEY",
            "admin_tls: no such key; did you mean admin.tls?",
        ),
    ] {
        let error = environment_error(&[(variable, "1s")]);
        let expected = format!("environment variable {variable}: {expected}");
        assert!(error.starts_with(&expected), "{expected}: {error}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let file = file(
        "[limits]\nidel = \"1s\"\nidle = \"1\"\nopen_streams = 0\n\
         [[models.packages]]\n[[models.packages]]\npath = \"a/1\"\nbakend = \"onnx\"\n",
    );
    let variables = [
        ("SER__LIMITS__CLIP_DURATION", "soon"),
        ("SER__ADMIN__PORT_FILE", "port"),
    ];
    let flags = Overrides {
        log_level: Some("loud".to_owned()),
        ..Overrides::default()
    };
    let problems = settings(Some(&file), &variables, &flags).unwrap_err();
    let keys: Vec<_> = problems
        .iter()
        .map(|problem| problem.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "limits.idel",
            "limits.open_streams",
            "models.packages[0]",
            "models.packages[1].bakend",
            "limits.idle",
            "limits.clip_duration",
            "admin.port_file",
            "log.level",
        ]
    );
    assert_eq!(problems[7].origin.as_deref(), Some("flag --log-level"));
}

#[test]
fn two_variables_cannot_be_one_inside_the_other() {
    let error = environment_error(&[
        ("SER__MODELS__SETTINGS__ONNX__CUDA", "1"),
        ("SER__MODELS__SETTINGS__ONNX__CUDA__ARENA_LIMIT_MIB", "2"),
    ]);
    assert_eq!(
        error,
        "environment variable SER__MODELS__SETTINGS__ONNX__CUDA__ARENA_LIMIT_MIB: \
         models.settings.onnx.cuda.arena_limit_mib: another variable sets what this one is in; \
         expected one of them"
    );
}

#[test]
fn a_backends_settings_in_variables_are_values_of_toml_or_text() {
    let config = from_environment(&[
        ("SER__MODELS__SETTINGS__ONNX__BUCKETS", "[1, 64]"),
        ("SER__MODELS__SETTINGS__ONNX__DEVICE_ID", "1"),
        ("SER__MODELS__SETTINGS__ONNX__LIBRARY", "/opt/lib.so"),
        ("SER__MODELS__SETTINGS__ONNX__TENSORRT__ALLOW_FP16", "true"),
        (
            "SER__MODELS__SETTINGS__ONNX__TENSORRT__PROFILE",
            "{ min = 1, opt = 8, max = 64 }",
        ),
        ("SER__MODELS__SETTINGS__MINE__NOTE", "1\nother = 2"),
    ]);
    let expected = "
        [onnx]
        buckets = [1, 64]
        device_id = 1
        library = '/opt/lib.so'
        tensorrt = { allow_fp16 = true, profile = { min = 1, opt = 8, max = 64 } }
        [mine]
        note = \"1\\nother = 2\"
    ";
    assert_eq!(
        config.unwrap().models.settings,
        toml::from_str(expected).unwrap()
    );
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
                "environment variable SER__LOG__LEVEL: log.level: {misspelt:?}; expected off, error, warn, \
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
        ("SER_LOG__LEVEL", Some("SER__LOG__LEVEL")),
        (
            "SER_ADMIN_TLS_CERTIFICATE",
            Some("SER__ADMIN__TLS__CERTIFICATE"),
        ),
        (
            "SER_ADMIN__TLS_CLIENT_CA",
            Some("SER__ADMIN__TLS__CLIENT_CA"),
        ),
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
