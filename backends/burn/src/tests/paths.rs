//! The conformance suite on what a machine doesn't choose by itself: the portable
//! kernels, and Burn's own operations, which devices without a kernel run.

use std::path::Path;

use ser_backend::{Backend, BackendError, DeviceOptions, Model, ModelPackage, conformance_tests};
use ser_kernels::InstructionSet;

use crate::{
    BurnBackend,
    backend::load_on,
    placement::{Compute, Placement},
};

/// The backend, computing in a given way.
struct By(Compute);

const TENSORS: By = By(Compute::Tensors);
const PORTABLE: By = By(Compute::Kernels(InstructionSet::Portable));

impl Backend for By {
    fn name(&self) -> &str {
        "burn"
    }

    fn probe(&self) -> Result<(), BackendError> {
        BurnBackend::new().probe()
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let placement = Placement {
            compute: self.0,
            ..Placement::new(options)?
        };
        load_on(&placement, package)
    }
}

fn package(path: &str) -> ModelPackage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ModelPackage::read(&folder.join(path)).expect("the package is valid")
}

fn tiny(name: &str) -> ModelPackage {
    package(&format!("backends/core/tests/packages/{name}/1"))
}

conformance_tests!(tensors_windowed, TENSORS, tiny("tiny-windowed"));
conformance_tests!(tensors_stacked, TENSORS, tiny("tiny-stacked"));
conformance_tests!(tensors_recurrent, TENSORS, tiny("tiny-recurrent"));
conformance_tests!(tensors_foreign, TENSORS, tiny("tiny-foreign"));
conformance_tests!(portable_stacked, PORTABLE, tiny("tiny-stacked"));
conformance_tests!(portable_recurrent, PORTABLE, tiny("tiny-recurrent"));
conformance_tests!(portable_foreign, PORTABLE, tiny("tiny-foreign"));

/// The golden rows allow 1e-4; two ways on one processor are closer.
#[test]
fn all_ways_agree_on_the_seed_model() {
    let package = package("models/tess-lstm/1");
    let sets = InstructionSet::available().map(Compute::Kernels);
    let outputs: Vec<Vec<f32>> = sets
        .chain([Compute::Tensors])
        .map(|compute| {
            let options = DeviceOptions::default();
            let mut model = By(compute).load(&package, &options).unwrap();
            let mut batch = ser_backend::Batch::new(package.manifest.row_shape());
            for golden in package.golden.rows.iter().cycle().take(16) {
                batch.push(golden.row());
            }
            model.infer(&mut batch).unwrap();
            (0..16)
                .flat_map(|row| batch.posteriors(row).to_vec())
                .collect()
        })
        .collect();
    for other in &outputs[1..] {
        for (at, (value, expected)) in other.iter().zip(&outputs[0]).enumerate() {
            assert!((value - expected).abs() < 1e-5, "{at}: {value}, {expected}");
        }
    }
}
