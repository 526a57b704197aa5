//! The border to the library: the only place that is `unsafe`.
//!
//! Everything here trusts the library to keep to `ser_backend_plugin.h`; what can
//! be checked of that is checked.

#![allow(unsafe_code, reason = "calls through a C ABI")]

mod table;

use std::{
    ffi::{CStr, CString, c_char},
    mem::ManuallyDrop,
    path::Path,
    ptr::{self, NonNull},
    slice,
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};
use ser_backend::RowShape;
use ser_plugin_abi::{self as abi, Status};

use crate::PluginError;

/// Marks output values that the plugin has not written: a NaN that no arithmetic
/// yields, so that a computed NaN isn't taken for it.
const UNWRITTEN: u32 = 0x7fd5_3e1b;

/// The most execution providers that the header lets a plugin name.
const MAX_PROVIDERS: usize = 64;

/// The functions of a library that passed the handshake. It is never unloaded.
#[derive(Clone, Copy)]
pub(crate) struct Plugin {
    describe: abi::Describe,
    load: abi::Load,
    instance: abi::Instance,
    infer: abi::Infer,
    unload: abi::Unload,
    last_error: abi::LastError,
    name: &'static str,
    version: &'static str,
}

/// A function returned an error.
#[derive(Debug)]
pub(crate) struct CallError {
    /// Which of the codes.
    pub(crate) status: Status,
    /// What the plugin says.
    pub(crate) message: String,
}

/// A package as it crosses the border.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadRequest<'a> {
    pub(crate) package: &'a CStr,
    pub(crate) model_toml: &'a CStr,
    pub(crate) graph: &'a [u8],
    pub(crate) shape: RowShape,
    pub(crate) execution_providers: &'a [CString],
    pub(crate) settings: &'a CStr,
}

/// How a model runs.
#[derive(Debug)]
pub(crate) struct LoadedInfo {
    pub(crate) execution_provider: String,
    pub(crate) numerics: String,
    pub(crate) batch_invariant: bool,
}

/// The arrays of a call, whose lengths follow from `rows` and the model's shape.
#[derive(Debug)]
pub(crate) struct Arrays<'a> {
    pub(crate) rows: usize,
    pub(crate) features: &'a [f32],
    pub(crate) state: &'a [f32],
    pub(crate) valid_steps: &'a [i32],
    pub(crate) posteriors: &'a mut [f32],
    pub(crate) next_state: &'a mut [f32],
}

/// A model of the plugin's, unloaded when dropped.
pub(crate) struct Handle {
    plugin: Plugin,
    model: NonNull<abi::Model>,
    shape: RowShape,
}

// SAFETY: the header lets any thread call a model as long as calls don't overlap,
// and a `Handle` is not `Sync`, so they don't.
unsafe impl Send for Handle {}

