//! The backend: from a library and a package to a model.

use std::{
    ffi::CString,
    fmt, io,
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};

use ser_backend::{
    Backend, BackendError, DeviceOptions, Model, ModelInfo, ModelPackage, PackageError,
    ProviderStatus, golden,
};
use ser_plugin_abi::Status;
use toml::Table;

use crate::{
    PluginError,
    border::{CallError, LoadRequest, Plugin},
    deadline::Caller,
    model::PluginModel,
};

/// How long a library may take. Calls of `infer` have no deadline here: that is
/// for whoever calls the model.
///
/// A call that is late is given up on. Its thread stays in the library until the
/// call returns, and what it made is then unloaded; until then the backend makes
/// no further calls but those of models that are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To load the library and shake hands.
    pub handshake: Duration,
    /// To describe what it can do.
    pub describe: Duration,
    /// To load a package and run its golden rows.
    pub load: Duration,
    /// To make another instance of a model.
    pub instance: Duration,
    /// To unload a model. Whoever drops it waits no longer.
    pub unload: Duration,
}

impl Default for Deadlines {
    /// 10 s to shake hands, to describe and to unload, and 10 min to load and to make an
    /// instance: a device may compile its kernels.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            describe: Duration::from_secs(10),
            load: Duration::from_secs(600),
            instance: Duration::from_secs(600),
            unload: Duration::from_secs(10),
        }
    }
}

/// A backend in a shared library.
pub struct PluginBackend {
    name: String,
    deadlines: Deadlines,
    caller: Arc<Caller>,
    plugin: Result<Plugin, PluginError>,
}

impl PluginBackend {
    /// Loads the library at `path`, which the configuration calls `name`.
    ///
    /// A library that can't be used is a backend all the same, which isn't
    /// available: [`probe`](Backend::probe) and [`load`](Backend::load) say why,
    /// as [`status`](Self::status) does.
    #[must_use]
    pub fn open(name: &str, path: &Path, deadlines: Deadlines) -> Self {
        let caller = Arc::new(Caller::default());
        let plugin = open(path, &caller, deadlines.handshake);
        Self {
            name: name.to_owned(),
            deadlines,
            caller,
            plugin,
        }
    }

    /// The plugin's own name and version.
    ///
    /// # Errors
    ///
    /// Why the library is no plugin.
    pub fn status(&self) -> Result<String, &PluginError> {
        self.plugin.as_ref().map(Plugin::label)
    }

    fn describe(&self) -> Result<Vec<String>, BackendError> {
        let plugin = self.plugin()?;
        let described = self
            .caller
            .call("describe", self.deadlines.describe, move || {
                plugin.describe()
            });
        match described {
            Ok(Ok(providers)) => Ok(providers),
            Ok(Err(error)) => Err(unavailable(&self.name, error.message)),
            Err(no_result) => Err(unavailable(&self.name, no_result)),
        }
    }

    fn plugin(&self) -> Result<Plugin, BackendError> {
        self.plugin
            .as_ref()
            .copied()
            .map_err(|error| unavailable(&self.name, error))
    }
}

impl fmt::Debug for PluginBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginBackend")
            .field("name", &self.name)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// The loader runs the library's initialisers, which may hang as well as any
/// other call.
fn open(path: &Path, caller: &Caller, deadline: Duration) -> Result<Plugin, PluginError> {
    let at = |error: io::Error| PluginError::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    // A bare name would be searched for among the system's libraries.
    let path: PathBuf = absolute(path).map_err(at)?;
    let library = path.clone();
    caller
        .call("ser_plugin_handshake", deadline, move || {
            Plugin::open(&library)
        })
        .unwrap_or_else(|no_result| {
            Err(PluginError::Deadline {
                path,
                reason: no_result.to_string(),
            })
        })
}

impl Backend for PluginBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn probe(&self) -> Result<(), BackendError> {
        self.describe().map(drop)
    }

    /// A plugin names those alone that work.
    fn providers(&self, _settings: &Table) -> Result<Vec<ProviderStatus>, BackendError> {
        let works = |name| ProviderStatus {
            name,
            problem: None,
        };
        Ok(self.describe()?.into_iter().map(works).collect())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let loader = Loader {
            name: self.name.clone(),
            plugin: self.plugin()?,
            package: package.clone(),
            options: options.clone(),
            deadlines: self.deadlines,
            caller: Arc::clone(&self.caller),
        };
        let loaded = self
            .caller
            .call("load", self.deadlines.load, move || loader.load());
        let model = loaded.unwrap_or_else(|no_result| Err(unavailable(&self.name, no_result)))?;
        Ok(Box::new(model))
    }
}

