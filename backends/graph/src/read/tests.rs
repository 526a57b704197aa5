//! Models edited to be beyond the family: each refusal says what and where.

use prost::Message as _;

use crate::{
    Constant, Graph, GraphBuilder, LstmWeights, Op,
    onnx::{
        AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto,
        attribute_proto::AttributeType, tensor_proto::DataType,
    },
};

/// Transpose, LSTM, Reshape, Gemm, Softmax.
fn model() -> ModelProto {
    let mut graph = GraphBuilder::new("classifier");
    let features = graph.features(3, 2).unwrap();
    let lstm = LstmWeights::new(2, 4, vec![0.5; 32], vec![0.5; 64], vec![0.5; 16]).unwrap();
    let last = graph.lstm_last("lstm", features, lstm).unwrap();
    let weight = Constant {
        dims: vec![4, 3],
        values: vec![0.5; 12],
    };
    let logits = graph.dense("logits", last, weight, vec![0.5; 3]).unwrap();
    let posteriors = graph.softmax("softmax", logits).unwrap();
    let bytes = graph.finish(&[("posteriors", posteriors)]).unwrap().write();
    ModelProto::decode(&bytes[..]).unwrap()
}

/// What the reader says of an edited model.
fn refusal(edit: impl FnOnce(&mut ModelProto)) -> String {
    let mut model = model();
    edit(&mut model);
    Graph::read(&model.encode_to_vec()).unwrap_err().to_string()
}

fn graph_refusal(edit: impl FnOnce(&mut GraphProto)) -> String {
    refusal(|model| edit(model.graph.as_mut().unwrap()))
}

fn node_refusal(name: &str, edit: impl FnOnce(&mut NodeProto)) -> String {
    graph_refusal(|graph| {
        edit(
            graph
                .node
                .iter_mut()
                .find(|node| node.name() == name)
                .unwrap(),
        );
    })
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind as i32),
        ..AttributeProto::default()
    }
}

#[test]
fn lstm_variants_are_refused_by_name() {
    let direction = node_refusal("lstm", |node| {
        let value = Some(b"bidirectional".to_vec());
        node.attribute.push(AttributeProto {
            s: value,
            ..attribute("direction", AttributeType::String)
        });
    });
    assert_eq!(
        direction,
        "node \"lstm\" (LSTM): direction bidirectional is not supported; expected forward"
    );
    let layout = node_refusal("lstm", |node| {
        node.attribute.push(AttributeProto {
            i: Some(1),
            ..attribute("layout", AttributeType::Int)
        });
    });
    assert_eq!(
        layout,
        "node \"lstm\" (LSTM): layout 1 is not supported; expected 0"
    );
    let clip = node_refusal("lstm", |node| {
        node.attribute.push(AttributeProto {
            f: Some(1.0),
            ..attribute("clip", AttributeType::Float)
        });
    });
    assert_eq!(
        clip,
        "node \"lstm\" (LSTM): attribute clip is not supported"
    );
    let activations = node_refusal("lstm", |node| {
        let names = ["Sigmoid", "Relu", "Tanh"]
            .map(|name| name.as_bytes().to_vec())
            .to_vec();
        node.attribute.push(AttributeProto {
            strings: names,
            ..attribute("activations", AttributeType::Strings)
        });
    });
    assert_eq!(
        activations,
        "node \"lstm\" (LSTM): activations [\"Sigmoid\", \"Relu\", \"Tanh\"] are not supported; \
         expected Sigmoid, Tanh, Tanh"
    );
    let peepholes = node_refusal("lstm", |node| {
        node.input.resize(7, String::new());
        node.input.push("lstm.B".to_owned());
    });
    assert_eq!(
        peepholes,
        "node \"lstm\" (LSTM): peepholes (input P) are not supported"
    );
}

