//! The real server and the real client over TLS: who gets through, and what the others
//! are told.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    env,
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
};

use ser_tests::{
    binaries,
    pki::{Ca, Files, Signed, token},
    program::{Ended, run},
    server::ServerProcess,
    stream::PATIENCE,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// A CA, what it has signed, and everything in files.
struct Setup {
    ca: Ca,
    files: Files,
}

impl Setup {
    fn new() -> Self {
        let (ca, files) = (Ca::new("a CA"), Files::new());
        files.write("ca.crt", &ca.certificate());
        files.write_signed(
            "server",
            &ca.server(&["127.0.0.1", "localhost", "ser.example"]),
        );
        files.write_signed("client", &ca.client("client.example"));
        Self { ca, files }
    }

    /// A server with TLS, and whatever else `environment` says.
    fn server(&self, environment: &[(&str, &str)]) -> ServerProcess {
        let [certificate, key] = ["server.crt", "server.key"].map(|name| self.files.text(name));
        let own = [
            ("SER__TLS__CERTIFICATE", certificate.as_str()),
            ("SER__TLS__KEY", &key),
        ];
        ServerProcess::start(&[], &[&own, environment].concat())
    }

    /// A server that asks clients for certificates of the CA.
    fn mutual(&self) -> ServerProcess {
        self.server(&[("SER__TLS__CLIENT_CA", &self.files.text("ca.crt"))])
    }

    /// The arguments that name `files`: `--ca ca.crt`, for instance.
    fn flags(&self, files: &[(&str, &str)]) -> Vec<String> {
        let flags = files.iter();
        let flags = flags.flat_map(|(flag, name)| [(*flag).to_owned(), self.files.text(name)]);
        flags.collect()
    }
}

/// What `ser-client health --wait 1m` says to `server`.
async fn client<S: AsRef<str>>(server: &str, arguments: &[S]) -> Ended {
    let mut command = binaries::command("ser-client");
    command
        .args(["--server", server, "health", "--wait", "1m"])
        .args(arguments.iter().map(AsRef::as_ref))
        .env_remove("SER_TOKEN")
        .stdin(Stdio::null());
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_the_ca_gets_through() {
    let setup = Setup::new();
    let server = setup.server(&[]);
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    client(&server.secure_url(), &ca).await.assert(0, &[]);
    let by_name = format!("https://localhost:{}", server.address().port());
    client(&by_name, &ca).await.assert(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_authority_is_told() {
    let setup = Setup::new();
    let server = setup.server(&[]);
    setup
        .files
        .write("other.crt", &Ca::new("another").certificate());
    let other = setup.flags(&[("--ca", "other.crt")]);
    let expected = [
        &*server.secure_url(),
        "its certificate is signed by an unknown authority",
        "hint: name the file with the certificate of the CA that signed it with --ca",
    ];
    client(&server.secure_url(), &other)
        .await
        .assert(3, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_match_is_told_and_may_be_given() {
    let setup = Setup::new();
    let names = setup.ca.server(&["ser.example", "ser.internal"]);
    setup.files.write_signed("server", &names);
    let server = setup.server(&[]);
    let mut flags = setup.flags(&[("--ca", "ca.crt")]);
    let expected = [
        "its certificate is for ser.example, ser.internal; expected 127.0.0.1",
        "or expect that name with --server-name",
    ];
    client(&server.secure_url(), &flags)
        .await
        .assert(3, &expected);
    flags.extend(["--server-name".to_owned(), "ser.internal".to_owned()]);
    client(&server.secure_url(), &flags).await.assert(0, &[]);
}

/// Shows `signed` to whoever connects. Our own server refuses to start with what is
/// expired.
async fn anybody_with(signed: &Signed) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // What the client thinks of it is seen on its side.
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_told() {
    let setup = Setup::new();
    let address = anybody_with(&setup.ca.expired_server(&["127.0.0.1"])).await;
    let expected = [
        "its certificate expired on 2021-01-01T00:00:00Z",
        "hint: whoever runs the server has to renew it",
    ];
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    let server = format!("https://{address}");
    client(&server, &ca).await.assert(3, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_certificates_takes_those_of_its_ca() {
    let setup = Setup::new();
    let server = setup.mutual();
    let url = server.secure_url();
    let ca = ("--ca", "ca.crt");
    let own = [ca, ("--cert", "client.crt"), ("--key", "client.key")];
    client(&url, &setup.flags(&own)).await.assert(0, &[]);

    let expected = [
        "it asks for a client certificate",
        "hint: give one with --cert and --key",
    ];
    client(&url, &setup.flags(&[ca])).await.assert(3, &expected);

    let foreign = Ca::new("another").client("client.example");
    setup.files.write_signed("foreign", &foreign);
    let foreign = [ca, ("--cert", "foreign.crt"), ("--key", "foreign.key")];
    let expected = [
        "it refuses the client certificate: ",
        "hint: give another with --cert and --key",
    ];
    let ended = client(&url, &setup.flags(&foreign)).await;
    ended.assert(3, &expected);
    server.until_said("connection refused: ", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_may_expect_the_other_to_be_encrypted() {
    let setup = Setup::new();
    let secure = setup.server(&[]);
    let expected = [
        "it speaks TLS; expected https:// in its address",
        "hint: name the server with https://",
    ];
    let none: [&str; 0] = [];
    client(&secure.url(), &none).await.assert(3, &expected);

    let plain = ServerProcess::start(&[], &[]);
    let expected = [
        "it does not speak TLS; expected http:// in its address",
        "hint: name the server with http://, or check the port",
    ];
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    client(&plain.secure_url(), &ca).await.assert(3, &expected);
}

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

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_is_closed_and_holds_nobody_up() {
    let setup = Setup::new();
    let server = setup.server(&[("SER__SERVER__HANDSHAKE", "500ms")]);
    let silent = TcpStream::connect(server.address()).await.unwrap();
    let mut dribbling = TcpStream::connect(server.address()).await.unwrap();
    // The first bytes of a TLS handshake that never goes on.
    dribbling.write_all(&[22, 3, 1]).await.unwrap();
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    client(&server.secure_url(), &ca).await.assert(0, &[]);
    for mut slow in [silent, dribbling] {
        let end = timeout(PATIENCE, slow.read(&mut [0; 64])).await;
        assert_eq!(end.expect("it is closed").unwrap_or(0), 0);
    }
    server
        .until_said("connection refused: no HTTP/2 in time", 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_refused_until_one_ends() {
    let server = ServerProcess::start(&[], &[("SER__SERVER__CONNECTIONS", "1")]);
    let only = server.channel().await;
    ser_tests::server::until_serving(only.clone()).await;
    let mut further = TcpStream::connect(server.address()).await.unwrap();
    let end = timeout(PATIENCE, further.read(&mut [0; 64])).await;
    assert_eq!(end.expect("it is closed").unwrap_or(0), 0);
    let refused = "connection refused: 1 open; expected at most 1";
    server.until_said(refused, 0).await;
    drop(only);
    let none: [&str; 0] = [];
    client(&server.url(), &none).await.assert(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_have_a_listener_that_serves_health_alone() {
    let setup = Setup::new();
    let server = setup.server(&[
        ("SER__TLS__CLIENT_CA", &setup.files.text("ca.crt")),
        ("SER__HEALTH__LISTEN", "127.0.0.1:0"),
    ]);
    let (line, _) = server.until_said("health alone on ", 0).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let probes = format!("http://{}", line["address"].as_str().unwrap());
    let none: [&str; 0] = [];
    client(&probes, &none).await.assert(0, &[]);
    let mut models = binaries::command("ser-client");
    models.args(["--server", &probes, "models"]);
    run(models).await.assert(4, &["Unimplemented"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_have_credentials_of_their_own() {
    let setup = Setup::new();
    let admin = setup.ca.server(&["127.0.0.1"]);
    setup.files.write_signed("admin", &admin);
    let (operator, operators) = token("operator");
    let (user, users) = token("user");
    setup.files.write("operators.toml", &operators);
    setup.files.write("users.toml", &users);
    let text = |name| setup.files.text(name);
    let server = setup.server(&[
        ("SER__AUTH__TOKENS", &text("users.toml")),
        ("SER__ADMIN__LISTEN", "0.0.0.0:0"),
        ("SER__ADMIN__TOKENS", &text("operators.toml")),
        ("SER__ADMIN__PORT_FILE", &text("admin-port")),
        ("SER__ADMIN__TLS__CERTIFICATE", &text("admin.crt")),
        ("SER__ADMIN__TLS__KEY", &text("admin.key")),
    ]);
    client(&server.secure_url(), &setup.flags(&[("--ca", "ca.crt")]))
        .await
        .assert(0, &[]);
    let port = std::fs::read_to_string(setup.files.path("admin-port")).unwrap();
    let list = |token: &str| {
        let mut command = binaries::command("ser-client");
        let url = format!("https://127.0.0.1:{}", port.trim());
        command
            .args(["admin", "list", "--admin-server", &url])
            .args(["--ca", &text("ca.crt")])
            .env("SER_TOKEN", token);
        run(command)
    };
    let ended = list(&operator).await;
    ended.assert(0, &[]);
    assert!(ended.stdout.contains("tess-lstm"), "{ended:?}");
    let expected = "authorization: unknown token; expected one that this server knows";
    list(&user).await.assert(4, &[expected]);
}

/// grpcio has a TLS of its own, and other words for everything.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_PYTHON"]
async fn a_python_client_gets_through() {
    const SCRIPT: &str = "
import sys
import grpc
url, ca, cert, key, token = sys.argv[1:]
read = lambda name: open(name, 'rb').read()
tls = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
def code(credentials):
    with grpc.secure_channel(url, credentials) as channel:
        call = channel.unary_unary('/ser.v1.Models/ListModels', response_deserializer=bytes)
        try:
            answer = call(b'', timeout=60)
            return 'OK' if b'tess-lstm' in answer else 'nothing'
        except grpc.RpcError as error:
            return error.code().name + ' ' + error.details()
authorized = grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(token))
print(code(authorized))
print(code(tls))
";
    let setup = Setup::new();
    let (secret, entry) = token("python");
    setup.files.write("tokens.toml", &entry);
    let text = |name| setup.files.text(name);
    let server = setup.server(&[
        ("SER__TLS__CLIENT_CA", &text("ca.crt")),
        ("SER__AUTH__TOKENS", &text("tokens.toml")),
    ]);
    server.until_said("\"ready\"", 0).await;
    let python = env::var_os("SER_PYTHON").expect("SER_PYTHON names a Python with grpcio");
    let mut command = Command::new(python);
    command
        .args(["-c", SCRIPT, &server.address().to_string()])
        .args(["ca.crt", "client.crt", "client.key"].map(text))
        .arg(secret);
    let ended = run(command).await;
    ended.assert(0, &[]);
    assert_eq!(
        ended.stdout,
        "OK\nUNAUTHENTICATED authorization: none; expected Bearer and a token\n"
    );
}