impl Plugin {
    /// Loads the library at `path`, which is absolute, and shakes hands.
    pub(crate) fn open(path: &Path) -> Result<Self, PluginError> {
        let refused = |reason: libloading::Error| PluginError::Open {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        if !path.exists() {
            return Err(PluginError::Missing {
                path: path.to_owned(),
            });
        }
        // Now, not when it is called, is the time to miss a symbol of its own.
        // SAFETY: runs the library's initialisers. The operator named it, and the
        // header asks that they do no harm.
        let library =
            unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(refused)?;
        // Code and static data stay until the process exits: threads that were
        // given up on, or that it started itself, may still be in there.
        let library = ManuallyDrop::new(library);
        // SAFETY: the header gives the symbol this type. A symbol may be there and
        // null.
        let handshake: Result<Symbol<Option<abi::Handshake>>, _> =
            unsafe { library.get(abi::HANDSHAKE.to_bytes_with_nul()) };
        let handshake = handshake.ok().and_then(|symbol| *symbol);
        let handshake = handshake.ok_or_else(|| PluginError::MissingSymbol {
            path: path.to_owned(),
            symbol: HANDSHAKE_NAME,
        })?;
        let host = abi::Host {
            size: size_of::<abi::Host>(),
            oldest_abi: abi::ABI,
            newest_abi: abi::ABI,
        };
        // SAFETY: as the header says, the argument is valid during the call.
        let table = unsafe { handshake(&raw const host) };
        table::read(table, path)
    }

    /// `name version`.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// The execution providers that it offers.
    pub(crate) fn describe(&self) -> Result<Vec<String>, CallError> {
        let mut description = abi::Description {
            size: size_of::<abi::Description>(),
            execution_providers: ptr::null(),
            execution_provider_count: 0,
        };
        // SAFETY: the struct is valid, says its size and outlives the call.
        let status = unsafe { (self.describe)(&raw mut description) };
        self.check(status)?;
        let (names, count) = (
            description.execution_providers,
            description.execution_provider_count,
        );
        if names.is_null() || count == 0 {
            return Err(broken("describe names no execution providers"));
        }
        if count > MAX_PROVIDERS {
            return Err(broken(&format!(
                "describe names {count} execution providers; expected at most {MAX_PROVIDERS}"
            )));
        }
        // SAFETY: not null, and the header promises `count` pointers that stay.
        let names = unsafe { slice::from_raw_parts(names, count) };
        names
            .iter()
            // SAFETY: the header promises text that stays.
            .map(|name| unsafe { text(*name) }.map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| broken("describe names an execution provider that is no UTF-8"))
    }

    /// Loads a package.
    pub(crate) fn load(&self, request: LoadRequest<'_>) -> Result<(Handle, LoadedInfo), CallError> {
        let providers: Vec<*const c_char> = request
            .execution_providers
            .iter()
            .map(|name| name.as_ptr())
            .collect();
        let shape = request.shape;
        let request = abi::LoadRequest {
            size: size_of::<abi::LoadRequest>(),
            package: request.package.as_ptr(),
            model_toml: request.model_toml.as_ptr(),
            graph: request.graph.as_ptr(),
            graph_size: request.graph.len(),
            steps: shape.steps,
            width: shape.width,
            state: shape.state,
            classes: shape.classes,
            execution_providers: providers.as_ptr(),
            execution_provider_count: providers.len(),
            settings: request.settings.as_ptr(),
        };
        let mut info = abi::ModelInfo {
            size: size_of::<abi::ModelInfo>(),
            execution_provider: ptr::null(),
            numerics: ptr::null(),
            batch_invariant: 0,
        };
        let mut model = ptr::null_mut();
        // SAFETY: the structs are valid, say their sizes and outlive the call, as
        // does what they point to.
        let status = unsafe { (self.load)(&raw const request, &raw mut model, &raw mut info) };
        self.check(status)?;
        let handle = self.handle(model, shape, "load")?;
        // SAFETY: the header promises text until the model's next call, and it is
        // copied before.
        let texts = unsafe { (text(info.execution_provider), text(info.numerics)) };
        match (texts, info.batch_invariant) {
            ((Some(provider), Some(numerics)), promise @ (0 | 1))
                if !provider.is_empty() && !numerics.is_empty() =>
            {
                let info = LoadedInfo {
                    execution_provider: provider.to_owned(),
                    numerics: numerics.to_owned(),
                    batch_invariant: promise == 1,
                };
                Ok((handle, info))
            }
            _ => Err(broken("load has not filled in ser_model_info")),
        }
    }

    fn handle(
        &self,
        model: *mut abi::Model,
        shape: RowShape,
        function: &str,
    ) -> Result<Handle, CallError> {
        let model = NonNull::new(model)
            .ok_or_else(|| broken(&format!("{function} has stored no model")))?;
        Ok(Handle {
            plugin: *self,
            model,
            shape,
        })
    }

    /// Asks for the message if `status` is an error, on the thread that got it.
    fn check(&self, status: Status) -> Result<(), CallError> {
        if status == Status::OK {
            return Ok(());
        }
        // SAFETY: takes nothing.
        let message = unsafe { (self.last_error)() };
        // SAFETY: the header promises text until this thread's next call, and it
        // is copied before.
        let message = unsafe { text(message) };
        Err(CallError {
            status,
            message: message.unwrap_or("last_error gives no UTF-8").to_owned(),
        })
    }
}

impl Handle {
    /// Another model that shares the weights.
    pub(crate) fn instance(&self) -> Result<Self, CallError> {
        let mut other = ptr::null_mut();
        // SAFETY: the model is loaded, and whoever borrows the handle is alone with
        // it; the pointer to write to is valid.
        let status = unsafe { (self.plugin.instance)(self.model.as_ptr(), &raw mut other) };
        self.plugin.check(status)?;
        self.plugin.handle(other, self.shape, "instance")
    }