#[test]
fn nodes_that_do_not_fit_are_refused_by_name() {
    let hidden = node_refusal("lstm", |node| node.attribute[0].i = Some(5));
    assert_eq!(
        hidden,
        "node \"lstm\" (LSTM): hidden_size is 5, but W is for 4"
    );
    let unknown = node_refusal("logits", |node| node.input[0] = "nobody".to_owned());
    assert_eq!(
        unknown,
        "node \"logits\" (Gemm): input 0 is \"nobody\", which no earlier node computes"
    );
    let computed = node_refusal("logits", |node| node.input[1] = "lstm.last".to_owned());
    assert_eq!(
        computed,
        "node \"logits\" (Gemm): input \"lstm.last\" is not a constant"
    );
    let missing = node_refusal("logits", |node| node.input.truncate(1));
    assert_eq!(missing, "node \"logits\" (Gemm): input 1 is missing");
    let unnamed = node_refusal("softmax", |node| {
        node.name = None;
        node.op_type = Some("LogSoftmax".to_owned());
    });
    assert_eq!(
        unnamed,
        "node \"#4\" (LogSoftmax): is not supported by the LSTM-classifier family"
    );
    let domain = node_refusal("softmax", |node| {
        node.domain = Some("com.example".to_owned())
    });
    assert_eq!(
        domain,
        "node \"softmax\" (Softmax): domain \"com.example\" is not supported"
    );
    let twice = node_refusal("softmax", |node| node.output[0] = "logits".to_owned());
    assert_eq!(
        twice,
        "node \"softmax\" (Softmax): output \"logits\": expected a name of its own"
    );
}

