//! What the binding doesn't offer of ONNX Runtime's C API: a library's version
//! before it is used, and which provider runs each node. The only unsafe code of
//! this crate.
#![allow(unsafe_code, reason = "the C API")]

use std::{
    error::Error as _,
    ffi::{CStr, c_char},
    mem::ManuallyDrop,
    path::Path,
    ptr, slice,
};

use ort::{AsPointer as _, session::Session};
use ort_sys::{OrtApiBase, OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtStatusPtr};

/// A node and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssignedNode {
    /// The library's name of the execution provider.
    pub(crate) provider: String,
    /// The node's name and operator.
    pub(crate) node: String,
}

/// The version of a library, if it is an ONNX Runtime that this build can use.
///
/// Looked up before `ort` does: it panics over a library that doesn't answer.
pub(crate) fn version(path: &Path) -> Result<String, String> {
    // SAFETY: loading runs the library's initialisers, which is what the operator
    // asks for by naming it.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| {
        let cause = error.source().map(ToString::to_string);
        cause.unwrap_or_else(|| error.to_string())
    })?;
    // It stays loaded even if it is refused: once its initialisers have run, taking it
    // down is nothing it is made for.
    let library = ManuallyDrop::new(library);
    // SAFETY: the symbol has this type in every version of ONNX Runtime.
    let base =
        unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase") };
    let base = base.map_err(|_| "is no ONNX Runtime: it has no OrtGetApiBase".to_owned())?;
    // SAFETY: it takes nothing and returns null or a pointer to a static structure,
    // whose version is a static string.
    let version = unsafe {
        let base = base().as_ref().ok_or("its OrtGetApiBase returns nothing")?;
        text((base.GetVersionString)())
    };
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(1), Some(minor)) if minor >= ort::MINOR_VERSION => Ok(version),
        _ => Err(format!(
            "is ONNX Runtime {version:?}; expected 1.{} or a later 1.x",
            ort::MINOR_VERSION
        )),
    }
}

/// Every node of a session with its provider. The session must have been made
/// with `session.record_ep_graph_assignment_info`.
pub(crate) fn nodes(session: &Session) -> Result<Vec<AssignedNode>, ort::Error> {
    let api = ort::api();
    let mut nodes = Vec::new();
    // SAFETY: the session is alive, and everything that these calls point to is
    // owned by it and read before this function returns.
    unsafe {
        for subgraph in
            list::<_, OrtEpAssignedSubgraph>(session.ptr(), api.Session_GetEpGraphAssignmentInfo)?
        {
            let provider = string(*subgraph, api.EpAssignedSubgraph_GetEpName)?;
            for node in list::<_, OrtEpAssignedNode>(*subgraph, api.EpAssignedSubgraph_GetNodes)? {
                let name = string(*node, api.EpAssignedNode_GetName)?;
                let operator = string(*node, api.EpAssignedNode_GetOperatorType)?;
                nodes.push(AssignedNode {
                    provider: provider.clone(),
                    node: format!("{name:?} ({operator})"),
                });
            }
        }
    }
    Ok(nodes)
}

type GetList<Owner, Item> =
    unsafe extern "system" fn(*const Owner, *mut *const *const Item, *mut usize) -> OrtStatusPtr;

type GetString<Owner> = unsafe extern "system" fn(*const Owner, *mut *const c_char) -> OrtStatusPtr;

/// # Safety
///
/// `owner` must be alive for as long as the list is used.
unsafe fn list<'a, Owner, Item>(
    owner: *const Owner,
    get: GetList<Owner, Item>,
) -> Result<&'a [*const Item], ort::Error> {
    let (mut items, mut len) = (ptr::null(), 0);
    // SAFETY: the caller's promise; on success the library has filled both, with a
    // pointer that may be null where there are none.
    unsafe {
        ort::Error::result_from_status(get(owner, &mut items, &mut len))?;
        match len {
            0 => Ok(&[]),
            len => Ok(slice::from_raw_parts(items, len)),
        }
    }
}

/// # Safety
///
/// `owner` must be alive.
unsafe fn string<Owner>(owner: *const Owner, get: GetString<Owner>) -> Result<String, ort::Error> {
    let mut value = ptr::null();
    // SAFETY: the caller's promise; on success the library has filled in a string.
    unsafe {
        ort::Error::result_from_status(get(owner, &mut value))?;
        Ok(text(value))
    }
}

/// # Safety
///
/// `value` must be null or a C string.
unsafe fn text(value: *const c_char) -> String {
    if value.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(value) }
        .to_string_lossy()
        .into_owned()
}
