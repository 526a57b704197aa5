//! What the server's command line says and answers.

use std::{net::TcpListener, process::Output};

use rustix::process::Signal;
use ser_tests::{
    binaries,
    pki::{Ca, Files},
    server::ServerProcess,
};

fn output(flags: &[&str]) -> Output {
    let mut command = binaries::command("ser-server");
    command.args(flags).output().expect("a program that runs")
}

/// What is said of a wrong configuration, which ends the server before it listens.
fn misconfigured(flags: &[&str]) -> String {
    let output = output(flags);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
    assert!(!said.contains("listening"), "{flags:?}: {said}");
    said
}

#[test]
fn a_wrong_configuration_is_named_and_exits_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("none").display().to_string();
    for (flag, value, expected) in [
        (
            "--listen",
            "localhost:0",
            "expected ADDRESS:PORT, such as 127.0.0.1:50051",
        ),
        (
            "--admin-listen",
            "50052",
            "expected ADDRESS:PORT, such as 127.0.0.1:50051",
        ),
        (
            "--log-level",
            "quiet",
            "log.level: \"quiet\"; expected off, error, ",
        ),
        ("--config", &nowhere, "expected a configuration file"),
        (
            "--port-file",
            &format!("{nowhere}/port"),
            "server.port_file: ",
        ),
        ("--models-dir", &nowhere, "models.directory: "),
        (
            "--model",
            "none",
            "models.default: \"none\" is not served; expected one of tess-lstm/1",
        ),
    ] {
        // Overridden where it isn't what is wrong.
        let free = if flag == "--listen" {
            vec![]
        } else {
            vec!["--listen", "127.0.0.1:0"]
        };
        let said = misconfigured(&[&free[..], &[flag, value]].concat());
        assert!(said.contains(expected), "{flag} {value}: {said}");
    }
}

#[test]
fn a_port_that_is_taken_exits_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = output(&["--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(output.status.code(), Some(1));
}

/// What the server prints when it is asked and all is well.
fn printed(flags: &[&str]) -> String {
    let output = output(flags);
    let (said, printed) = (output.stderr, output.stdout);
    assert!(
        output.status.success(),
        "{flags:?}: {}",
        String::from_utf8_lossy(&said)
    );
    assert!(
        said.is_empty(),
        "{flags:?}: {}",
        String::from_utf8_lossy(&said)
    );
    String::from_utf8(printed).expect("UTF-8")
}

/// What is printed is a configuration file by which a server starts, and says the same
/// again.
#[test]
fn printed_configurations_are_some() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ser.toml");
    let path = file.to_str().unwrap();
    for flags in [
        &["config", "example"][..],
        &["config", "print", "--log-level", "debug"],
    ] {
        std::fs::write(&file, printed(flags)).unwrap();
        let mut server = ServerProcess::start(&["--config", path], &[]);
        server.signal(Signal::TERM);
        let (status, _) = server.wait();
        assert!(status.success());
    }
    let again = printed(&["config", "print", "--config", path]);
    assert!(again.contains("level = \"debug\"  # "), "{again}");
    let line = again
        .lines()
        .find(|line| line.starts_with("level"))
        .unwrap();
    assert!(line.contains(path), "{line}");
}

#[test]
fn a_check_says_what_would_be_served() {
    for (flag, how) in [
        ("--listen=127.0.0.1:0", "on burn (cpu)"),
        ("--no-load", "not loaded"),
    ] {
        let printed = printed(&["config", "check", flag]);
        assert!(printed.starts_with("OK: "), "{printed}");
        let listener = ": no TLS, no credentials\n";
        assert!(
            printed.contains("server.listen 127.0.0.1:") && printed.contains(listener),
            "{printed}"
        );
        let model = printed
            .lines()
            .find(|line| line.contains("model tess-lstm/1"));
        assert!(model.is_some_and(|line| line.ends_with(how)), "{printed}");
    }
}

