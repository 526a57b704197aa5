//! What every backend must do, as checks that a backend's tests run.
//!
//! A backend instantiates the suite for each package it can run:
//!
//! ```text
//! ser_backend::conformance_tests!(tiny_recurrent, MyBackend::new(), package("tiny-recurrent"));
//! ```
//!
//! This gives a module of tests, one for each check; attributes before the module's
//! name, such as `#[ignore = "…"]`, go to each of them. A fourth argument are the
//! [`DeviceOptions`] to load with, the default ones without it. [`repeated_loads`] looks
//! at the memory of the whole process, so it wants a test program of its own.

mod numbers;
mod refusals;
mod resources;
mod rows;
#[cfg(test)]
mod tests;

pub use numbers::{
    company_changes_nothing, every_row_count, golden_rows, instances_agree,
    one_bad_row_spoils_itself, padding_changes_nothing, reports_itself, state_travels_with_its_row,
};
pub use refusals::{
    refuses_other_shapes, refuses_truncated_graphs, refuses_unknown_providers,
    refuses_unsupported_nodes, refuses_wrong_golden_rows,
};
pub use resources::repeated_loads;

use crate::{Backend, BackendError, Batch, DeviceOptions, Model, ModelPackage, PackageError};

/// How far a row's values may be off in other company when a backend doesn't
/// promise batch invariance.
pub const COMPANY_TOLERANCE: f32 = 1e-5;

/// What the checks look at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The backend.
    pub backend: &'a dyn Backend,
    /// Where it is to run.
    pub options: &'a DeviceOptions,
    /// A package that it runs.
    pub package: &'a ModelPackage,
}

impl Subject<'_> {
    fn load(&self) -> Result<Box<dyn Model>, Failure> {
        Ok(self.backend.load(self.package, self.options)?)
    }

    fn batch(&self) -> Batch {
        Batch::new(self.package.manifest.row_shape())
    }
}

/// What a backend does wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It behaves otherwise than the contract says.
    #[error("{0}")]
    Contract(String),
    /// It fails where it should work.
    #[error("unexpected error: {0}")]
    Backend(#[from] BackendError),
    /// The suite can't make its packages.
    #[error("unexpected error: {0}")]
    Package(#[from] PackageError),
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::Contract(otherwise()))
    }
}

/// A check of the suite.
pub type Check = fn(&Subject<'_>) -> Result<(), Failure>;

/// Gives a macro the names of all checks but [`repeated_loads`], and then what is
/// given here.
#[doc(hidden)]
#[macro_export]
macro_rules! with_conformance_checks {
    ([$($macro:tt)*] $($given:tt)*) => {
        $($macro)*! {
            [
                reports_itself
                golden_rows
                every_row_count
                company_changes_nothing
                one_bad_row_spoils_itself
                state_travels_with_its_row
                padding_changes_nothing
                instances_agree
                refuses_unknown_providers
                refuses_truncated_graphs
                refuses_other_shapes
                refuses_wrong_golden_rows
                refuses_unsupported_nodes
            ]
            $($given)*
        }
    };
}

macro_rules! named {
    ([$($check:ident)*]) => {
        &[$((stringify!($check), $check)),*]
    };
}

/// The checks that [`conformance_tests`](crate::conformance_tests) makes tests of,
/// with their names: for programs that aren't tests.
pub const CHECKS: &[(&str, Check)] = with_conformance_checks!([named]);

/// A module of tests, one for each check of the suite, each with the attributes
/// that stand before the module's name.
#[macro_export]
macro_rules! conformance_tests {
    (
        [$($check:ident)*]
        @checks $module:ident, $attributes:tt, $backend:expr, $package:expr, $options:expr
    ) => {
        mod $module {
            #[allow(unused_imports, reason = "the expressions may name anything of the parent")]
            use super::*;

            $(
                $crate::conformance_tests! {
                    @check $check, $attributes, $backend, $package, $options
                }
            )*
        }
    };
    (
        @check $check:ident, [$($attribute:meta)*], $backend:expr, $package:expr, $options:expr
    ) => {
        #[test]
        $(#[$attribute])*
        fn $check() {
            let (backend, package, options) = ($backend, $package, $options);
            let subject = $crate::conformance::Subject {
                backend: &backend,
                options: &options,
                package: &package,
            };
            if let Err(failure) = $crate::conformance::$check(&subject) {
                panic!("{failure}");
            }
        }
    };
    ($(#[$attribute:meta])* $module:ident, $backend:expr, $package:expr) => {
        $crate::conformance_tests! {
            $(#[$attribute])* $module, $backend, $package, $crate::DeviceOptions::default()
        }
    };
    ($(#[$attribute:meta])* $module:ident, $backend:expr, $package:expr, $options:expr) => {
        $crate::with_conformance_checks! {
            [$crate::conformance_tests]
            @checks $module, [$($attribute)*], $backend, $package, $options
        }
    };
}
