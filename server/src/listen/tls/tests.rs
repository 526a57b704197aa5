//! Certificates of a CA of the test's own, and files that can't be used.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use tempfile::TempDir;

use super::*;
use crate::{
    config::TlsKeys,
    lines::Lines,
    promises::assert_promised,
    reload::{Notes, Reloaded, Source},
    telemetry::Telemetry,
};

/// Signs certificates.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both in PEM.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
    serial: SerialNumber,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        let serial = SerialNumber::from(rand::random::<u64>() >> 1);
        params.serial_number = Some(serial.clone());
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            serial,
        }
    }

    /// A list on which `revoked` stands.
    pub(crate) fn revoke(&self, revoked: &[&Signed]) -> String {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2126, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|signed| RevokedCertParams {
                    serial_number: signed.serial.clone(),
                    revocation_time: date_time_ymd(2026, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

static CA: LazyLock<Ca> = LazyLock::new(|| Ca::new("a CA"));

struct Files {
    folder: TempDir,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, contents) in files {
            let path = folder.path().join(name);
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        Self { folder }
    }

    /// What the files give, where each has the name of its key.
    fn load(&self) -> Result<Identity, Error> {
        self.load_noting(&mut Notes::default())
    }

    fn load_noting(&self, notes: &mut Notes) -> Result<Identity, Error> {
        self.source().load(notes)
    }

    fn source(&self) -> TlsFiles {
        let path = |name: &str| self.folder.path().join(name);
        let if_there = |name: &str| Some(path(name)).filter(|path: &PathBuf| path.exists());
        let config = crate::config::TlsConfig {
            certificate: Some(path("certificate")),
            key: Some(path("key")),
            client_ca: if_there("client_ca"),
            client_crl: if_there("client_crl"),
        };
        TlsFiles::named(&config, &TlsKeys::SERVER).unwrap()
    }

    fn write(&self, name: &str, contents: &str) {
        fs::write(self.folder.path().join(name), contents).unwrap();
    }

    /// What there is to warn of.
    fn warnings(&self) -> Vec<String> {
        let mut notes = Notes::default();
        self.load_noting(&mut notes).unwrap();
        let folder = self.folder.path().display().to_string();
        let warnings = notes.warnings.iter();
        warnings
            .map(|warning| warning.replace(&folder, "DIR"))
            .collect()
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let server = CA.sign("ser.example", |_| {});
    let other = CA.sign("other.example", |_| {});
    let expired = CA.sign("ser.example", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = CA.sign("ser.example", |params| {
        params.not_before = date_time_ymd(2120, 1, 1);
        params.not_after = date_time_ymd(2121, 1, 1);
    });
    let (certificate, key) = (&*server.certificate, &*server.key);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let ca = &*CA.pem();
    for (files, expected) in [
        (
            vec![("key", key)],
            "tls.certificate: DIR/certificate: No such file",
        ),
        (
            vec![("certificate", certificate)],
            "tls.key: DIR/key: No such file",
        ),
        (
            vec![("certificate", "nonsense"), ("key", key)],
            "tls.certificate: DIR/certificate: none in it; expected PEM with a certificate (-----BEGIN CERTIFICATE-----)",
        ),
        (
            vec![("certificate", key), ("key", key)],
            "tls.certificate: DIR/certificate: none in it; expected PEM with a certificate",
        ),
        (
            vec![("certificate", certificate), ("key", certificate)],
            "tls.key: DIR/key: no key in it; expected PEM with a private key",
        ),
        (
            vec![("certificate", certificate), ("key", encrypted)],
            "tls.key: DIR/key: the key has a passphrase; expected one without",
        ),
        (
            vec![("certificate", certificate), ("key", &other.key)],
            "tls.key: DIR/key: not the key of the certificate in DIR/certificate; expected that",
        ),
        (
            vec![("certificate", &expired.certificate), ("key", &expired.key)],
            "tls.certificate: DIR/certificate: expired on 2021-01-01T00:00:00Z; expected a certificate that is valid",
        ),
        (
            vec![("certificate", &early.certificate), ("key", &early.key)],
            "tls.certificate: DIR/certificate: not valid before 2120-01-01T00:00:00Z; expected",
        ),
        (
            vec![
                ("certificate", certificate),
                ("key", key),
                ("client_ca", ""),
            ],
            "tls.client_ca: DIR/client_ca: none in it; expected PEM with a certificate",
        ),
        (
            vec![
                ("certificate", certificate),
                ("key", key),
                ("client_ca", ca),
                ("client_crl", ca),
            ],
            "tls.client_crl: DIR/client_crl: none in it; expected PEM with a list of revocations (-----BEGIN X509 CRL-----)",
        ),
    ] {
        let files = Files::new(&files);
        let error = files.load().unwrap_err();
        let folder = files.folder.path().display().to_string();
        let said = error.to_string().replace(&folder, "DIR");
        assert!(error.is_misconfiguration());
        let expected = format!("configuration: {expected}");
        assert!(said.starts_with(&expected), "{expected:?}: {said}");
    }
}

#[test]
fn a_client_is_checked_against_what_holds_now() {
    let server = CA.sign("ser.example", |_| {});
    let [good, revoked] = std::array::from_fn(|_| CA.sign("client.example", |_| {}));
    let expired = CA.sign("client.example", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let for_servers = CA.sign("client.example", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let other = Ca::new("another CA");
    let foreign = other.sign("client.example", |_| {});
    let (ca, crl) = (CA.pem(), CA.revoke(&[&revoked]));
    let files = |more: &[(&str, &str)]| {
        let own = [("certificate", &*server.certificate), ("key", &*server.key)];
        Files::new(&[&own, more].concat()).load().unwrap()
    };
    let check = |identity: &Identity, client: &Signed| {
        let checked = identity.check(std::slice::from_ref(&client.der));
        checked.map_err(|error| error.to_string())
    };
    let said = |found: &str| {
        let said = format!(
            "client certificate: {found}; expected one that is valid, of a CA that this server \
             trusts"
        );
        assert_promised(&said);
        Err(said)
    };

    let open = files(&[]);
    assert!(!open.asks_for_certificates());
    open.check(&[]).unwrap();

    let before = files(&[("client_ca", &ca)]);
    assert!(before.asks_for_certificates());
    assert_eq!(check(&before, &good), Ok(()));
    assert_eq!(check(&before, &revoked), Ok(()));
    assert_eq!(check(&before, &foreign), said("of an unknown CA"));
    assert_eq!(check(&before, &expired), said("expired"));
    assert_eq!(check(&before, &for_servers), said("not for clients"));
    let none = before.check(&[]).unwrap_err().to_string();
    assert_eq!(Err(none), said("none"));

    let after = files(&[("client_ca", &ca), ("client_crl", &crl)]);
    assert_eq!(check(&after, &good), Ok(()));
    assert_eq!(check(&after, &revoked), said("revoked"));

    // The CA of `foreign` has no list: whom it has revoked isn't known.
    let both = format!("{ca}{}", other.pem());
    let partly = files(&[("client_ca", &both), ("client_crl", &crl)]);
    assert_eq!(
        check(&partly, &foreign),
        said("of a CA whose revocations aren't known")
    );
}

#[test]
fn what_will_be_wrong_or_is_unwise_is_warned_of() {
    let files = |signed: &Signed| {
        Files::new(&[("certificate", &*signed.certificate), ("key", &*signed.key)])
    };
    let within = |days: u64| {
        CA.sign("ser.example", |params| {
            let now = SystemTime::now();
            params.not_before = (now - Duration::from_secs(30 * 86_400)).into();
            params.not_after = (now + Duration::from_secs(days * 86_400)).into();
        })
    };
    assert_eq!(files(&within(8)).warnings(), [""; 0]);
    let [soon] = &files(&within(6)).warnings()[..] else {
        panic!("expected one warning");
    };
    assert!(
        soon.starts_with("tls.certificate: DIR/certificate: expires on 20"),
        "{soon}"
    );
    // Of one that lives for a day, half a day is long.
    let short = CA.sign("ser.example", |params| {
        let now = SystemTime::now();
        params.not_before = (now - Duration::from_secs(43_200)).into();
        params.not_after = (now + Duration::from_secs(43_200)).into();
    });
    assert_eq!(files(&short).warnings(), [""; 0]);

    let ca = CA.sign("ser.example", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let warning = "tls.certificate: DIR/certificate: the certificate of a CA (CA:TRUE), which \
                   many clients refuse; expected one that is none";
    assert_eq!(files(&ca).warnings(), [warning]);

    let open = files(&within(8));
    let key = open.folder.path().join("key");
    fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
    let warning = "tls.key: DIR/key: open to everybody on this machine (mode 0644); expected 0640";
    assert_eq!(open.warnings(), [warning]);
}

/// Longer than from one look at the files to the next.
const A_LOOK: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_pair_may_be_exchanged_in_two_steps() {
    let lines = Lines::capture();
    let telemetry = Telemetry::for_prometheus();
    let [old, new] = std::array::from_fn(|_| CA.sign("ser.example", |_| {}));
    let files = Files::new(&[("certificate", &old.certificate), ("key", &old.key)]);
    let _identity = Reloaded::open(files.source(), Arc::clone(telemetry.metrics())).unwrap();
    files.write("certificate", &new.certificate);
    tokio::time::sleep(A_LOOK).await;
    let [told] = &lines.with("tls not reloaded")[..] else {
        panic!("expected one line");
    };
    assert!(told.starts_with("WARN"), "{told}");
    assert!(
        told.contains("not reloaded yet, waiting for the other file: "),
        "{told}"
    );
    assert!(told.contains("listener=\"server\""), "{told}");
    files.write("key", &new.key);
    tokio::time::sleep(A_LOOK).await;
    let [told] = &lines.with("tls reloaded")[..] else {
        panic!("expected one line");
    };
    let path = |name| files.folder.path().join(name).display().to_string();
    let changed = format!("{}, {}", path("certificate"), path("key"));
    let changed = format!("listener=\"server\" files=\"{changed}\"");
    assert!(told.contains(&changed), "{told}");
    assert_eq!(lines.with("ERROR"), [""; 0]);
    let text = telemetry.text();
    let refused = "ser_credentials_reloaded_total{outcome=\"refused\",what=\"tls\"} 0\n";
    assert!(text.contains(refused), "{text}");
    files.write("key", "nonsense");
    for (wait, outdated) in [(A_LOOK, 1), (A_LOOK * 100, 1)] {
        tokio::time::sleep(wait).await;
        let outdated =
            format!("ser_credentials_outdated{{listener=\"server\",what=\"tls\"}} {outdated}\n");
        let text = telemetry.text();
        assert!(text.contains(&outdated), "{text}");
    }
    files.write("key", &new.key);
    tokio::time::sleep(A_LOOK).await;
    let current = "ser_credentials_outdated{listener=\"server\",what=\"tls\"} 0\n";
    assert!(telemetry.text().contains(current), "{}", telemetry.text());
}

#[tokio::test(start_paused = true)]
async fn the_other_file_is_not_waited_for_forever() {
    let lines = Lines::capture();
    let [old, new] = std::array::from_fn(|_| CA.sign("ser.example", |_| {}));
    let files = Files::new(&[("certificate", &old.certificate), ("key", &old.key)]);
    let _identity = Reloaded::open(files.source(), crate::telemetry::unread()).unwrap();
    files.write("certificate", &new.certificate);
    tokio::time::sleep(Duration::from_secs(90)).await;
    let told = lines.with("tls not reloaded, what was read before stays");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("ERROR"), "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn when_a_certificate_expires_is_shown_and_follows_the_file() {
    let telemetry = Telemetry::for_prometheus();
    let until = |year| {
        CA.sign("ser.example", |params| {
            params.not_after = date_time_ymd(year, 1, 1)
        })
    };
    let (old, new) = (until(2100), until(2101));
    let files = Files::new(&[("certificate", &old.certificate), ("key", &old.key)]);
    let _identity = Reloaded::open(files.source(), Arc::clone(telemetry.metrics())).unwrap();
    let shown = |timestamp: u64| {
        let name = "ser_tls_certificate_expiry_timestamp_seconds";
        let line = format!("{name}{{listener=\"server\"}} {timestamp}\n");
        assert!(
            telemetry.text().contains(&line),
            "{line}: {}",
            telemetry.text()
        );
    };
    shown(4_102_444_800);
    files.write("certificate", &new.certificate);
    files.write("key", &new.key);
    tokio::time::sleep(A_LOOK).await;
    shown(4_133_980_800);
}

#[tokio::test(start_paused = true)]
async fn a_warning_is_given_once_a_day_whatever_else_is_wrong() {
    let lines = Lines::capture();
    let server = CA.sign("ser.example", |_| {});
    let files = Files::new(&[("certificate", &server.certificate), ("key", &server.key)]);
    let key = files.folder.path().join("key");
    fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
    let _identity = Reloaded::open(files.source(), crate::telemetry::unread()).unwrap();
    files.write("certificate", "nonsense");
    tokio::time::sleep(A_LOOK * 100).await;
    assert_eq!(lines.with("open to everybody").len(), 1);
    assert_eq!(lines.with("tls not reloaded").len(), 1);
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert_eq!(lines.with("open to everybody").len(), 2);
    assert_eq!(lines.with("tls not reloaded").len(), 2);
}
