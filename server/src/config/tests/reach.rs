//! What a setting needs beside it, above all before other machines reach the server.

use super::*;

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
fn no_two_listeners_have_one_port() {
    let load = |server: &str, metrics: &str| {
        let text = format!(
            "[server]\nlisten = \"{server}\"\nallow_plaintext = true\n[metrics]\nlisten = \"{metrics}\"\n"
        );
        settings(Some(&file(&text)), &[], &Overrides::default())
    };
    for (server, metrics) in [
        ("127.0.0.1:7", "127.0.0.1:7"),
        ("0.0.0.0:7", "127.0.0.1:7"),
        ("127.0.0.1:7", "[::]:7"),
        ("[::]:7", "[::1]:7"),
    ] {
        let problems = load(server, metrics).unwrap_err();
        let [problem] = &problems[..] else {
            panic!("{problems:?}; expected one");
        };
        assert_eq!(problem.key, "metrics.listen");
        let reason =
            format!("{metrics}, where server.listen = {server} listens; expected another port");
        assert_eq!(problem.reason, reason);
    }
    for (server, metrics) in [
        ("127.0.0.1:7", "127.0.0.1:8"),
        ("127.0.0.1:7", "127.0.0.2:7"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("0.0.0.0:7", "[::1]:7"),
    ] {
        load(server, metrics).unwrap();
    }
}

#[test]
fn every_listener_says_what_it_asks_for() {
    let text = "[server]\nlisten = \"0.0.0.0:7\"\n\
                [tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\n\
                [auth]\ntokens = \"d\"\n[admin]\nlisten = \"127.0.0.1:8\"\ntokens = \"e\"\n\
                [metrics]\nlisten = \"127.0.0.1:9\"\n";
    let settings = settings(Some(&file(text)), &[], &Overrides::default()).unwrap();
    let said: Vec<_> = settings
        .config
        .listeners()
        .map(|listener| listener.describe())
        .collect();
    assert_eq!(
        said,
        [
            "server.listen 0.0.0.0:7: TLS, client certificates and tokens",
            "admin.listen 127.0.0.1:8: no TLS, tokens",
            "metrics.listen 127.0.0.1:9: no TLS, no credentials",
        ]
    );
}
