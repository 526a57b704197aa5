//! The real server and the real client with tokens.

use std::process::Command;

use rustix::process::Signal;
use ser_tests::{
    binaries,
    pki::{Files, token},
    program::{Ended, run},
    server::ServerProcess,
};

/// A server that knows the tokens of `entries`, and is ready.
async fn server(files: &Files, entries: &str) -> ServerProcess {
    files.write("tokens.toml", entries);
    let tokens = files.text("tokens.toml");
    let server = ServerProcess::start(&[], &[("SER__AUTH__TOKENS", &tokens)]);
    server.until_said("\"ready\"", 0).await;
    server
}

fn models(server: &str) -> Command {
    let mut command = binaries::command("ser-client");
    command.args(["--server", server, "models"]);
    command.env_remove("SER_TOKEN");
    command
}

async fn with_token(server: &str, token: &str) -> Ended {
    let mut command = models(server);
    command.env("SER_TOKEN", token);
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_from_the_environment_or_a_file() {
    let files = Files::new();
    let (token, entry) = token("ci");
    let server = server(&files, &entry).await;
    let url = server.url();
    with_token(&url, &token).await.assert(0, &[]);
    files.write("token", &format!("{token}\n"));
    let mut command = models(&url);
    command.args(["--token-file", &files.text("token")]);
    // The flag wins.
    command.env("SER_TOKEN", "nonsense");
    run(command).await.assert(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_good_token_is_told_why() {
    let files = Files::new();
    let (good, entry) = token("ci");
    let (expired, late) = token("late");
    let (foreign, _) = token("foreign");
    let late = format!("{late}expires = \"2020-01-01T00:00:00Z\"\n");
    let mut server = server(&files, &format!("{entry}{late}")).await;
    let url = server.url();
    let expected = [
        "authorization: none; expected Bearer and a token",
        "hint: give a token with --token-file, or in SER_TOKEN",
    ];
    run(models(&url)).await.assert(4, &expected);
    let check = "hint: check the token; ";
    for (token, expected) in [
        (
            "hunter2",
            "authorization: a token of 7 characters; expected at least 22",
        ),
        (
            &*foreign,
            "authorization: unknown token; expected one that this server knows",
        ),
        (
            &*expired,
            "authorization: token of late expired on 2020-01-01T00:00:00Z; expected one that is \
             valid",
        ),
    ] {
        with_token(&url, token).await.assert(4, &[expected, check]);
    }
    let expected = "the token: several words; expected a token, on one line and without spaces";
    with_token(&url, "two words").await.assert(2, &[expected]);

    with_token(&url, &good).await.assert(0, &[]);
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let refused = log.iter().filter(|line| line.contains("call refused: "));
    assert_eq!(refused.count(), 4, "{log:#?}");
    for secret in [&*good, &expired, &foreign, "hunter2"] {
        assert!(log.iter().all(|line| !line.contains(secret)), "{log:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_no_token_and_reflection_does() {
    let files = Files::new();
    let (_, entry) = token("ci");
    let server = server(&files, &entry).await;
    let mut health = binaries::command("ser-client");
    health.args(["--server", &server.url(), "health"]);
    run(health).await.assert(0, &[]);
    let mut reflection =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(
            server.channel().await,
        );
    let request = tonic_reflection::pb::v1::ServerReflectionRequest::default();
    let refused = reflection.server_reflection_info(tokio_stream::iter([request]));
    let code = refused.await.unwrap_err().code();
    assert_eq!(code, tonic::Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_not_sent_where_others_may_read_it() {
    // Nobody is there, and nobody is asked.
    let url = "http://192.0.2.1:50051";
    let (token, _) = token("ci");
    let expected = [
        "http://192.0.2.1:50051 is not encrypted; expected https:// in its address, for a token",
        "hint: name the server with https://, or allow it with --token-over-plaintext",
    ];
    with_token(url, &token).await.assert(2, &expected);
    let mut command = models(url);
    command
        .args(["--token-over-plaintext", "--connect-timeout", "100ms"])
        .env("SER_TOKEN", &token);
    run(command).await.assert(3, &["nothing answers at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_makes_tokens() {
    let files = Files::new();
    let mut command = binaries::command("ser-server");
    command.args(["token", "Büro \"7\""]);
    let made = run(command).await;
    made.assert(0, &["the token of Büro \"7\", shown only now: ser_"]);
    let secret = made.stderr.trim().rsplit(' ').next().unwrap();
    assert!(!made.stdout.contains(secret));
    let server = server(&files, &made.stdout).await;
    with_token(&server.url(), secret).await.assert(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_to_a_file_that_clients_read() {
    let files = Files::new();
    let make = async || {
        let mut command = binaries::command("ser-server");
        let token = files.path("token");
        command.args(["token", "anna", "--token-file"]).arg(token);
        run(command).await
    };
    let made = make().await;
    made.assert(0, &[]);
    assert_eq!(made.stderr, "");
    let server = server(&files, &made.stdout).await;
    let mut command = models(&server.url());
    command.arg("--token-file").arg(files.path("token"));
    run(command).await.assert(0, &[]);
    // What somebody may be using is not written over.
    let again = make().await;
    again.assert(1, &["token: File exists"]);
    assert_eq!(again.stdout, "");
    let mut command = binaries::command("ser-server");
    command.args(["token", ""]);
    run(command)
        .await
        .assert(2, &["expected a name of printable characters"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_tokens_that_is_wrong_keeps_the_server_from_starting() {
    let files = Files::new();
    files.write("tokens.toml", "[[token]]\nname = \"a\"\nsha256 = \"12\"\n");
    let mut command = binaries::command("ser-server");
    command
        .args(["--listen", "127.0.0.1:0"])
        .env("SER__AUTH__TOKENS", files.path("tokens.toml"));
    let expected = "token 1: sha256: 2 characters; expected 64 hexadecimal digits";
    run(command).await.assert(2, &["auth.tokens: ", expected]);
}
