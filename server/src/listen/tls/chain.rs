//! Whether a listener's certificates are of use to those who connect to it.

use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

use super::files::File;
use crate::{Error, reload::Notes};

/// The log warns of a certificate that has no more than this left, and no more than a
/// third of its life: some live for days.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Checks the certificates in `file`, of which the first is the listener's own, and
/// returns when the first of them expires.
///
/// # Errors
///
/// [`Error::Config`] of one that can't be read, and of the listener's own when it isn't
/// valid now.
pub(super) fn check(
    file: &File<'_>,
    chain: &[CertificateDer<'_>],
    notes: &mut Notes,
) -> Result<ASN1Time, Error> {
    let parsed = chain.iter().map(|one| X509Certificate::from_der(one));
    let parsed: Result<Vec<_>, _> = parsed.map(|one| one.map(|(_, one)| one)).collect();
    let unreadable = || file.wrong("the certificate can't be read; expected PEM of X.509");
    let parsed = parsed.map_err(|_| unreadable())?;
    let own = parsed.first().ok_or_else(unreadable)?;
    check_validity(file, own)?;
    if own.is_ca() {
        let what = "the certificate of a CA (CA:TRUE), which many clients refuse; expected one that \
                    is none";
        notes.warn(file.key, file.path, what);
    }
    let next = parsed
        .iter()
        .min_by_key(|one| one.validity().not_after.timestamp());
    let next = next.unwrap_or(own).validity();
    let lasts = next.not_after.timestamp() - next.not_before.timestamp();
    let left = next.not_after.timestamp() - ASN1Time::now().timestamp();
    if left < SOON.as_secs().cast_signed().min(lasts / 3) {
        let what = format!("expires on {}", date(next.not_after));
        notes.warn(file.key, file.path, &what);
    }
    Ok(next.not_after)
}

fn check_validity(file: &File<'_>, own: &X509Certificate<'_>) -> Result<(), Error> {
    let validity = own.validity();
    let now = ASN1Time::now();
    if now > validity.not_after {
        return Err(file.wrong(&format!(
            "expired on {}; expected a certificate that is valid",
            date(validity.not_after)
        )));
    }
    if now < validity.not_before {
        return Err(file.wrong(&format!(
            "not valid before {}; expected a certificate that is valid",
            date(validity.not_before)
        )));
    }
    Ok(())
}

fn date(time: ASN1Time) -> String {
    // None that humantime can write lies before 1970.
    let since = Duration::from_secs(time.timestamp().try_into().unwrap_or(0));
    format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}
