//! Credentials that change while streams run: nobody is cut off, and whoever was let in
//! by what is gone isn't let in again.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use bytes::Bytes;
use rustix::process::Signal;
use ser_client::{AudioSink, Client, Code, Error, Event, ResultStream, Tls, TlsFault, Token};
use ser_proto::v1::Encoding;
use ser_tests::{
    audio,
    pki::{Ca, Files, token},
    server::ServerProcess,
    stream::{PATIENCE, config},
};
use tokio::time::timeout;

const RATE: u32 = 16_000;

/// A server with TLS, and whatever else `environment` says, that is ready.
async fn server(files: &Files, environment: &[(&str, &str)]) -> ServerProcess {
    let [certificate, key] = ["server.crt", "server.key"].map(|name| files.text(name));
    let own = [
        ("SER__TLS__CERTIFICATE", certificate.as_str()),
        ("SER__TLS__KEY", &key),
    ];
    let server = ServerProcess::start(&[], &[&own, environment].concat());
    server.until_said("\"ready\"", 0).await;
    server
}

/// A client whose streams end when they are cut off.
async fn connect(server: &ServerProcess, tls: Tls, token: Option<Token>) -> Result<Client, Error> {
    let client = Client::builder([server.secure_url()])
        .tls(tls)
        .resume(false);
    let client = match token {
        Some(token) => client.token(token),
        None => client,
    };
    timeout(PATIENCE, client.connect()).await.expect("an end")
}

/// A stream that has heard a second of speech, and goes on.
struct Running {
    sink: AudioSink,
    results: ResultStream,
}

fn speech() -> Bytes {
    audio::s16le(&audio::voice(RATE, 1.0, 3)).into()
}

impl Running {
    async fn begin(client: &Client) -> Result<Self, Error> {
        let config = config(Encoding::S16le, RATE);
        let (mut sink, results) = timeout(PATIENCE, client.stream(config))
            .await
            .expect("an end")?;
        sink.send(speech()).await?;
        Ok(Self { sink, results })
    }

    /// More speech, and everything to the summary.
    async fn end(mut self) {
        self.sink.send(speech()).await.unwrap();
        drop(self.sink);
        let mut summaries = 0;
        while let Some(event) = timeout(PATIENCE, self.results.next())
            .await
            .expect("an end")
            .unwrap()
        {
            summaries += usize::from(matches!(event, Event::Summary(_)));
        }
        assert_eq!(summaries, 1);
    }
}

/// Why a new stream of `client`, on the connection that it has, isn't taken.
async fn refusal(client: &Client) -> String {
    match Running::begin(client).await {
        Err(Error::Rejected {
            code: Code::Unauthenticated,
            message,
        }) => message,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("the stream was taken"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_exchanged_under_streams() {
    let (ca, files) = (Ca::new("a CA"), Files::new());
    files.write("ca.crt", &ca.certificate());
    files.write_signed("server", &ca.server(&["127.0.0.1"]));
    let ((old, old_entry), (new, new_entry)) = (token("ci"), token("ci"));
    files.write("tokens.toml", &old_entry);
    files.write("token", &old);
    let tokens = files.text("tokens.toml");
    let server = server(&files, &[("SER__AUTH__TOKENS", &tokens)]).await;
    let tls = || Tls::new().ca(files.path("ca.crt"));
    let follows = connect(&server, tls(), Some(Token::file(files.path("token")))).await;
    let stays = connect(&server, tls(), Some(Token::new(&*old))).await;
    let (follows, stays) = (follows.unwrap(), stays.unwrap());
    let streams = [
        Running::begin(&follows).await.unwrap(),
        Running::begin(&stays).await.unwrap(),
    ];

    files.write("tokens.toml", &format!("{old_entry}{new_entry}"));
    let (_, seen) = server.until_said("tokens reloaded", 0).await;
    files.write("token", &new);
    let with_new = Running::begin(&follows).await.unwrap();
    let with_old = Running::begin(&stays).await.unwrap();

    files.write("tokens.toml", &new_entry);
    let (_, seen) = server.until_said("tokens reloaded", seen).await;
    let unknown = "authorization: unknown token; expected one that this server knows";
    assert_eq!(refusal(&stays).await, unknown);
    let after = Running::begin(&follows).await.unwrap();

    files.write("tokens.toml", "nonsense");
    server.until_said("tokens not reloaded", seen).await;
    let unchanged = Running::begin(&follows).await.unwrap();
    assert_eq!(refusal(&stays).await, unknown);

    for stream in streams
        .into_iter()
        .chain([with_new, with_old, after, unchanged])
    {
        stream.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_gets_another_certificate_of_another_ca_under_streams() {
    let (old, new, files) = (Ca::new("the old CA"), Ca::new("the new CA"), Files::new());
    files.write("old.crt", &old.certificate());
    files.write("new.crt", &new.certificate());
    files.write_signed("server", &old.server(&["127.0.0.1"]));
    let server = server(&files, &[]).await;
    let believing = |ca: &str| connect(&server, Tls::new().ca(files.path(ca)), None);
    let before = believing("old.crt").await.unwrap();
    let stream = Running::begin(&before).await.unwrap();

    files.write_signed("server", &new.server(&["127.0.0.1"]));
    server.signal(Signal::HUP);
    server.until_said("tls reloaded", 0).await;
    let unknown = believing("old.crt").await.unwrap_err();
    let is_unknown = |error: &Error| matches!(error, Error::Tls { fault, .. } if *fault == TlsFault::UnknownAuthority);
    assert!(is_unknown(&unknown), "{unknown:?}");
    let after = believing("new.crt").await.unwrap();
    Running::begin(&after).await.unwrap().end().await;
    // The connection that there was is as good as before.
    Running::begin(&before).await.unwrap().end().await;
    stream.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_revoked_under_its_streams() {
    let (ca, files) = (Ca::new("a CA"), Files::new());
    let (good, revoked) = (ca.client("good.example"), ca.client("revoked.example"));
    files.write("ca.crt", &ca.certificate());
    files.write("client.crl", &ca.revocations(&[]));
    files.write_signed("server", &ca.server(&["127.0.0.1"]));
    files.write_signed("good", &good);
    files.write_signed("revoked", &revoked);
    let (clients, crl) = (files.text("ca.crt"), files.text("client.crl"));
    let environment = [
        ("SER__TLS__CLIENT_CA", &*clients),
        ("SER__TLS__CLIENT_CRL", &crl),
    ];
    let server = server(&files, &environment).await;
    let own = |name: &str| {
        let [certificate, key] = ["crt", "key"].map(|kind| files.path(&format!("{name}.{kind}")));
        let tls = Tls::new().ca(files.path("ca.crt"));
        connect(&server, tls.identity(certificate, key), None)
    };
    let stays = own("good").await.unwrap();
    let goes = own("revoked").await.unwrap();
    let streams = [
        Running::begin(&stays).await.unwrap(),
        Running::begin(&goes).await.unwrap(),
    ];

    files.write("client.crl", &ca.revocations(&[&revoked]));
    server.until_said("tls reloaded", 0).await;
    assert_eq!(
        refusal(&goes).await,
        "client certificate: revoked; expected one that is valid, of a CA that this server trusts"
    );
    let after = Running::begin(&stays).await.unwrap();
    for stream in streams.into_iter().chain([after]) {
        stream.end().await;
    }
    // A new connection isn't even made.
    let refused = match own("revoked").await {
        Ok(client) => client.models().await.map(drop).unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(&refused, Error::Tls { .. }), "{refused:?}");
}
