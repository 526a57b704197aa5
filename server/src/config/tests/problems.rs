//! What is said of settings that are wrong.

use super::*;

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
fn what_lies_too_deep_is_refused_wherever_it_is() {
    let nested = |levels: usize| "{ a = ".repeat(levels) + "1" + &" }".repeat(levels);
    let file = |levels| format!("[models.settings.mine]\nx = {}\n", nested(levels));
    assert!(from_file(&file(15)).is_ok());
    let error = &file_errors(&file(16))[0];
    let message = "models.settings.mine: nested too deep; expected at most 16 levels";
    assert!(error.ends_with(message), "{error}");
    let value = nested(70);
    let error = environment_error(&[("SER__MODELS__SETTINGS__MINE__X", &value)]);
    assert!(error.ends_with(message), "{error}");
    let name = format!("SER__MODELS__SETTINGS__MINE{}", "__A".repeat(100_000));
    let error = environment_error(&[(&name, "1")]);
    assert!(error.ends_with(": 100003 names; expected at most 16"));
}

#[test]
fn numbers_of_backends_are_finite() {
    for (value, number) in [
        ("inf", "inf"),
        ("[1, { a = -inf }]", "-inf"),
        ("nan", "NaN"),
    ] {
        let error = environment_error(&[("SER__MODELS__SETTINGS__MINE__X", value)]);
        let message = format!("models.settings.mine: {number}; expected finite numbers");
        assert!(error.ends_with(&message), "{error}");
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
            "limits.idle",
            "limits.open_streams",
            "models.packages[0]",
            "models.packages[1].bakend",
            "limits.clip_duration",
            "admin.port_file",
            "log.level",
        ]
    );
    assert_eq!(problems[7].origin.as_deref(), Some("flag --log-level"));
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
