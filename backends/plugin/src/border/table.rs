//! The table of functions that the handshake returns, checked before it is used.

use std::path::Path;

use ser_plugin_abi as abi;

use super::{Plugin, text};
use crate::PluginError;

/// Checks the table that the handshake returned.
pub(super) fn read(table: *const abi::Plugin, path: &Path) -> Result<Plugin, PluginError> {
    let wrong_abi = |found: String| PluginError::Abi {
        path: path.to_owned(),
        found,
        expected: abi::ABI,
    };
    if table.is_null() {
        return Err(wrong_abi("none that is ours".to_owned()));
    }
    let sized = |name, found, expected| match found == expected {
        true => Ok(()),
        false => Err(PluginError::StructSize {
            path: path.to_owned(),
            name,
            found,
            expected,
        }),
    };
    // The size and the version before anything else: other versions may have
    // nothing more in common with ours.
    // SAFETY: not null, and every version begins with these two members.
    let (size, version) = unsafe { ((*table).size, (*table).abi) };
    if version != abi::ABI {
        return Err(wrong_abi(version.to_string()));
    }
    sized("ser_plugin", size, size_of::<abi::Plugin>())?;
    // SAFETY: not null, of our version, and as large as ours.
    let table = unsafe { &*table };
    sized(
        "ser_description",
        table.description_size,
        size_of::<abi::Description>(),
    )?;
    sized(
        "ser_load_request",
        table.load_request_size,
        size_of::<abi::LoadRequest>(),
    )?;
    sized(
        "ser_model_info",
        table.model_info_size,
        size_of::<abi::ModelInfo>(),
    )?;
    sized("ser_batch", table.batch_size, size_of::<abi::Batch>())?;
    let missing = |member| PluginError::Incomplete {
        path: path.to_owned(),
        member,
    };
    let some_text = |member, pointer| {
        // SAFETY: the header promises text that stays.
        unsafe { text(pointer) }
            .filter(|text| !text.is_empty())
            .ok_or_else(|| PluginError::NoText {
                path: path.to_owned(),
                member,
            })
    };
    Ok(Plugin {
        describe: table.describe.ok_or_else(|| missing("describe"))?,
        load: table.load.ok_or_else(|| missing("load"))?,
        instance: table.instance.ok_or_else(|| missing("instance"))?,
        infer: table.infer.ok_or_else(|| missing("infer"))?,
        unload: table.unload.ok_or_else(|| missing("unload"))?,
        last_error: table.last_error.ok_or_else(|| missing("last_error"))?,
        name: some_text("name", table.name)?,
        version: some_text("version", table.version)?,
    })
}
