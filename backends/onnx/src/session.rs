//! Making sessions, all alike, from one graph.

use std::sync::Arc;

use ort::session::{Session, builder::SessionBuilder};
use ser_backend::RowShape;

use crate::{
    library::Runtime,
    provider::{Device, Provider},
    settings::Settings,
    weights::SharedWeights,
};

/// Everything that a session is made of.
#[derive(Debug)]
pub(crate) struct Blueprint {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) settings: Settings,
    /// The numbers of rows that the graph is run with, ascending.
    pub(crate) buckets: Vec<usize>,
    /// Those that work here, the preferred one first.
    pub(crate) providers: Vec<Provider>,
    /// Where TensorRT keeps engines.
    pub(crate) engine_cache: Option<String>,
    /// `model.onnx`.
    pub(crate) graph: Arc<[u8]>,
    /// Those of the graph that all sessions share, where they do.
    pub(crate) weights: Option<SharedWeights>,
    pub(crate) shape: RowShape,
}

impl Blueprint {
    /// Makes a session.
    pub(crate) fn open(&self) -> Result<Session, ort::Error> {
        let mut builder = self.builder()?;
        if let Some(weights) = &self.weights {
            builder = weights.give(builder)?;
        }
        builder.commit_from_memory(&self.graph)
    }

    fn builder(&self) -> Result<SessionBuilder, ort::Error> {
        let shapes = |rows| shapes(self.shape, rows);
        let device = Device {
            settings: &self.settings,
            shapes: Some(&shapes),
            cache: self.engine_cache.clone(),
        };
        let providers: Vec<_> = self
            .providers
            .iter()
            .map(|provider| provider.dispatch(&device))
            .collect();
        // A server's threads are its workers: one that waits must not burn a core.
        let builder = Session::builder(&self.runtime.environment)?
            .with_intra_threads(self.settings.intra_op_threads.get())?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_config_entry("session.record_ep_graph_assignment_info", "1")?
            // Nothing but what was looked through for weights elsewhere.
            .with_config_entry("session.load_model_format", "ONNX")?
            .with_execution_providers(providers)?;
        Ok(builder)
    }
}

/// The shapes of all inputs as TensorRT's profiles name them.
fn shapes(shape: RowShape, rows: usize) -> String {
    let RowShape {
        steps,
        width,
        state,
        ..
    } = shape;
    let features = format!("features:{rows}x{steps}x{width}");
    match state {
        0 => features,
        state => format!("{features},state:{rows}x{state},valid_steps:{rows}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_name_every_input() {
        let mut shape = RowShape {
            steps: 10,
            width: 8,
            state: 24,
            classes: 3,
        };
        assert_eq!(shapes(shape, 4), "features:4x10x8,state:4x24,valid_steps:4");
        shape.state = 0;
        assert_eq!(shapes(shape, 64), "features:64x10x8");
    }
}
