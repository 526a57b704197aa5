//! `--json`: the shape that programs rely on.

use ser_client::proto::{
    GoAway, StreamWarning, Trigger, WarningCode, streaming_recognize_response::Response,
};
use serde_json::{Value, json};

use crate::support::{
    fake::FakeServer,
    messages,
    program::{Recording, run},
};

#[tokio::test]
async fn every_event_is_one_object() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        let mut first = messages::emotion(0, "happy", 0.75);
        first.scores.truncate(1);
        first.channel = Some(1);
        call.send(messages::result(first)).await;
        let mut last = messages::no_speech(1);
        last.trigger = Trigger::EndOfStream.into();
        call.send(messages::result(last)).await;
        call.send(Response::Warning(StreamWarning {
            code: WarningCode::ClippedAudio.into(),
            message: "turn the microphone down".to_owned(),
            channel: Some(0),
        }))
        .await;
        call.rest().await;
        let go_away = GoAway {
            time_left: messages::milliseconds(1_500),
            reason: "upgrade".to_owned(),
            ..GoAway::default()
        };
        call.send(Response::GoAway(go_away)).await;
        call.send(Response::Summary(messages::summary())).await;
    });
    let recording = Recording::seconds(1);
    let arguments = [
        "stream",
        recording.path(),
        "--json",
        "--fast",
        "--no-resume",
        "--top-k",
        "1",
    ];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "started", "result", "result", "warning", "go_away", "summary"
        ]
    );
    assert_eq!(
        lines[0],
        json!({
            "type": "started",
            "stream_id": "stream-7",
            "model": model_fields(),
            "audio": {"encoding": "s16le", "sample_rate": 8000, "channels": 1},
            "channel_policy": "mix",
            "window": 2.995,
            "hop": 0.511,
            "top_k": 1,
            "pace": "bulk",
            "algorithmic_delay": 0.01,
            "numerics": "test",
        })
    );
    assert_eq!(
        lines[1],
        json!({
            "type": "result",
            "sequence": 0,
            "start": 0.0,
            "end": 1.0,
            "new_start": 0.0,
            "end_sample": 8000,
            "channel": 1,
            "verdict": "emotion",
            "label": "happy",
            "scores": [{"label": "happy", "probability": 0.75}],
            "trigger": "interval",
        })
    );
    assert_eq!(lines[2]["verdict"], "no_speech");
    assert_eq!(lines[2]["trigger"], "end_of_stream");
    assert_eq!(lines[2]["scores"], json!([]));
    assert_eq!(lines[2].get("label"), None);
    assert_eq!(
        lines[3],
        json!({
            "type": "warning",
            "code": "clipped_audio",
            "message": "turn the microphone down",
            "channel": 0,
        })
    );
    assert_eq!(
        lines[4],
        json!({"type": "go_away", "time_left": 1.5, "reason": "upgrade"})
    );
    let summary = &lines[5];
    assert_eq!(summary["received"], 3.0);
    assert_eq!(summary["received_samples"], 24_000);
    assert_eq!(summary["classified"], 2.5);
    assert_eq!(summary["no_speech"], 0.5);
    assert_eq!(summary["uncertain"], 0.5);
    assert_eq!(
        summary["time_per_label"][3],
        json!({"label": "happy", "time": 2.0})
    );
    assert_eq!(summary["mean_posterior"][0]["label"], "happy");
    assert_eq!(summary["overall_label"], "happy");
    assert_eq!(summary["results"], 4);
}

/// The fields of a model, without `type`.
pub(crate) fn model_fields() -> Value {
    json!({
        "name": "tess-lstm",
        "version": "1",
        "description": "Seven acted emotions",
        "labels": messages::LABELS,
        "licence": "CC-BY-NC-ND-4.0",
        "backend": "burn",
        "execution_provider": "cpu",
        "batch_invariant": true,
        "sample_rate": 22050,
        "window": 2.995,
        "hop": 0.511,
        "uncertain_below": 0.5,
        "graph_sha256": "0f".repeat(32),
        "is_default": true,
    })
}
