//! What a listener needs before other machines may reach it.

use super::{Config, Problem};

pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let server = &config.server;
    if !server.listen.ip().is_loopback() && !config.tls.is_on() && !server.allow_plaintext {
        let reason = format!(
            "{}, which other machines reach, without encryption; expected tls.certificate \
             and tls.key beside it, or server.allow_plaintext = true where something in \
             front of the server encrypts, or an address of this machine alone, such as \
             127.0.0.1:50051",
            server.listen
        );
        problems.push(Problem::new("server.listen", reason));
    }
    match config.admin.listen {
        Some(address) if !address.ip().is_loopback() && !is_guarded(config) => {
            let reason = format!(
                "{address}, which other machines reach; expected admin.tls.certificate and \
                 admin.tls.key with admin.tokens or admin.tls.client_ca beside it, or an \
                 address of this machine alone, such as 127.0.0.1:50052"
            );
            problems.push(Problem::new("admin.listen", reason));
        }
        Some(_) => {}
        None => problems.extend(unused(config)),
    }
    problems
}

/// Whether operators need credentials that nobody else reads on their way.
fn is_guarded(config: &Config) -> bool {
    let admin = &config.admin;
    admin.tls.is_on() && (admin.tokens.is_some() || admin.tls.client_ca.is_some())
}

/// What is set of an admin service that there isn't.
fn unused(config: &Config) -> impl Iterator<Item = Problem> {
    let admin = &config.admin;
    let set = [
        ("admin.port_file", admin.port_file.is_some()),
        ("admin.tokens", admin.tokens.is_some()),
        ("admin.tls.certificate", admin.tls.is_on()),
    ];
    let set = set.into_iter().filter(|(_, set)| *set);
    set.map(|(key, _)| Problem::needs(key, "admin.listen"))
}
