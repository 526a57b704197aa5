//! Who watches a training.

use std::io::IsTerminal;
use std::sync::Arc;

use burn::train::Interrupter;
use burn::train::logger::TrainingProgressLogger;
use burn::train::metric::{
    MetricAttributes, MetricDefinition, MetricEntry, MetricId, NumericAttributes, NumericEntry,
    SerializedEntry,
};
use burn::train::renderer::tui::TuiMetricsRendererWrapper;
use burn::train::renderer::{MetricState, MetricsRenderer, MetricsRendererTraining};

use super::EpochRecord;

/// Is told how a training goes.
pub trait Observer {
    /// A training of `epochs` begins, or goes on after `done` of them.
    fn start(&mut self, epochs: usize, done: usize);

    /// A step was taken: `seen` of `clips` of this epoch so far, and the step's loss.
    fn step(&mut self, seen: usize, clips: usize, loss: f64);

    /// An epoch ended; `chosen` is the best one so far.
    fn epoch(&mut self, record: &EpochRecord, chosen: usize);

    /// The last epoch ended.
    fn end(&mut self);

    /// Asked at the end of each epoch.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn start(&mut self, _epochs: usize, _done: usize) {}
    fn step(&mut self, _seen: usize, _clips: usize, _loss: f64) {}
    fn epoch(&mut self, _record: &EpochRecord, _chosen: usize) {}
    fn end(&mut self) {}
}

/// One line an epoch on standard error.
#[derive(Clone, Debug)]
pub struct PlainLines {
    run: String,
    epochs: usize,
}

impl PlainLines {
    /// Lines that begin with the name of the run.
    #[must_use]
    pub fn new(run: impl Into<String>) -> Self {
        Self {
            run: run.into(),
            epochs: 0,
        }
    }
}

impl Observer for PlainLines {
    fn start(&mut self, epochs: usize, done: usize) {
        self.epochs = epochs;
        if done > 0 {
            eprintln!("{}: resumed after epoch {done}", self.run);
        }
    }

    fn step(&mut self, _seen: usize, _clips: usize, _loss: f64) {}

    fn epoch(&mut self, record: &EpochRecord, chosen: usize) {
        eprintln!(
            "{}: epoch {:>3}/{}  train loss {:.4} accuracy {:6.2} %  \
             validation loss {:.4} accuracy {:6.2} %  best epoch {chosen}",
            self.run,
            record.epoch,
            self.epochs,
            record.train_loss,
            100.0 * record.train_accuracy,
            record.validation_loss,
            100.0 * record.validation_accuracy,
        );
    }

    fn end(&mut self) {}
}

/// The dashboard of burn-train, where curves grow while the training runs.
pub struct Dashboard {
    renderer: TuiMetricsRendererWrapper,
    interrupter: Interrupter,
    loss: MetricId,
    accuracy: MetricId,
}

impl Dashboard {
    /// Takes over the terminal, if standard output is one.
    #[must_use]
    pub fn open() -> Option<Self> {
        if !std::io::stdout().is_terminal() {
            return None;
        }
        let interrupter = Interrupter::new();
        let mut renderer = TuiMetricsRendererWrapper::new(interrupter.clone(), None);
        let mut register = |name: &str, higher_is_better: bool| {
            let id = MetricId::new(Arc::new(name.to_owned()));
            renderer.register_metric(MetricDefinition {
                metric_id: id.clone(),
                name: Arc::new(name.to_owned()),
                description: None,
                attributes: MetricAttributes::Numeric(NumericAttributes {
                    unit: None,
                    higher_is_better,
                }),
            });
            id
        };
        let (loss, accuracy) = (register("Loss", false), register("Accuracy", true));
        Some(Self {
            renderer,
            interrupter,
            loss,
            accuracy,
        })
    }
}

fn metric(id: &MetricId, value: impl Into<f64>) -> MetricState {
    let value = value.into();
    let entry = SerializedEntry::new(format!("{value:.4}"), value.to_string());
    MetricState::Numeric(
        MetricEntry::new(id.clone(), entry),
        Some(NumericEntry::Value(value)),
    )
}

impl Observer for Dashboard {
    fn start(&mut self, epochs: usize, done: usize) {
        self.renderer.start(epochs, done + 1, None, None);
        self.renderer.start_split("train", 0);
    }

    fn step(&mut self, seen: usize, clips: usize, loss: f64) {
        self.renderer.update_train(metric(&self.loss, loss));
        self.renderer.start_split("train", clips);
        self.renderer.update_split(seen);
    }

    fn epoch(&mut self, record: &EpochRecord, chosen: usize) {
        self.renderer
            .update_train(metric(&self.accuracy, record.train_accuracy));
        self.renderer
            .update_valid(metric(&self.loss, record.validation_loss));
        self.renderer
            .update_valid(metric(&self.accuracy, record.validation_accuracy));
        self.renderer
            .log_event_training(format!("best epoch: {chosen}"));
        self.renderer.end_split();
        self.renderer.update_epoch(record.epoch);
    }

    fn end(&mut self) {
        self.renderer.end();
    }

    fn wants_to_stop(&self) -> bool {
        self.interrupter.should_stop()
    }
}
