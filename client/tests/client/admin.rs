//! `ser-client admin`.

use serde_json::{Value, json};

use crate::support::{
    fake::{FakeServer, ReservedPort},
    program::{Ended, run},
};

async fn admin(address: &str, arguments: &[&str]) -> Ended {
    let all: Vec<_> = ["admin", "--admin-server", address]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    run("http://not.the.admin.service:1", &all).await
}

#[tokio::test]
async fn people_read_a_line_a_model_and_why_it_was_refused() {
    let server = FakeServer::without_streams();
    let ended = admin(&server.address, &["list"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout,
        "tess-lstm/2  refused, 0 open streams  /models/tess-lstm/2\n  \
           refused  no\u{fffd}[2J labels\n\
         tess-lstm/1 (default)  serving, 1 open stream  /models/tess-lstm/1\n"
    );
}

#[tokio::test]
async fn programs_read_one_object_a_model() {
    let server = FakeServer::without_streams();
    let ended = admin(&server.address, &["list", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            json!({
                "type": "repository_model", "name": "tess-lstm", "version": "2",
                "state": "refused", "refusal": "no\u{1b}[2J labels", "open_streams": 0,
                "is_default": false, "origin": "/models/tess-lstm/2",
            }),
            json!({
                "type": "repository_model", "name": "tess-lstm", "version": "1",
                "state": "serving", "open_streams": 1, "is_default": true,
                "origin": "/models/tess-lstm/1",
            }),
        ]
    );
}

#[tokio::test]
async fn a_change_tells_what_has_become_of_the_model() {
    let server = FakeServer::without_streams();
    let loaded = admin(&server.address, &["load", "tess-lstm/1"]).await;
    assert_eq!(loaded.code, Some(0), "{loaded:?}");
    assert!(
        loaded
            .stdout
            .starts_with("tess-lstm/1 (default)  serving, ")
    );
    let unloaded = admin(&server.address, &["unload", "tess-lstm/1"]).await;
    assert_eq!(unloaded.code, Some(0), "{unloaded:?}");
    assert!(unloaded.stdout.contains("not loaded, 1 open stream"));
}

#[tokio::test]
async fn failures_are_told_by_the_exit_code_with_what_to_do_next() {
    let server = FakeServer::without_streams();
    let port = ReservedPort::new();
    let nobody = port.address();
    for (address, arguments, code, said) in [
        ("ftp://a:1", &["list"][..], 2, "expected http://HOST:PORT"),
        (
            &nobody,
            &["list", "--connect-timeout", "100ms"],
            3,
            "--admin-listen 127.0.0.1:50052",
        ),
        (
            &server.address,
            &["load", "tess-lstm/3", "--wait", "50ms"],
            3,
            "--wait",
        ),
        (
            &server.address,
            &["reload", "tess-lstm/1"],
            3,
            "expected a model",
        ),
        (
            &server.address,
            &["load", "tess-lstm/2"],
            4,
            "mend the package",
        ),
    ] {
        let ended = admin(address, arguments).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(
            ended.stderr.contains(said),
            "{said:?} is missing: {ended:?}"
        );
    }
}

#[tokio::test]
async fn another_address_than_its_own_is_refused() {
    let server = FakeServer::without_streams();
    let named = ["admin", "list", "--server", &server.address];
    let ended = run(&server.address, &named).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("give --admin-server"), "{ended:?}");
}

#[tokio::test]
async fn the_log_level_is_shown_and_changed() {
    let server = FakeServer::without_streams();
    for (arguments, expected) in [
        (&["log-level"][..], "debug, configured info\n"),
        (&["log-level", "warn"], "warn, configured info\n"),
        (
            &["log-level", "trace", "--for", "90s"],
            "trace, info again in 1m 30s\n",
        ),
        (&["log-level", "--reset"], "info\n"),
        (
            &["log-level", "trace", "--for", "90s", "--json"],
            "{\"type\":\"log_level\",\"level\":\"trace\",\"configured\":\"info\",\"reverts_in\":90.0}\n",
        ),
        (
            &["log-level", "--json"],
            "{\"type\":\"log_level\",\"level\":\"debug\",\"configured\":\"info\"}\n",
        ),
    ] {
        let ended = admin(&server.address, arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, expected);
    }
    let ended = admin(&server.address, &["log-level", "loud"]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("level: \"loud\"; expected off, "),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains("hint: "), "{ended:?}");
    for wrong in [
        &["log-level", "--for", "1h"][..],
        &["log-level", "warn", "--reset"],
    ] {
        let ended = admin(&server.address, wrong).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}
