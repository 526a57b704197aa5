//! What is served, and on what.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toml::Table;

use super::list;

/// `[models]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The model of requests that name none: `name`, meaning the newest version
    /// that is served, or `name/version`. Default: the name of the first of
    /// `packages`, else of the first in `directory` by name, else of the embedded
    /// one.
    #[schemars(example = &"tess-lstm")]
    pub default: Option<String>,
    /// Whether the package inside the binary is served too. Default: true.
    pub embedded: bool,
    /// A directory whose packages, `<name>/<version>/`, are all served, and in
    /// which the admin service looks for more. Default: none.
    #[schemars(example = &"/models")]
    pub directory: Option<PathBuf>,
    /// The backend of every package that names none. Default: `burn`.
    pub backend: String,
    /// The execution providers, the preferred one first, of every package that
    /// names none; in a variable, separated by commas. Default: `["cpu"]`.
    #[serde(deserialize_with = "list::deserialize")]
    pub execution_providers: Vec<String>,
    /// Threads that run each model that says nothing else. Default: one a core,
    /// or one on a device such as a GPU.
    #[schemars(example = 1)]
    pub instances: Option<NonZeroUsize>,
    /// `[models.settings.<backend>]`: a backend's own settings, as its
    /// documentation lists them. Default: none.
    #[schemars(
        with = "BTreeMap<String, BTreeMap<String, Value>>",
        example = json!({"onnx": {"library": "/opt/onnxruntime/libonnxruntime.so.1.31.1"}})
    )]
    pub settings: BTreeMap<String, Table>,
    /// `[[models.packages]]`: further packages, or those in `directory` that need
    /// options of their own. Default: none.
    pub packages: Vec<PackageConfig>,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            default: None,
            embedded: true,
            directory: None,
            backend: "burn".to_owned(),
            execution_providers: vec!["cpu".to_owned()],
            instances: None,
            settings: BTreeMap::new(),
            packages: Vec::new(),
        }
    }
}

/// One of `[[models.packages]]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageConfig {
    /// The package's directory.
    #[schemars(example = &"/models/other/1")]
    pub path: PathBuf,
    /// Default: that of `[models]`.
    #[serde(default)]
    #[schemars(example = &"onnx")]
    pub backend: Option<String>,
    /// Default: those of `[models]`.
    #[serde(default)]
    #[schemars(example = ["cpu"])]
    pub execution_providers: Option<Vec<String>>,
    /// Default: that of `[models]`.
    #[serde(default)]
    #[schemars(example = 1)]
    pub instances: Option<NonZeroUsize>,
    /// `[models.packages.settings]`: the backend's own settings, each over the
    /// one of `[models.settings.<backend>]`, in tables too. Default: none.
    #[serde(default)]
    #[schemars(
        with = "BTreeMap<String, Value>",
        example = json!({"buckets": [8, 64]})
    )]
    pub settings: Table,
}

impl PackageConfig {
    /// The package in a directory, with the settings of `[models]`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            backend: None,
            execution_providers: None,
            instances: None,
            settings: Table::new(),
        }
    }
}
