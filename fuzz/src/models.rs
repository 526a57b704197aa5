//! Small packages: their graphs have weights of zero, so that posteriors are even
//! whatever goes in, and golden rows needn't be computed.

use std::sync::Arc;

use ser_backend::{Golden, GoldenAudio, GoldenRow, ModelPackage};
use ser_features::{
    FrontEnd, FrontEndParams, FrontEndPlan, SampleRate, Segment, WindowParams, WindowRequest,
};
use ser_graph::{
    Activation, Constant, Dim, Element, Graph, GraphBuilder, GraphError, Lstm, LstmWeights, Op,
    ValueId,
};
use serde::Deserialize;

use crate::{seeds, sound::babble};

/// Labels of every package.
pub const LABELS: usize = 3;
/// Values of the recurrent package's state.
pub const STATE: usize = 4;
/// Frames of a row of the recurrent package.
const STEPS: usize = 25;
const BANDS: usize = 8;
/// The packages' rate.
const RATE: u32 = 8_000;
/// Samples of golden audio: a window, and what is left over.
const SAMPLES: usize = 3_300;

const COMMON: &str = r#"
format = 1
version = "1"
description = "Even"
licence = "CC0-1.0"
labels = ["calm", "glad", "sad"]
precision = "fp32"
decision = { temperature = 1.5, uncertain_below = 0.4 }
"#;

const FRONT_END: &str = r#"
[front_end]
sample_rate = 8000
n_fft = 128
hop_length = 64
window = "hann"
n_mels = 8
f_min = 0.0
f_max = 4000.0
mel_scale = "slaney"
mel_norm = "slaney"
amin = 1e-10
features = "log-mel"
"#;

/// Windows of 0.8 s every 0.2 s, from 0.4 s on.
const WINDOWS: &str = r#"
reduce = "mean"
top_db = 80.0
[windows]
window = 100
hop = 25
shortest_window = 50
longest_window = 200
shortest_hop = 5
short = "reduce"
"#;

/// Every frame goes in.
const FRAMES: &str = "reduce = \"none\"\n";

/// The three files of a package.
pub struct Files {
    /// Its name.
    pub name: &'static str,
    /// `model.toml`.
    pub manifest: String,
    /// `model.onnx`.
    pub graph: Vec<u8>,
    /// `golden.json`.
    pub golden: String,
}

impl Files {
    /// The package.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn package(&self) -> ModelPackage {
        ModelPackage::from_parts(self.name, &self.manifest, &self.graph, &self.golden)
            .expect("a package")
    }

    /// All of it in one input.
    #[must_use]
    pub fn seed(&self) -> Vec<u8> {
        seeds::join(&[
            self.manifest.as_bytes(),
            self.golden.as_bytes(),
            &self.graph,
        ])
    }
}

/// Packages `windowed/1` and `recurrent/1`.
#[must_use]
pub fn packages() -> [Files; 2] {
    let manifest = |name: &str, input: &str, specific: &str| {
        format!("name = \"{name}\"\n{COMMON}input = {{ {input} }}\n{FRONT_END}{specific}")
    };
    let windowed = format!("kind = \"windowed\", steps = {BANDS}, width = 1");
    let recurrent =
        format!("kind = \"recurrent\", steps = {STEPS}, width = {BANDS}, state = {STATE}");
    [
        Files {
            name: "windowed",
            manifest: manifest("windowed", &windowed, WINDOWS),
            graph: written(self::windowed()),
            golden: golden(&windowed_plan(), 0),
        },
        Files {
            name: "recurrent",
            manifest: manifest("recurrent", &recurrent, FRAMES),
            graph: written(self::recurrent()),
            golden: golden(&recurrent_plan(), STATE),
        },
    ]
}

/// Graphs with every operation of the family.
#[must_use]
pub fn graphs() -> Vec<Vec<u8>> {
    let exported = include_bytes!("../../backends/graph/tests/foreign/pytorch/model.onnx");
    vec![
        written(windowed()),
        written(recurrent()),
        written(stacked()),
        exported.to_vec(),
    ]
}

fn written(graph: Result<Graph, GraphError>) -> Vec<u8> {
    graph.expect("a graph of the family").write()
}

/// A row, and what the front end makes of some audio.
fn golden(plan: &Arc<FrontEndPlan>, state: usize) -> String {
    let row = |features: &[f32], valid_steps: usize| GoldenRow {
        features: features.to_vec(),
        state: vec![0.0; state],
        valid_steps,
        posteriors: vec![1.0 / LABELS as f32; LABELS],
        next_state: vec![0.0; state],
    };
    let samples: Vec<i16> = babble(SAMPLES, 0.3, 1)
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let floats: Vec<f32> = samples
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect();
    let mut rows = Vec::new();
    let mut front_end = FrontEnd::new(Arc::clone(plan));
    let mut emit = |segment: Segment<'_>| rows.push(row(segment.features, segment.valid_steps));
    front_end.push(&floats, &mut emit);
    front_end.finish(&mut emit);
    let golden = Golden {
        rows: vec![row(&vec![0.5; plan.row_len()], 1)],
        audio: vec![GoldenAudio::new(RATE, &samples, rows)],
    };
    serde_json::to_string(&golden).expect("golden values are JSON")
}

