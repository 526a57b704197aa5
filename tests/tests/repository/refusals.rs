//! What is broken never serves.

use std::{fs, io, os::unix::fs::symlink, path::Path};

use ser_proto::admin::v1::State;
use tonic::Code;

use crate::support::{Models, Server};

/// A way to spoil a package, with what its refusal names.
type Spoiled = (&'static str, fn(&Models, &Path) -> io::Result<()>);

const BROKEN: [Spoiled; 6] = [
    ("tess-lstm/2/model.onnx", |_, folder| {
        let graph = fs::read(folder.join("model.onnx"))?;
        fs::write(folder.join("model.onnx"), &graph[..graph.len() / 2])
    }),
    (" of tess-lstm/2", |_, folder| {
        let text = fs::read_to_string(folder.join("golden.json"))?;
        let mut golden: serde_json::Value = serde_json::from_str(&text)?;
        let posteriors = golden["rows"][0]["posteriors"]
            .as_array_mut()
            .expect("posteriors");
        posteriors.rotate_right(1);
        fs::write(folder.join("golden.json"), golden.to_string())
    }),
    ("tess-lstm/2/model.toml: line ", |_, folder| {
        fs::write(folder.join("model.toml"), "format = \n")
    }),
    (
        "version: \"1\"; expected that of its directory, \"2\"",
        |models, folder| {
            fs::copy(
                models.path("1").join("model.toml"),
                folder.join("model.toml"),
            )
            .map(drop)
        },
    ),
    ("model.onnx: leads to ", |_, folder| {
        let outside =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tess-lstm/1/model.onnx");
        fs::remove_file(folder.join("model.onnx"))?;
        symlink(outside, folder.join("model.onnx"))
    }),
    ("tess-lstm/2/golden.json", |_, folder| {
        fs::remove_file(folder.join("golden.json"))
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_version_is_refused_and_the_old_one_goes_on() {
    let server = Server::start().await;
    for (named, spoil) in BROKEN {
        let folder = server.models.add("2");
        spoil(&server.models, &folder).unwrap();
        let refused = server.load("tess-lstm/2").await.unwrap_err();
        assert_eq!(
            refused.code(),
            Code::FailedPrecondition,
            "{named}: {refused}"
        );
        let refusal = refused
            .message()
            .strip_prefix("model tess-lstm/2: refused: ");
        let refusal = refusal.expect("what was refused");
        assert!(refusal.contains(named), "{named:?} in {refusal:?}");
        let listed = server.listed("2").await;
        assert_eq!(
            (listed.state(), listed.refusal.as_str()),
            (State::Refused, refusal)
        );
        assert_eq!(server.listed("1").await.state(), State::Serving);
        fs::remove_dir_all(folder).unwrap();
    }
    server.assert_streams_on("1").await;

    server.models.add("2");
    let mended = server.load("tess-lstm/2").await.unwrap();
    assert_eq!(
        (mended.state(), mended.refusal.as_str()),
        (State::Serving, "")
    );
    server.assert_streams_on("2").await;
    server.process.stop().await;
}
