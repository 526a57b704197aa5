//! The real server and the real client over TLS: who gets through, and what the others
//! are told.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod files;
mod listeners;
mod strangers;

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