/// All that the thread of a load needs.
struct Loader {
    name: String,
    plugin: Plugin,
    package: ModelPackage,
    options: DeviceOptions,
    deadlines: Deadlines,
    caller: Arc<Caller>,
}

impl Loader {
    fn load(self) -> Result<PluginModel, BackendError> {
        let execution_providers = self.execution_providers()?;
        let manifest = &self.package.manifest;
        let package = self.text(manifest.id())?;
        let model_toml = toml::to_string(manifest).map_err(|error| self.broken(error))?;
        let model_toml = self.text(model_toml)?;
        let settings = toml::to_string(&self.options.settings)
            .map_err(|error| error.to_string())
            .and_then(|text| CString::new(text).map_err(|error| error.to_string()))
            .map_err(|reason| wrong_setting(&self.name, reason))?;
        let request = LoadRequest {
            package: &package,
            model_toml: &model_toml,
            graph: &self.package.graph,
            shape: manifest.row_shape(),
            execution_providers: &execution_providers,
            settings: &settings,
        };
        let loaded = self.plugin.load(request);
        let (handle, info) = loaded.map_err(|error| self.refusal(error))?;
        self.check_providers(&info.execution_provider)?;
        let info = ModelInfo {
            backend: self.name.clone(),
            execution_provider: info.execution_provider,
            numerics: format!("{}, {}", self.plugin.label(), info.numerics),
            shape: manifest.row_shape(),
            batch_invariant: info.batch_invariant,
        };
        let mut model = PluginModel::new(info, handle, self.deadlines, self.caller);
        golden::replay(&mut model, &self.package)?;
        Ok(model)
    }

    /// Those that are asked for, if the plugin has all of them.
    fn execution_providers(&self) -> Result<Vec<CString>, BackendError> {
        let described = self.plugin.describe();
        let offered = described.map_err(|error| unavailable(&self.name, error.message))?;
        let wanted = &self.options.execution_providers;
        let unknown = wanted.iter().find(|name| !offered.contains(name));
        if let (false, None) = (wanted.is_empty(), unknown) {
            let names = wanted.iter().map(|name| CString::new(name.as_str()));
            return names
                .collect::<Result<_, _>>()
                .map_err(|error| wrong_setting(&self.name, error));
        }
        let reason = format!("execution_providers = {wanted:?}; expected some of {offered:?}");
        Err(wrong_setting(&self.name, reason))
    }

    /// Refuses a model that runs elsewhere than was asked for: only a name such as
    /// `cuda-or-cpu` lets a plugin fall back.
    fn check_providers(&self, running: &str) -> Result<(), BackendError> {
        let mut running = running.split(", ");
        match running.find(|name| !self.options.allows(name)) {
            None => Ok(()),
            Some(other) => {
                let wanted = &self.options.execution_providers;
                let reason = format!("load says that it runs on {other:?}; expected {wanted:?}");
                Err(unavailable(&self.name, reason))
            }
        }
    }

    fn text(&self, text: String) -> Result<CString, BackendError> {
        CString::new(text).map_err(|error| self.broken(error))
    }

    fn broken(&self, reason: impl fmt::Display) -> BackendError {
        let file = format!("{}/model.toml", self.package.origin);
        let reason = reason.to_string();
        PackageError::Invalid { file, reason }.into()
    }

    /// What the plugin says when it doesn't load the package.
    fn refusal(&self, error: CallError) -> BackendError {
        let reason = error.message;
        let file = self.package.graph_file();
        match error.status {
            Status::SETTINGS => wrong_setting(&self.name, reason),
            Status::PACKAGE => PackageError::Invalid { file, reason }.into(),
            Status::UNSUPPORTED => BackendError::Unsupported {
                backend: self.name.clone(),
                file,
                reason,
            },
            _ => unavailable(&self.name, reason),
        }
    }
}

fn wrong_setting(backend: &str, reason: impl fmt::Display) -> BackendError {
    BackendError::Settings {
        backend: backend.to_owned(),
        reason: reason.to_string(),
    }
}

fn unavailable(backend: &str, reason: impl fmt::Display) -> BackendError {
    BackendError::Unavailable {
        backend: backend.to_owned(),
        reason: reason.to_string(),
    }
}
