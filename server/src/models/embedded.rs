//! The default model, inside the binary.

use ser_backend::{ModelPackage, PackageError};

pub(super) const NAME: &str = "tess-lstm";
pub(super) const VERSION: &str = "1";

/// Where the package lies, for people.
pub(super) const ORIGIN: &str = "embedded tess-lstm/1";

/// The package that ships with the server.
///
/// # Errors
///
/// When this build embedded a broken package.
pub(super) fn package() -> Result<ModelPackage, PackageError> {
    ModelPackage::from_parts(
        ORIGIN,
        include_str!("../../../models/tess-lstm/1/model.toml"),
        include_bytes!("../../../models/tess-lstm/1/model.onnx"),
        include_str!("../../../models/tess-lstm/1/golden.json"),
    )
}
