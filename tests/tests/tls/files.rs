//! Files that can't be used.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_client_that_cannot_be_used_are_named() {
    let setup = Setup::new();
    let other = setup.ca.client("other.example");
    setup.files.write("other.key", &other.key);
    setup.files.write("empty", "");
    let url = "https://127.0.0.1:1";
    for (files, expected) in [
        (vec![("--ca", "none")], "none: No such file"),
        (
            vec![("--ca", "empty")],
            "empty: none in it; expected PEM with a certificate",
        ),
        (
            vec![("--cert", "client.crt"), ("--key", "other.key")],
            "other.key: not the key of the certificate in",
        ),
        (
            vec![("--cert", "client.crt"), ("--key", "client.crt")],
            "client.crt: no key in it, or one with a passphrase; expected PEM with a private key",
        ),
        (
            vec![("--cert", "client.crt")],
            "--cert needs its private key; give --key beside it",
        ),
        (
            vec![("--key", "client.key")],
            "--key needs its certificate; give --cert beside it",
        ),
    ] {
        let ended = client(url, &setup.flags(&files)).await;
        ended.assert(2, &[expected]);
    }
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    let expected = "expected https://127.0.0.1:1, for there are settings for TLS";
    client("http://127.0.0.1:1", &ca)
        .await
        .assert(2, &[expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_names_files_that_it_cannot_use() {
    let setup = Setup::new();
    let other = setup.ca.server(&["other.example"]);
    setup.files.write("other.key", &other.key);
    let expired = setup.ca.expired_server(&["ser.example"]);
    setup.files.write_signed("expired", &expired);
    for (certificate, key, expected) in [
        ("none", "server.key", "tls.certificate: "),
        ("server.crt", "none", "tls.key: "),
        (
            "server.crt",
            "other.key",
            "not the key of the certificate in",
        ),
        (
            "server.key",
            "server.key",
            "none in it; expected PEM with a certificate",
        ),
        (
            "expired.crt",
            "expired.key",
            "expired on 2021-01-01T00:00:00Z",
        ),
    ] {
        let mut command = binaries::command("ser-server");
        command
            .args(["--listen", "127.0.0.1:0"])
            .env("SER__TLS__CERTIFICATE", setup.files.path(certificate))
            .env("SER__TLS__KEY", setup.files.path(key));
        let ended = run(command).await;
        ended.assert(2, &[expected]);
        assert!(!ended.stderr.contains("listening on"), "{ended:?}");
    }
}
