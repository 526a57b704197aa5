//! Settings in flags.

use std::{net::SocketAddr, path::PathBuf};

use ::config::{Map, Value};

use super::{LogFormat, layer::Layer};

/// What flags set. `None` leaves a value as it is.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `server.listen`.
    pub listen: Option<SocketAddr>,
    /// `server.port_file`.
    pub port_file: Option<PathBuf>,
    /// `models.directory`.
    pub models_dir: Option<PathBuf>,
    /// `models.default`.
    pub model: Option<String>,
    /// `admin.listen`.
    pub admin_listen: Option<SocketAddr>,
    /// `log.format`.
    pub log_format: Option<LogFormat>,
    /// `log.level`.
    pub log_level: Option<String>,
}

impl Overrides {
    pub(super) fn layer(&self) -> Layer {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let address = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        let flags = [
            ("--listen", "server.listen", address(self.listen)),
            ("--port-file", "server.port_file", path(&self.port_file)),
            ("--models-dir", "models.directory", path(&self.models_dir)),
            ("--model", "models.default", self.model.clone()),
            ("--admin-listen", "admin.listen", address(self.admin_listen)),
            (
                "--log-format",
                "log.format",
                self.log_format.map(|format| format.name().to_owned()),
            ),
            ("--log-level", "log.level", self.log_level.clone()),
        ];
        let mut layer = Layer::new(Map::new());
        for (flag, key, text) in flags {
            if let Some(text) = text {
                let path: Vec<_> = key.split('.').collect();
                let value = Value::new(Some(&format!("flag {flag}")), text);
                assert!(layer.set(&path, value), "{key} is set by one flag alone");
            }
        }
        layer
    }
}
