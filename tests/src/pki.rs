//! Certificates, keys and tokens that live as long as a test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use tempfile::TempDir;

/// Signs certificates.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both in PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
    serial: SerialNumber,
}

impl Ca {
    /// A CA that nobody else has.
    ///
    /// # Panics
    ///
    /// When there is no randomness.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// The same with its key, as if it were a server's.
    #[must_use]
    pub fn itself(&self) -> Signed {
        Signed {
            certificate: self.0.pem(),
            key: self.0.key().serialize_pem(),
            serial: SerialNumber::from(0),
        }
    }

    /// A certificate of a server with these names.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Signed {
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, (2020, 2120))
    }

    /// The same, long over.
    #[must_use]
    pub fn expired_server(&self, names: &[&str]) -> Signed {
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, (2020, 2021))
    }

    /// A certificate of a client.
    #[must_use]
    pub fn client(&self, name: &str) -> Signed {
        self.sign(&[name], ExtendedKeyUsagePurpose::ClientAuth, (2020, 2120))
    }

    fn sign(&self, names: &[&str], purpose: ExtendedKeyUsagePurpose, years: (i32, i32)) -> Signed {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        // Different for each key, and positive.
        let mut serial = key.public_key_raw()[1..9].to_vec();
        serial[0] &= 0x7f;
        let serial = SerialNumber::from(serial);
        params.serial_number = Some(serial.clone());
        params.extended_key_usages = vec![purpose];
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// The list of the certificates that this CA has `revoked`.
    #[must_use]
    pub fn revocations(&self, revoked: &[&Signed]) -> String {
        let revoked = revoked.iter().map(|signed| RevokedCertParams {
            serial_number: signed.serial.clone(),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2120, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

/// Files that change while programs read them.
pub struct Files(TempDir);

impl Files {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where the file `name` is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same, for command lines.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        Path::to_str(&self.path(name)).unwrap().to_owned()
    }

    /// Puts `contents` in the place of the file `name`, at once.
    pub fn write(&self, name: &str, contents: &str) {
        let new = self.path("new");
        fs::write(&new, contents).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Puts a certificate and its key in `name.crt` and `name.key`.
    pub fn write_signed(&self, name: &str, signed: &Signed) {
        self.write(&format!("{name}.key"), &signed.key);
        self.write(&format!("{name}.crt"), &signed.certificate);
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

/// A new token of `name`, with its lines for the server's file, both as `ser-server
/// token` prints them.
#[must_use]
pub fn token(name: &str) -> (String, String) {
    let token = ser_server::auth::NewToken::generate();
    (token.token().to_owned(), token.entry(name))
}
