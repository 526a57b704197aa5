//! The default model, inside the binary.

use ser_backend::{ModelPackage, PackageError};

/// The package that ships with the server.
///
/// # Errors
///
/// When this build embedded a broken package.
pub(super) fn package() -> Result<ModelPackage, PackageError> {
    ModelPackage::from_parts(
        "embedded tess-lstm/1",
        include_str!("../../../models/tess-lstm/1/model.toml"),
        include_bytes!("../../../models/tess-lstm/1/model.onnx"),
        include_str!("../../../models/tess-lstm/1/golden.json"),
    )
}