fn windowed_plan() -> Arc<FrontEndPlan> {
    #[derive(Deserialize)]
    struct Tables {
        front_end: FrontEndParams,
        windows: WindowParams,
    }
    let tables: Tables = toml::from_str(&format!("{FRONT_END}{WINDOWS}")).expect("both tables");
    let Tables { front_end, windows } = tables;
    let plan = FrontEndPlan::windowed(&front_end, &windows, WindowRequest::default(), rate());
    plan.expect("a plan")
}

fn recurrent_plan() -> Arc<FrontEndPlan> {
    #[derive(Deserialize)]
    struct Tables {
        front_end: FrontEndParams,
    }
    let tables: Tables = toml::from_str(&format!("{FRONT_END}{FRAMES}")).expect("the table");
    FrontEndPlan::recurrent(&tables.front_end, STEPS, rate()).expect("a plan")
}

fn rate() -> SampleRate {
    SampleRate::new(RATE).expect("a rate")
}

/// One LSTM and a dense layer.
fn windowed() -> Result<Graph, GraphError> {
    let mut graph = GraphBuilder::new("windowed");
    let features = graph.features(BANDS, 1)?;
    let standardised = graph.standardise(features, vec![-40.0; BANDS], vec![20.0; BANDS])?;
    let last = graph.lstm_last("lstm", standardised, lstm(1, 2)?)?;
    let logits = dense(&mut graph, "logits", last, [2, LABELS])?;
    let posteriors = graph.softmax("softmax", logits)?;
    graph.finish(&[("posteriors", posteriors)])
}

/// State goes in and out.
fn recurrent() -> Result<Graph, GraphError> {
    const HIDDEN: usize = STATE / 2;
    let mut graph = GraphBuilder::new("recurrent");
    let features = graph.features(STEPS, BANDS)?;
    let state = graph.input("state", Element::F32, &[Dim::Rows, Dim::Fixed(STATE)])?;
    let valid_steps = graph.input("valid_steps", Element::I32, &[Dim::Rows])?;
    let input = one(
        &mut graph,
        "steps_first",
        Op::Transpose {
            input: features,
            axes: vec![1, 0, 2],
        },
    )?;
    let layer = [Dim::Fixed(1), Dim::Rows, Dim::Fixed(HIDDEN)];
    let mut initial = |name: &str, start: usize| -> Result<ValueId, GraphError> {
        let half = one(
            &mut graph,
            name,
            Op::Slice {
                input: state,
                axis: 1,
                start,
                end: start + HIDDEN,
            },
        )?;
        graph.reshape(&format!("{name}_layer"), half, &layer)
    };
    let lstm = Lstm {
        input,
        valid_steps: Some(valid_steps),
        initial_h: Some(initial("h", 0)?),
        initial_c: Some(initial("c", HIDDEN)?),
        weights: lstm(BANDS, HIDDEN)?,
    };
    let outputs = graph.push("lstm", Op::Lstm(lstm))?;
    let row = [Dim::Rows, Dim::Fixed(HIDDEN)];
    let h = graph.reshape("next_h", outputs[1], &row)?;
    let c = graph.reshape("next_c", outputs[2], &row)?;
    let next_state = one(
        &mut graph,
        "join",
        Op::Concat {
            inputs: vec![h, c],
            axis: 1,
        },
    )?;
    let logits = dense(&mut graph, "logits", h, [HIDDEN, LABELS])?;
    let posteriors = graph.softmax("softmax", logits)?;
    graph.finish(&[("posteriors", posteriors), ("next_state", next_state)])
}

/// All states of an LSTM into the next, and every activation.
fn stacked() -> Result<Graph, GraphError> {
    let mut graph = GraphBuilder::new("stacked");
    let features = graph.features(3, 2)?;
    let states = graph.lstm_all("lstm_1", features, lstm(2, 2)?)?;
    let last = graph.lstm_last("lstm_2", states, lstm(2, 2)?)?;
    let mut layer = dense(&mut graph, "dense", last, [2, LABELS])?;
    for (name, activation) in [
        ("relu", Activation::Relu),
        ("tanh", Activation::Tanh),
        ("sigmoid", Activation::Sigmoid),
    ] {
        layer = graph.activation(name, activation, layer)?;
    }
    let product = one(
        &mut graph,
        "matmul",
        Op::Dense {
            input: layer,
            weight: zeros([LABELS, LABELS]),
            bias: None,
        },
    )?;
    let posteriors = graph.softmax("softmax", product)?;
    graph.finish(&[("posteriors", posteriors)])
}

fn lstm(width: usize, hidden: usize) -> Result<LstmWeights, GraphError> {
    let (w, r, b) = (4 * hidden * width, 4 * hidden * hidden, 4 * hidden);
    LstmWeights::new(width, hidden, vec![0.0; w], vec![0.0; r], vec![0.0; b])
}

fn dense(
    graph: &mut GraphBuilder,
    name: &str,
    input: ValueId,
    sizes: [usize; 2],
) -> Result<ValueId, GraphError> {
    graph.dense(name, input, zeros(sizes), vec![0.0; sizes[1]])
}

fn zeros(sizes: [usize; 2]) -> Constant {
    Constant {
        dims: sizes.into(),
        values: vec![0.0; sizes[0] * sizes[1]],
    }
}

fn one(graph: &mut GraphBuilder, name: &str, op: Op) -> Result<ValueId, GraphError> {
    graph.push(name, op).map(|outputs| outputs[0])
}
