//! `ser_backend_plugin.h` as Rust types: the C ABI between the server and a
//! backend in a shared library.
//!
//! The header beside this crate, `../include/ser_backend_plugin.h`, is the
//! reference for what every function and member means; a test compiles it and
//! compares it with this file. Both sides of the border build on this crate: the
//! server's, `ser-backend-plugin`, and plugins that are written in Rust.

use std::ffi::{CStr, c_char};

/// `SER_PLUGIN_ABI`: the version of the header that this crate follows.
pub const ABI: u32 = 1;

/// `SER_MAX_ROWS`: the most rows that one call of `infer` holds.
pub const MAX_ROWS: usize = 64;

/// The one symbol that a plugin exports, of type [`Handshake`].
pub const HANDSHAKE: &CStr = c"ser_plugin_handshake";

/// `ser_status`: what a function returns.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// `SER_OK`.
    pub const OK: Self = Self(0);
    /// `SER_ERROR_UNAVAILABLE`: the backend, its device or a provider isn't to be
    /// had.
    pub const UNAVAILABLE: Self = Self(1);
    /// `SER_ERROR_SETTINGS`: a setting is unknown or has a wrong value.
    pub const SETTINGS: Self = Self(2);
    /// `SER_ERROR_PACKAGE`: the graph is broken or of another shape.
    pub const PACKAGE: Self = Self(3);
    /// `SER_ERROR_UNSUPPORTED`: the graph is beyond this backend.
    pub const UNSUPPORTED: Self = Self(4);
    /// `SER_ERROR_FAILED`: anything else.
    pub const FAILED: Self = Self(5);
}

/// `struct ser_model`: whatever the plugin makes of it.
#[repr(C)]
#[derive(Debug)]
pub struct Model {
    opaque: [u8; 0],
}

/// `struct ser_host`: what the server says of itself.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its own size.
    pub size: usize,
    /// The oldest version of the ABI that the server speaks.
    pub oldest_abi: u32,
    /// The newest one.
    pub newest_abi: u32,
}

/// `struct ser_description`: what a backend can do on this machine.
#[repr(C)]
#[derive(Debug)]
pub struct Description {
    /// Its own size.
    pub size: usize,
    /// Names of execution providers, valid until the process exits.
    pub execution_providers: *const *const c_char,
    /// How many.
    pub execution_provider_count: usize,
}

/// `struct ser_load_request`: a package to be loaded.
#[repr(C)]
#[derive(Debug)]
pub struct LoadRequest {
    /// Its own size.
    pub size: usize,
    /// `name/version`.
    pub package: *const c_char,
    /// The package's `model.toml`.
    pub model_toml: *const c_char,
    /// The bytes of the package's `model.onnx`.
    pub graph: *const u8,
    /// How many.
    pub graph_size: usize,
    /// Time steps of a row.
    pub steps: usize,
    /// Values a step.
    pub width: usize,
    /// Values of recurrent state of a row; 0 for a windowed package.
    pub state: usize,
    /// Posteriors of a row.
    pub classes: usize,
    /// Where to run, the preferred provider first.
    pub execution_providers: *const *const c_char,
    /// How many.
    pub execution_provider_count: usize,
    /// The backend's settings, a TOML document.
    pub settings: *const c_char,
}

/// `struct ser_model_info`: how a model runs.
#[repr(C)]
#[derive(Debug)]
pub struct ModelInfo {
    /// Its own size.
    pub size: usize,
    /// The execution providers that really run it, joined by `", "`.
    pub execution_provider: *const c_char,
    /// What the bits of outputs depend on.
    pub numerics: *const c_char,
    /// 1 promises the same bits for a row in any company.
    pub batch_invariant: u32,
}

/// `struct ser_batch`: rows to be computed.
#[repr(C)]
#[derive(Debug)]
pub struct Batch {
    /// Its own size.
    pub size: usize,
    /// 1, 2, 4 … [`MAX_ROWS`].
    pub rows: usize,
    /// `[rows, steps, width]`.
    pub features: *const f32,
    /// `[rows, state]`; null for a windowed package.
    pub state: *const f32,
    /// `[rows]`; null for a windowed package.
    pub valid_steps: *const i32,
    /// `[rows, classes]`, to be written.
    pub posteriors: *mut f32,
    /// `[rows, state]`, to be written; null for a windowed package.
    pub next_state: *mut f32,
}

/// `describe` of [`Plugin`].
pub type Describe = unsafe extern "C" fn(description: *mut Description) -> Status;
/// `load` of [`Plugin`].
pub type Load = unsafe extern "C" fn(
    request: *const LoadRequest,
    model: *mut *mut Model,
    info: *mut ModelInfo,
) -> Status;
/// `instance` of [`Plugin`].
pub type Instance = unsafe extern "C" fn(model: *mut Model, other: *mut *mut Model) -> Status;
/// `infer` of [`Plugin`].
pub type Infer = unsafe extern "C" fn(model: *mut Model, batch: *const Batch) -> Status;
/// `unload` of [`Plugin`].
pub type Unload = unsafe extern "C" fn(model: *mut Model);
/// `last_error` of [`Plugin`].
pub type LastError = unsafe extern "C" fn() -> *const c_char;
/// The type of the symbol [`HANDSHAKE`].
pub type Handshake = unsafe extern "C" fn(host: *const Host) -> *const Plugin;

/// `struct ser_plugin`: what a plugin is.
#[repr(C)]
#[derive(Debug)]
pub struct Plugin {
    /// Its own size.
    pub size: usize,
    /// The version that all of this is of: [`ABI`].
    pub abi: u32,
    /// The size of [`Description`].
    pub description_size: usize,
    /// The size of [`LoadRequest`].
    pub load_request_size: usize,
    /// The size of [`ModelInfo`].
    pub model_info_size: usize,
    /// The size of [`Batch`].
    pub batch_size: usize,
    /// The plugin's name.
    pub name: *const c_char,
    /// The plugin's version.
    pub version: *const c_char,
    /// Says whether the backend works on this machine, and on what.
    pub describe: Option<Describe>,
    /// Makes a model of a package.
    pub load: Option<Load>,
    /// Makes another model that shares the weights.
    pub instance: Option<Instance>,
    /// Computes rows.
    pub infer: Option<Infer>,
    /// Frees a model.
    pub unload: Option<Unload>,
    /// The message of the latest function that failed on the calling thread.
    pub last_error: Option<LastError>,
}