    /// Computes rows. A value that the plugin leaves unwritten is an error.
    ///
    /// # Panics
    ///
    /// When an array isn't as long as `rows` and the model's shape make it: the
    /// plugin would write elsewhere.
    pub(crate) fn infer(&mut self, arrays: &mut Arrays<'_>) -> Result<(), CallError> {
        let (rows, shape) = (arrays.rows, self.shape);
        let recurrent = shape.state > 0;
        assert_eq!(arrays.features.len(), rows * shape.features());
        assert_eq!(arrays.state.len(), rows * shape.state);
        assert_eq!(arrays.valid_steps.len(), rows * usize::from(recurrent));
        assert_eq!(arrays.posteriors.len(), rows * shape.classes);
        assert_eq!(arrays.next_state.len(), rows * shape.state);
        let unwritten = f32::from_bits(UNWRITTEN);
        arrays.posteriors.fill(unwritten);
        arrays.next_state.fill(unwritten);
        let only_if_recurrent = |pointer| if recurrent { pointer } else { ptr::null() };
        let batch = abi::Batch {
            size: size_of::<abi::Batch>(),
            rows,
            features: arrays.features.as_ptr(),
            state: only_if_recurrent(arrays.state.as_ptr()),
            valid_steps: match recurrent {
                true => arrays.valid_steps.as_ptr(),
                false => ptr::null(),
            },
            posteriors: arrays.posteriors.as_mut_ptr(),
            next_state: match recurrent {
                true => arrays.next_state.as_mut_ptr(),
                false => ptr::null_mut(),
            },
        };
        // SAFETY: the model is loaded and this is its only call; the arrays have the
        // lengths that the header says and outlive the call.
        let status = unsafe { (self.plugin.infer)(self.model.as_ptr(), &raw const batch) };
        self.plugin.check(status)?;
        all_written("posteriors", arrays.posteriors, shape.classes)?;
        all_written("next_state", arrays.next_state, shape.state)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the model is loaded, and nothing uses it any more.
        unsafe { (self.plugin.unload)(self.model.as_ptr()) };
    }
}

const HANDSHAKE_NAME: &str = match abi::HANDSHAKE.to_str() {
    Ok(name) => name,
    Err(_) => panic!("the symbol is ASCII"),
};

/// A text of the plugin's; `None` if it is null or no UTF-8.
///
/// # Safety
///
/// If not null, it ends with a zero byte and stays valid for `'a`.
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a str> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok()
}

fn all_written(what: &str, values: &[f32], row: usize) -> Result<(), CallError> {
    let unwritten = |value: &f32| value.to_bits() == UNWRITTEN;
    let Some(first) = values.iter().position(unwritten) else {
        return Ok(());
    };
    let count = values.iter().filter(|value| unwritten(value)).count();
    Err(broken(&format!(
        "infer wrote too little: {count} of {} {what} are missing, the first is value {} of row {}",
        values.len(),
        first % row,
        first / row
    )))
}

/// The plugin doesn't keep to the header.
fn broken(message: &str) -> CallError {
    CallError {
        status: Status::FAILED,
        message: message.to_owned(),
    }
}
