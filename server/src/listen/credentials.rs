//! Where a listener's certificates and tokens come from.

use super::TlsFiles;
use crate::{
    Error,
    auth::TokenFile,
    config::{Config, TlsKeys},
    reload::{Notes, Source},
};

/// The files of one listener.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) tokens: Option<TokenFile>,
}

impl Credentials {
    /// Those of the listener of clients.
    pub(crate) fn of_clients(config: &Config) -> Self {
        Self {
            tls: TlsFiles::named(&config.tls, &TlsKeys::SERVER),
            tokens: config.auth.tokens.clone().map(|path| TokenFile {
                key: "auth.tokens",
                listener: "server",
                path,
            }),
        }
    }

    /// Those of the listener of operators.
    pub(crate) fn of_operators(config: &Config) -> Self {
        let admin = &config.admin;
        Self {
            tls: TlsFiles::named(&admin.tls, &TlsKeys::ADMIN),
            tokens: admin.tokens.clone().map(|path| TokenFile {
                key: "admin.tokens",
                listener: "admin",
                path,
            }),
        }
    }

    /// Reads all of them, and finds everything that is wrong, and what to warn of.
    pub(crate) fn problems(&self, notes: &mut Notes) -> Vec<Error> {
        let tls = self.tls.as_ref().and_then(|files| files.load(notes).err());
        let tokens = self.tokens.as_ref().and_then(|file| file.load(notes).err());
        let problems = tls.into_iter().chain(tokens);
        problems.flat_map(Error::each).collect()
    }
}
