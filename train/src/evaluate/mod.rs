//! How good a model is, and on what.

mod calibrate;
mod metrics;
mod package;
mod plots;
mod report;
mod run;
#[cfg(test)]
mod tests;

pub use calibrate::calibrate;
pub use metrics::{ConfusionMatrix, LabelMetrics, Metrics};
pub use package::{Prediction, front_end, predict, score};
pub use plots::{draw_confusion, draw_curves};
pub use report::{Evaluation, Spread};
pub use run::{Run, RunReport, TrainedRun};
