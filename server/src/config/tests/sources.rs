//! What each source sets, and which of them wins.

use super::*;

#[test]
fn nothing_gives_the_defaults() {
    assert_eq!(from_environment(&[]).unwrap(), Config::default());
    assert_eq!(from_file("").unwrap(), Config::default());
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
