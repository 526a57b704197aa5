//! What the bits of outputs depend on besides inputs and package.

use ser_backend::instruction_sets;

use crate::{gpu, provider::Provider, session::Blueprint};

/// Library, providers, what they are allowed to round, and the instruction sets or
/// the GPU.
pub(crate) fn describe(blueprint: &Blueprint, used: &[Provider]) -> String {
    let settings = &blueprint.settings;
    let mut parts = vec![format!("onnxruntime {}", blueprint.runtime.version)];
    parts.extend(used.iter().map(|provider| provider.name().to_owned()));
    if used.iter().any(|provider| *provider != Provider::Cpu) {
        // The providers say nothing of their GPU, and a name that can't be read is
        // no reason not to serve.
        parts.extend(gpu::model());
        parts.extend(settings.rounding().into_iter().map(str::to_owned));
    }
    parts.push(std::env::consts::ARCH.to_owned());
    parts.extend(instruction_sets().into_iter().map(str::to_owned));
    parts.join(" ")
}
