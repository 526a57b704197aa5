//! The graph of a classifier: raw features in, posteriors out.

use ser_graph::{Activation, Constant, Graph, GraphBuilder, GraphError};

use crate::model::Classifier;

pub(super) fn of(classifier: &Classifier) -> Result<Graph, GraphError> {
    let constants = &classifier.standardisation;
    let lstm = classifier.network.lstm().weights()?;
    let mut graph = GraphBuilder::new("emotion");
    let features = graph.features(constants.mean.len(), lstm.width())?;
    let standardised = graph.standardise(
        features,
        constants.mean.clone(),
        constants.deviation.clone(),
    )?;
    let mut values = graph.lstm_last("lstm", standardised, lstm)?;
    let dense = classifier.network.dense_weights();
    let hidden = dense.len() - 1;
    for (index, (kernel, bias)) in dense.into_iter().enumerate() {
        let units = bias.len();
        let kernel = Constant {
            dims: vec![kernel.len() / units, units],
            values: kernel,
        };
        if index < hidden {
            values = graph.dense(&format!("dense_{}", index + 1), values, kernel, bias)?;
            values = graph.activation(&format!("relu_{}", index + 1), Activation::Relu, values)?;
        } else {
            values = graph.dense("logits", values, kernel, bias)?;
        }
    }
    let posteriors = graph.softmax("softmax", values)?;
    graph.finish(&[("posteriors", posteriors)])
}
