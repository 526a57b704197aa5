//! `ser-client models`.

use serde_json::Value;

use crate::{
    json::model_fields,
    support::{fake::FakeServer, program::run},
};

#[tokio::test]
async fn people_read_what_a_model_is() {
    let server = FakeServer::without_streams();
    let ended = run(&server.address, &["models"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for text in [
        "tess-lstm/1 (default)  Seven acted emotions\n",
        "other/1  Seven acted emotions\n",
        "CC-BY-NC-ND-4.0",
        "burn on cpu, results bit-identical",
        "22050 Hz, window 2.995 s, hop 0.511 s",
        "neutral, pleasant surprise, sad",
    ] {
        assert!(
            ended.stdout.contains(text),
            "{text:?} is missing: {ended:?}"
        );
    }
}

#[tokio::test]
async fn programs_read_one_object_a_model() {
    let server = FakeServer::without_streams();
    let ended = run(&server.address, &["models", "tess-lstm", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut expected = model_fields();
    expected["type"] = "model".into();
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap(),
        expected
    );
}

#[tokio::test]
async fn an_unknown_model_is_rejected() {
    let server = FakeServer::without_streams();
    let ended = run(&server.address, &["models", "whisper"]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("\"whisper\" is not served; expected one of tess-lstm/1")
    );
    assert!(
        ended
            .stderr
            .contains("`ser-client models` lists what is served")
    );
}

#[tokio::test]
async fn a_server_without_models_says_so_beside_the_output() {
    let server = FakeServer::without_models();
    for arguments in [&["models"][..], &["models", "--json"]] {
        let ended = run(&server.address, arguments).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(0), ""), "{ended:?}");
        assert!(
            ended.stderr.starts_with("no models are served; "),
            "{ended:?}"
        );
    }
}
