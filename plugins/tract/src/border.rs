//! The border to the server: the only place that is `unsafe`.
//!
//! Each function turns what the header promises into references, calls safe code
//! and turns errors and panics into a status.

#![allow(unsafe_code, reason = "called through a C ABI")]

use std::{
    any::Any,
    cell::RefCell,
    ffi::{CStr, CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
    sync::Arc,
};

use ser_plugin_abi::{
    ABI, Batch, Description, Host, LoadRequest, Model, ModelInfo, Plugin, Status,
};

use crate::{
    error::Error,
    program::{Inputs, NUMERICS, Outputs, Program, Shape},
};

const CPU: &CStr = c"cpu";

const NAME: &CStr = c"ser-plugin-tract";

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no zero bytes"),
    };

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// A table that all threads read.
struct Static<T>(T);

// SAFETY: what its pointers point to is constant and stays.
unsafe impl<T> Sync for Static<T> {}

static PLUGIN: Static<Plugin> = Static(Plugin {
    size: size_of::<Plugin>(),
    abi: ABI,
    description_size: size_of::<Description>(),
    load_request_size: size_of::<LoadRequest>(),
    model_info_size: size_of::<ModelInfo>(),
    batch_size: size_of::<Batch>(),
    name: NAME.as_ptr(),
    version: VERSION.as_ptr(),
    describe: Some(describe),
    load: Some(load),
    instance: Some(instance),
    infer: Some(infer),
    unload: Some(unload),
    last_error: Some(last_error),
});

static PROVIDERS: Static<[*const c_char; 1]> = Static([CPU.as_ptr()]);

/// The one exported symbol: see `ser_backend_plugin.h`.
///
/// # Safety
///
/// `host` points to a [`Host`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ser_plugin_handshake(host: *const Host) -> *const Plugin {
    // SAFETY: as the caller promises.
    let host = unsafe { &*host };
    match (host.oldest_abi..=host.newest_abi).contains(&ABI) {
        true => &raw const PLUGIN.0,
        false => ptr::null(),
    }
}

unsafe extern "C" fn describe(description: *mut Description) -> Status {
    guard(|| {
        // SAFETY: the header promises a struct that says its size.
        let description = unsafe { &mut *description };
        sized(
            "ser_description",
            description.size,
            size_of::<Description>(),
        )?;
        description.execution_providers = PROVIDERS.0.as_ptr();
        description.execution_provider_count = PROVIDERS.0.len();
        Ok(())
    })
}

unsafe extern "C" fn load(
    request: *const LoadRequest,
    model: *mut *mut Model,
    info: *mut ModelInfo,
) -> Status {
    guard(|| {
        // SAFETY: the header promises structs that say their sizes.
        let (request, info) = unsafe { (&*request, &mut *info) };
        sized("ser_load_request", request.size, size_of::<LoadRequest>())?;
        sized("ser_model_info", info.size, size_of::<ModelInfo>())?;
        // SAFETY: the header promises text.
        let settings = unsafe { CStr::from_ptr(request.settings) }.to_string_lossy();
        if !settings.trim().is_empty() {
            return Err(Error::Settings(settings.into_owned()));
        }
        // SAFETY: the header promises so many bytes.
        let graph = unsafe { slice::from_raw_parts(request.graph, request.graph_size) };
        let shape = Shape {
            steps: request.steps,
            width: request.width,
            state: request.state,
            classes: request.classes,
        };
        let program = Program::load(graph, shape)?;
        info.execution_provider = CPU.as_ptr();
        info.numerics = NUMERICS.as_ptr();
        // tract chooses its kernels by the number of rows, and the bits differ.
        info.batch_invariant = 0;
        // SAFETY: the header promises a place for the model.
        unsafe { *model = give(Arc::new(program)) };
        Ok(())
    })
}

unsafe extern "C" fn instance(model: *mut Model, other: *mut *mut Model) -> Status {
    guard(|| {
        // SAFETY: the header promises a loaded model, which `give` made.
        let program = unsafe { &*model.cast::<Arc<Program>>() };
        // SAFETY: the header promises a place for the other.
        unsafe { *other = give(Arc::clone(program)) };
        Ok(())
    })
}

unsafe extern "C" fn infer(model: *mut Model, batch: *const Batch) -> Status {
    guard(|| {
        // SAFETY: the header promises a loaded model, which `give` made.
        let program = unsafe { &*model.cast::<Arc<Program>>() };
        // SAFETY: the header promises a struct that says its size.
        let batch = unsafe { &*batch };
        sized("ser_batch", batch.size, size_of::<Batch>())?;
        let (rows, shape) = (batch.rows, program.shape());
        // SAFETY: the header promises arrays of these lengths, or null where they
        // are of a recurrent package and this is none.
        let (inputs, mut outputs) = unsafe {
            let inputs = Inputs {
                rows,
                features: array(batch.features, rows * shape.steps * shape.width),
                state: array(batch.state, rows * shape.state),
                valid_steps: array(batch.valid_steps, rows * usize::from(shape.state > 0)),
            };
            let outputs = Outputs {
                posteriors: array_mut(batch.posteriors, rows * shape.classes),
                next_state: array_mut(batch.next_state, rows * shape.state),
            };
            (inputs, outputs)
        };
        program.infer(&inputs, &mut outputs)
    })
}

unsafe extern "C" fn unload(model: *mut Model) {
    guard(|| {
        // SAFETY: the header promises a loaded model that nobody uses any more, and
        // `give` made it.
        drop(unsafe { Box::from_raw(model.cast::<Arc<Program>>()) });
        Ok(())
    });
}

unsafe extern "C" fn last_error() -> *const c_char {
    LAST_ERROR.with_borrow(|message| message.as_ptr())
}

/// Models on different threads share a program.
const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Program>();
};

/// A model in the caller's hands.
fn give(program: Arc<Program>) -> *mut Model {
    Box::into_raw(Box::new(program)).cast()
}

/// # Safety
///
/// `pointer` points to `len` values that stay as they are during `'a`; it may be
/// anything if `len` is 0.
unsafe fn array<'a, T>(pointer: *const T, len: usize) -> &'a [T] {
    match len {
        0 => &[],
        // SAFETY: as the caller promises.
        len => unsafe { slice::from_raw_parts(pointer, len) },
    }
}

/// # Safety
///
/// As [`array()`], and nobody else looks at the values during `'a`.
unsafe fn array_mut<'a, T>(pointer: *mut T, len: usize) -> &'a mut [T] {
    match len {
        0 => &mut [],
        // SAFETY: as the caller promises.
        len => unsafe { slice::from_raw_parts_mut(pointer, len) },
    }
}

fn sized(name: &str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let message = format!("struct {name} has {found} bytes; expected {expected}");
    Err(Error::Call(message))
}

/// Keeps the error for `last_error`. A panic is one: it must not cross the border.
fn guard(call: impl FnOnce() -> Result<(), Error>) -> Status {
    let (status, message) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return Status::OK,
        Ok(Err(error)) => (error.status(), error.to_string()),
        Err(panic) => (Status::FAILED, format!("panicked: {}", message_of(&*panic))),
    };
    // Zero bytes may come with names out of the graph.
    let message = CString::new(message.replace('\0', "\u{fffd}")).unwrap_or_default();
    LAST_ERROR.set(message);
    status
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