#[test]
fn a_check_finds_everything_that_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let package = directory.path().join("a/1");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("model.toml"), "name = 1\n").unwrap();
    let file = directory.path().join("ser.toml");
    std::fs::write(
        &file,
        "[limits]\nidel = \"1s\"\nidle = \"1\"\n[plugins]\nburn = \"/no/such.so\"\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let said = misconfigured(&["config", "check", "--config", path]);
    for expected in [
        "3 problems:",
        ":2: limits.idel: no such key; did you mean limits.idle?",
        ":3: limits.idle: \"1\"; expected a duration such as 30s",
        ":5: plugins.burn: the name of a backend of this server; expected another",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let models = directory.path().to_str().unwrap();
    for load in [&["--no-load"][..], &[]] {
        let flags = [
            &[
                "config",
                "check",
                "--models-dir",
                models,
                "--model",
                "tess-lst",
            ][..],
            load,
        ];
        let said = misconfigured(&flags.concat());
        for expected in [
            "2 problems:",
            "flag --model: models.default: \"tess-lst\" is not served; expected one of a/1, \
             tess-lstm/1; did you mean tess-lstm/1?",
            "a/1/model.",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
}

#[test]
fn a_check_reads_certificates_tokens_and_headers() {
    let (ca, files) = (Ca::new("a CA"), Files::new());
    let (server, other) = (ca.server(&["a.example"]), ca.server(&["b.example"]));
    files.write_signed("server", &server);
    files.write_signed("other", &other);
    files.write_signed("expired", &ca.expired_server(&["a.example"]));
    files.write("ca.crt", &ca.certificate());
    files.write("client.crl", "no list");
    files.write(
        "tokens.toml",
        "[[token]]\nname = \"\"\nsha256 = \"7\"\n"
            .repeat(2)
            .as_str(),
    );
    files.write("headers", "nonsense");
    let text = |rest: &str, admin: &str| {
        format!(
            "[tls]\ncertificate = 'DIR/server.crt'\nclient_ca = 'DIR/ca.crt'\n{rest}\
             [admin]\nlisten = '127.0.0.1:0'\n{admin}"
        )
    };
    let check = |text: &str| {
        let folder = files.path("");
        files.write("ser.toml", &text.replace("DIR/", folder.to_str().unwrap()));
        files.text("ser.toml")
    };
    let good = check(&text("key = 'DIR/server.key'\n", ""));
    let report = printed(&["config", "check", "--no-load", "--config", &good]);
    let memory = report
        .lines()
        .find(|line| line.contains("memory: at most "));
    assert!(
        memory.is_some_and(|line| line.ends_with(" MiB with these limits")),
        "{report}"
    );

    let wrong = check(&text(
        "key = 'DIR/other.key'\nclient_crl = 'DIR/client.crl'\n\
         [auth]\ntokens = 'DIR/tokens.toml'\n",
        "tokens = 'DIR/none.toml'\n\
         [admin.tls]\ncertificate = 'DIR/expired.crt'\nkey = 'DIR/ca.crt'\n\
         [telemetry]\nendpoint = 'collector'\nheaders_file = 'DIR/headers'\n",
    ));
    let empty = tempfile::tempdir().unwrap();
    let directory = empty.path().to_str().unwrap();
    let said = printed(&["config", "check", "--no-load", "--models-dir", directory]);
    let warning = format!("warning: models.directory: {directory}: no packages yet; expected");
    assert!(said.contains(&warning), "{said}");
    let flags = [
        "config",
        "check",
        "--no-load",
        "--port-file",
        "nowhere/port",
    ];
    let said = misconfigured(&[&flags[..], &["--config", &wrong]].concat());
    for expected in [
        "10 problems:",
        "flag --port-file: server.port_file: nowhere/port: no such folder; expected a file to write",
        "tls.key: ",
        ": not the key of the certificate in ",
        "tls.client_crl: ",
        "auth.tokens: ",
        ": token 1: name: \"\"; expected a name",
        ": token 2: name: \"\"; expected a name",
        "admin.tls.certificate: ",
        ": expired on 2021-01-01T00:00:00Z; expected",
        "admin.tls.key: ",
        ": no key in it; expected PEM with a private key",
        "admin.tokens: ",
        "telemetry.endpoint: \"collector\": neither http nor https",
        "telemetry.headers_file: ",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn the_log_warns_of_what_is_dangerous_or_misspelt() {
    let warnings = |flags: &[&str], environment: &[(&str, &str)]| -> Vec<String> {
        let mut server = ServerProcess::start(flags, environment);
        server.signal(Signal::TERM);
        let (_, log) = server.wait();
        let warnings = log.into_iter().filter(|line| line.contains("WARN"));
        warnings.collect()
    };
    assert_eq!(warnings(&[], &[]), [""; 0]);
    let injected = [("SER_SERVER_PORT", "tcp://10.0.0.1:50051")];
    assert_eq!(warnings(&[], &injected), [""; 0]);

    let misspelt = warnings(&[], &[("SER_LIMITS_IDLE", "1m")]);
    assert_eq!(misspelt.len(), 1, "{misspelt:?}");
    assert!(misspelt[0].contains("did you mean SER__LIMITS__IDLE?"));

    let refused = misconfigured(&["--listen", "0.0.0.0:0"]);
    assert!(
        refused.contains("server.allow_plaintext = true"),
        "{refused}"
    );
    let allowed = [("SER__SERVER__ALLOW_PLAINTEXT", "true")];
    let open = warnings(&["--listen", "0.0.0.0:0"], &allowed);
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].contains("neither encryption nor authentication"));
}
