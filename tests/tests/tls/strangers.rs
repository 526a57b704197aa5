//! Servers that a client has no reason to trust.

use super::*;

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
async fn the_certificate_of_a_ca_is_told_from_a_servers() {
    let setup = Setup::new();
    let address = anybody_with(&setup.ca.itself()).await;
    let expected = ["it is that of a CA; expected a server's, with basicConstraints CA:FALSE"];
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    let server = format!("https://{address}");
    client(&server, &ca).await.assert(3, &expected);
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
