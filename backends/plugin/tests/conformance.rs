//! The conformance suite on real libraries: the plugin in C and the one on tract.

mod libraries;

use libraries::{c_plugin, seed, tiny, tract_plugin};
use ser_backend::conformance_tests;
use ser_backend_plugin::{Deadlines, PluginBackend};

fn c() -> PluginBackend {
    PluginBackend::open("c", &c_plugin(), Deadlines::default())
}

fn tract() -> PluginBackend {
    PluginBackend::open("tract", &tract_plugin(), Deadlines::default())
}

conformance_tests!(c_tiny_windowed, c(), tiny("tiny-windowed"));
conformance_tests!(c_tiny_stacked, c(), tiny("tiny-stacked"));
conformance_tests!(c_tiny_recurrent, c(), tiny("tiny-recurrent"));
conformance_tests!(c_tiny_foreign, c(), tiny("tiny-foreign"));
conformance_tests!(c_seed, c(), seed());

conformance_tests!(tract_tiny_windowed, tract(), tiny("tiny-windowed"));
conformance_tests!(tract_tiny_stacked, tract(), tiny("tiny-stacked"));
conformance_tests!(tract_tiny_recurrent, tract(), tiny("tiny-recurrent"));
conformance_tests!(tract_tiny_foreign, tract(), tiny("tiny-foreign"));
conformance_tests!(tract_seed, tract(), seed());