#[test]
fn broken_constants_are_refused_by_name() {
    let short = graph_refusal(|graph| {
        graph.initializer[0].raw_data.as_mut().unwrap().truncate(8);
    });
    assert_eq!(
        short,
        "node \"lstm\" (LSTM): constant \"lstm.W\" holds 2 numbers, expected 32 for its shape \
         [1, 16, 2]"
    );
    let external = graph_refusal(|graph| graph.initializer[0].data_location = Some(1));
    assert_eq!(
        external,
        "node \"lstm\" (LSTM): constant \"lstm.W\" lies in another file, expected its data inside"
    );
    let half = graph_refusal(|graph| graph.initializer[0].data_type = Some(10));
    assert_eq!(
        half,
        "node \"lstm\" (LSTM): constant \"lstm.W\" has data type 10, expected 1 (Float)"
    );
    let enormous = graph_refusal(|graph| graph.initializer[0].dims = vec![1 << 40, 1 << 40]);
    assert!(
        enormous.contains("more than 67108864 constant numbers"),
        "{enormous}"
    );
    let nan = graph_refusal(|graph| {
        graph.initializer[0].raw_data.as_mut().unwrap()[..4]
            .copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert_eq!(
        nan,
        "node \"lstm\" (LSTM): W: value 0 is NaN, expected a finite number"
    );
}

#[test]
fn broken_lists_are_refused_by_name() {
    let sizes = |graph: &mut GraphProto, sizes: &[i64]| {
        let mut constants = graph.initializer.iter_mut();
        let list = constants.find(|list| list.name() == "lstm.last.shape");
        let list = list.unwrap();
        list.dims = vec![sizes.len() as i64];
        list.raw_data = Some(sizes.iter().flat_map(|size| size.to_le_bytes()).collect());
    };
    let long = graph_refusal(|graph| sizes(graph, &[1; 2_000]));
    assert_eq!(
        long,
        "node \"lstm.last\" (Reshape): constant \"lstm.last.shape\" holds 2000 integers, \
         expected at most 1024"
    );
    let twice = graph_refusal(|graph| {
        sizes(graph, &[0, 0]);
        let mut nodes = graph.node.iter_mut();
        let reshape = nodes.find(|node| node.name() == "lstm.last").unwrap();
        reshape.op_type = Some("Unsqueeze".to_owned());
    });
    assert_eq!(twice, "node \"lstm.last\" (Unsqueeze): an axis comes twice");
}

#[test]
fn broken_models_are_refused() {
    assert_eq!(
        refusal(|model| model.opset_import[0].version = Some(12)),
        "opset_import: version 12, expected 13 to 23"
    );
    assert_eq!(
        refusal(|model| model.opset_import.clear()),
        "opset_import: missing, expected 13 to 23"
    );
    assert_eq!(
        refusal(|model| model.graph = None),
        "graph: missing, expected one"
    );
    assert_eq!(
        graph_refusal(|graph| graph.output[0].name = Some("nobody".to_owned())),
        "output \"nobody\": no node computes it"
    );
    assert_eq!(
        graph_refusal(|graph| graph.output.clear()),
        "outputs: there are none, expected at least one"
    );
    assert_eq!(
        graph_refusal(|graph| graph.input[0].r#type = None),
        "input \"features\": expected a tensor"
    );
    let node = graph_refusal(|graph| {
        graph.node = vec![graph.node[0].clone(); 2_000];
    });
    assert_eq!(node, "graph: 2000 nodes, expected at most 1024");
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        name: Some(output.to_owned()),
        op_type: Some(op.to_owned()),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..NodeProto::default()
    }
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::Int64 as i32),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// The LSTM starts at `[layers, rows, units]` of one number.
fn with_initial_state(graph: &mut GraphProto, layers: i64, units: i64, number: f32) {
    let end = AttributeProto {
        i: Some(1),
        ..attribute("end", AttributeType::Int)
    };
    let value = AttributeProto {
        t: Some(TensorProto {
            dims: vec![1],
            data_type: Some(DataType::Float as i32),
            float_data: vec![number],
            ..TensorProto::default()
        }),
        ..attribute("value", AttributeType::Tensor)
    };
    let axis = AttributeProto {
        i: Some(0),
        ..attribute("axis", AttributeType::Int)
    };
    graph.initializer.push(integers("layers", &[layers]));
    graph.initializer.push(integers("units", &[units]));
    let nodes = [
        node("Shape", &["features"], "rows", vec![end]),
        node("Concat", &["layers", "rows", "units"], "shape", vec![axis]),
        node("ConstantOfShape", &["shape"], "start", vec![value]),
    ];
    graph.node.splice(0..0, nodes);
    let mut nodes = graph.node.iter_mut();
    let lstm = nodes.find(|node| node.op_type() == "LSTM").unwrap();
    lstm.input.resize(4, String::new());
    lstm.input.extend(["", "start", "start"].map(str::to_owned));
}

#[test]
fn an_initial_state_of_zeros_is_none() {
    let mut model = model();
    with_initial_state(model.graph.as_mut().unwrap(), 1, 4, 0.0);
    let graph = Graph::read(&model.encode_to_vec()).unwrap();
    let mut operations = graph.nodes().iter().map(|node| &node.op);
    let lstm = operations.find_map(|op| match op {
        Op::Lstm(lstm) => Some(lstm),
        _ => None,
    });
    let lstm = lstm.unwrap();
    assert_eq!((lstm.initial_h, lstm.initial_c), (None, None));
    let other = graph_refusal(|graph| with_initial_state(graph, 1, 4, 0.5));
    assert_eq!(
        other,
        "node \"lstm\" (LSTM): the initial state \"start\" is a constant other than zeros, which \
         is not supported"
    );
    let misshapen = graph_refusal(|graph| with_initial_state(graph, 2, 4, 0.0));
    assert_eq!(
        misshapen,
        "node \"lstm\" (LSTM): the initial state \"start\" has shape [2, rows, 4], expected [1, \
         rows, 4]"
    );
}

#[test]
fn arithmetic_that_depends_on_the_number_of_rows_is_refused() {
    let doubled = graph_refusal(|graph| {
        with_initial_state(graph, 1, 4, 0.0);
        graph.initializer.push(integers("two", &[2]));
        let double = node("Mul", &["two", "rows"], "doubled", Vec::new());
        graph.node.insert(1, double);
        graph.node[2].input[1] = "doubled".to_owned();
    });
    assert_eq!(
        doubled,
        "node \"doubled\" (Mul): computes with the number of rows"
    );
}

#[test]
fn what_only_training_needs_is_left_out_or_refused() {
    let dropout = |mode: i32| {
        move |graph: &mut GraphProto| {
            graph.initializer.push(TensorProto {
                name: Some("mode".to_owned()),
                data_type: Some(DataType::Bool as i32),
                int32_data: vec![mode],
                ..TensorProto::default()
            });
            let last = graph.node.len() - 1;
            graph.node[last].input[0] = "kept".to_owned();
            let dropout = node("Dropout", &["logits", "", "mode"], "kept", Vec::new());
            graph.node.insert(last, dropout);
        }
    };
    let mut inference = model();
    dropout(0)(inference.graph.as_mut().unwrap());
    let expected = Graph::read(&model().encode_to_vec());
    assert_eq!(Graph::read(&inference.encode_to_vec()), expected);
    assert_eq!(
        graph_refusal(dropout(1)),
        "node \"kept\" (Dropout): training_mode is set; expected a model for inference"
    );
}
