//! A server of the small packages on the backend that costs nothing.

use std::{env, fs, num::NonZeroUsize, process, time::Duration};

use ser_server::{
    config::{Config, LimitsConfig},
    fuzzing::{Server, Sessions},
    models::BackendRegistry,
};

use crate::{
    double::{self, Double},
    models,
};

/// The server, with the backend that its models run on.
pub struct Small {
    /// The server.
    pub server: Server,
    /// The backend, which knows how many rows there were.
    pub backend: Double,
}

impl Small {
    /// Writes the packages, loads them and removes them again.
    ///
    /// # Panics
    ///
    /// When that can't be done.
    #[must_use]
    pub fn start() -> Self {
        let folder = env::temp_dir().join(format!("ser-fuzz-{}", process::id()));
        for files in models::packages() {
            let place = folder.join(files.name).join("1");
            let mut package = files.package();
            // The double has posteriors of its own, and takes any row for golden.
            package.golden.audio.clear();
            package.write(&place).expect("a package");
        }
        let mut config = Config::default();
        config.models.directory = Some(folder.clone());
        config.models.default = Some("windowed/1".to_owned());
        config.models.backend = double::NAME.to_owned();
        config.models.instances = NonZeroUsize::new(1);
        config.batcher.max_wait = Duration::ZERO;
        let backend = Double::default();
        let backends = BackendRegistry::new().with(Box::new(backend.clone()));
        let server = Server::start(config, backends).expect("a server");
        fs::remove_dir_all(&folder).expect("a folder of our own");
        Self { server, backend }
    }

    /// Sessions with the limits that a server has by default.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        self.server.sessions(LimitsConfig::default())
    }
}
