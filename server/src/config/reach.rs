//! What a listener needs before other machines may reach it.

use super::Config;

/// The error is the key with the reason.
pub(super) fn validate(config: &Config) -> Result<(), (&'static str, String)> {
    let server = &config.server;
    if !server.listen.ip().is_loopback() && !config.tls.is_on() && !server.allow_plaintext {
        return Err((
            "server.listen",
            format!(
                "{}, which other machines reach, without encryption; expected tls.certificate \
                 and tls.key beside it, or server.allow_plaintext = true where something in \
                 front of the server encrypts, or an address of this machine alone, such as \
                 127.0.0.1:50051",
                server.listen
            ),
        ));
    }
    let admin = &config.admin;
    match admin.listen {
        Some(address) if !address.ip().is_loopback() && !is_guarded(config) => Err((
            "admin.listen",
            format!(
                "{address}, which other machines reach; expected admin.tls.certificate and \
                 admin.tls.key with admin.tokens or admin.tls.client_ca beside it, or an \
                 address of this machine alone, such as 127.0.0.1:50052"
            ),
        )),
        None => unused(config),
        Some(_) => Ok(()),
    }
}

/// Whether operators need credentials that nobody else reads on their way.
fn is_guarded(config: &Config) -> bool {
    let admin = &config.admin;
    admin.tls.is_on() && (admin.tokens.is_some() || admin.tls.client_ca.is_some())
}

/// What is set of an admin service that there isn't.
fn unused(config: &Config) -> Result<(), (&'static str, String)> {
    let admin = &config.admin;
    let set = [
        ("admin.port_file", admin.port_file.is_some()),
        ("admin.tokens", admin.tokens.is_some()),
        ("admin.tls.certificate", admin.tls.is_on()),
    ];
    match set.into_iter().find(|(_, set)| *set) {
        Some((key, _)) => Err((key, "set; expected admin.listen beside it".to_owned())),
        None => Ok(()),
    }
}
