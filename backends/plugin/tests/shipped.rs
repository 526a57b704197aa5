//! What the plugins of this repository refuse, and what they say of themselves.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod libraries;

use libraries::{c_plugin, tiny, tract_plugin};
use prost::Message;
use ser_backend::{Backend, BackendError, DeviceOptions, Model, ModelPackage};
use ser_backend_plugin::{Deadlines, PluginBackend};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto,
    attribute_proto::AttributeType,
    tensor_shape_proto::{Dimension, dimension::Value::DimValue},
    type_proto::Value::TensorType,
};

fn c() -> PluginBackend {
    PluginBackend::open("c", &c_plugin(), Deadlines::default())
}

fn tract() -> PluginBackend {
    PluginBackend::open("tract", &tract_plugin(), Deadlines::default())
}

/// Loads a package for tests whose graph was edited.
fn load(
    backend: &PluginBackend,
    package: &str,
    edit: impl FnOnce(&mut GraphProto),
) -> Result<Box<dyn Model>, BackendError> {
    let package = tiny(package);
    let mut model = ModelProto::decode(&package.graph[..]).unwrap();
    edit(model.graph.as_mut().unwrap());
    let package = ModelPackage {
        graph: model.encode_to_vec().into(),
        ..package
    };
    backend.load(&package, &DeviceOptions::default())
}

/// What is said of a graph that isn't run.
fn refusal(backend: &PluginBackend, package: &str, edit: impl FnOnce(&mut GraphProto)) -> String {
    match load(backend, package, edit).err().unwrap() {
        BackendError::Unsupported { reason, .. } => reason,
        other => other.to_string(),
    }
}

fn node<'a>(graph: &'a mut GraphProto, op_type: &str) -> &'a mut NodeProto {
    let found = graph.node.iter_mut().find(|node| node.op_type == op_type);
    found.unwrap()
}

fn set_integer(node: &mut NodeProto, name: &str, value: i64) {
    node.attribute.retain(|attribute| attribute.name != name);
    node.attribute.push(AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    });
}

/// A state of that size would end the process.
#[test]
fn a_hidden_size_that_the_weights_do_not_have() {
    let edit = |graph: &mut GraphProto| {
        let lstm = node(graph, "LSTM");
        set_integer(lstm, "hidden_size", 1 << 40);
        // No initial states: they would be zeros.
        lstm.input.truncate(5);
    };
    assert_eq!(
        refusal(&tract(), "tiny-recurrent", edit),
        "node LSTM of \"lstm.h\": with sequence_lens, hidden_size 1099511627776; \
         expected 12, as R says"
    );
    assert_eq!(
        refusal(&c(), "tiny-recurrent", edit),
        "node LSTM that makes \"lstm.h\": hidden_size 1099511627776"
    );
}

/// The dimensions of `[rows, steps, hidden]` before axis -2 are the rows.
#[test]
fn an_axis_of_flatten_that_counts_from_the_end() {
    for axis in [1, -2] {
        let edit = |graph: &mut GraphProto| set_integer(node(graph, "Flatten"), "axis", axis);
        load(&c(), "tiny-foreign", edit).unwrap();
    }
    let behind = |graph: &mut GraphProto| set_integer(node(graph, "Flatten"), "axis", -4);
    assert_eq!(
        refusal(&c(), "tiny-foreign", behind),
        "node Flatten that makes \"flat\": axis -4 of 3"
    );
}

#[test]
fn parts_of_another_number_than_said() {
    let edit = |graph: &mut GraphProto| {
        let split = node(graph, "Split");
        split.input.truncate(1);
        set_integer(split, "num_outputs", 5);
    };
    assert_eq!(
        refusal(&c(), "tiny-foreign", edit),
        "node Split that makes \"h0\": num_outputs of another number than 2"
    );
}

#[test]
fn a_fixed_number_of_rows() {
    let edit = |graph: &mut GraphProto| {
        let Some(TensorType(features)) = graph.input[0]
            .r#type
            .as_mut()
            .and_then(|of| of.value.as_mut())
        else {
            panic!("features are no tensor");
        };
        features.shape.as_mut().unwrap().dim[0] = Dimension {
            value: Some(DimValue(1)),
            ..Dimension::default()
        };
    };
    for backend in [c(), tract()] {
        let refusal = refusal(&backend, "tiny-windowed", edit);
        assert!(
            refusal.contains("features") && refusal.contains("[rows, 40, 1]"),
            "{refusal}"
        );
    }
}

/// As many values, in another order.
#[test]
fn weights_of_another_shape() {
    for (name, dims, expected) in [
        (
            "lstm.W",
            vec![1, 8, 48],
            "input 1 is of another shape; expected [1, 48, 8]",
        ),
        (
            "lstm.R",
            vec![48, 12],
            "input 2 is of another shape; expected [1, 48, 12]",
        ),
        (
            "lstm.B",
            vec![2, 48],
            "input 3 is of another shape; expected [1, 96]",
        ),
    ] {
        let edit = |graph: &mut GraphProto| {
            let mut tensors = graph.initializer.iter_mut();
            tensors.find(|tensor| tensor.name == name).unwrap().dims = dims;
        };
        assert_eq!(
            refusal(&c(), "tiny-recurrent", edit),
            format!("node LSTM that makes \"lstm.h\": {expected}")
        );
    }
}

#[test]
fn numerics_name_what_bits_depend_on() {
    let numerics = |backend| {
        let model = load(&backend, "tiny-windowed", |_| ()).unwrap();
        model.info().numerics.clone()
    };
    let (c, tract) = (numerics(c()), numerics(tract()));
    assert!(c.contains("libc ") && c.contains(", compiled "), "{c}");
    #[cfg(target_arch = "x86_64")]
    {
        let fma = is_x86_feature_detected!("fma");
        assert_eq!(c.contains(", fma, "), fma, "{c}");
        let avx2 = is_x86_feature_detected!("avx2");
        assert_eq!(c.contains(", avx2, "), avx2, "{c}");
        assert!(tract.contains(", x86_64"), "{tract}");
    }
    assert!(tract.contains("tract 0."), "{tract}");
}
