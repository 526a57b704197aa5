//! What the bits of outputs depend on besides inputs and package.

use ser_backend::instruction_sets;

use crate::placement::{Compute, Placement};

/// The version of Burn that the workspace pins.
const BURN: &str = "0.22.1";

/// Libraries with their versions, the processor and what is chosen at run time.
pub(crate) fn describe(placement: &Placement) -> String {
    match placement.compute {
        Compute::Kernels(kernels) => {
            let mut parts = vec![format!("burn-flex {BURN} {}", std::env::consts::ARCH)];
            parts.extend(instruction_sets().into_iter().map(str::to_owned));
            // The crates of the workspace have one version.
            let version = env!("CARGO_PKG_VERSION");
            parts.push(format!("ser-kernels {version} {kernels}"));
            parts.join(" ")
        }
        Compute::Tensors => format!("burn {BURN} {:?}", placement.device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_in_use() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"burn-flex\"\nversion = \"{BURN}\"\n")));
    }
}
