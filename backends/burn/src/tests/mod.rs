//! Tests of models as a whole.

mod invariance;
mod paths;
