//! Traces, metrics and log lines at a collector.

use std::{env, fs, path::Path, process::Command};

use bytes::Bytes;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustix::process::Signal;
use ser_proto::v1::{
    Encoding, StreamingRecognizeRequest, speech_emotion_client::SpeechEmotionClient,
    streaming_recognize_request::Request as Part,
};
use ser_tests::{
    audio,
    collector::{Collector, Received, attributes},
    program::run,
    server::{Nobody, ServerProcess, until_serving},
    stream::{config, recognise},
};
use tempfile::TempDir;
use tonic::{Request, transport::Channel};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CALL: &str = "ser.v1.SpeechEmotion/StreamingRecognize";

/// A server that sends everything to `collector`, and what its headers lie in.
async fn observed(collector: &Collector) -> (ServerProcess, Channel, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let headers = folder.path().join("headers");
    fs::write(&headers, "authorization: Bearer of-the-collector\n").unwrap();
    let url = collector.url();
    let server = ServerProcess::start(
        &[],
        &[
            ("SER__TELEMETRY__ENDPOINT", &url),
            ("SER__TELEMETRY__HEADERS_FILE", headers.to_str().unwrap()),
            ("SER__TELEMETRY__SAMPLE_RATIO", "0"),
            ("SER__TELEMETRY__WINDOW_RATIO", "1"),
            ("OTEL_SERVICE_NAME", "under-test"),
            ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=ser-0,region=eu"),
        ],
    );
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    (server, channel, folder)
}

fn requests() -> Vec<StreamingRecognizeRequest> {
    let speech = audio::s16le(&audio::voice(22_050, 3.0, 3));
    let chunks = speech.chunks(4_410).map(Bytes::copy_from_slice);
    std::iter::once(Part::Config(config(Encoding::S16le, 22_050)))
        .chain(chunks.map(Part::Audio))
        .map(|part| StreamingRecognizeRequest {
            request: Some(part),
        })
        .collect()
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Follows the client's trace from its own span to the batches.
fn assert_traced(received: &Received) {
    let spans: Vec<&Span> = received
        .spans()
        .filter(|span| hex(&span.trace_id) == TRACE)
        .collect();
    let named = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name == name)
            .collect::<Vec<_>>()
    };
    let [call] = &named(CALL)[..] else {
        panic!("expected one call in {spans:#?}");
    };
    assert_eq!(hex(&call.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(call.trace_state, "test=1");
    assert_eq!(attributes(&call.attributes)["model"], "tess-lstm/1");
    assert_eq!(named("start").len(), 1);
    let windows = named("window");
    assert!(windows.len() > 3, "{spans:#?}");
    let batches = named("batch");
    for window in windows {
        assert_eq!(window.parent_span_id, call.span_id);
        if attributes(&window.attributes)["speech"] == "false" {
            continue;
        }
        let [link] = &window.links[..] else {
            panic!("expected a link to a batch in {window:#?}");
        };
        let batch = batches.iter().find(|batch| batch.span_id == link.span_id);
        let batch = batch.unwrap_or_else(|| panic!("expected a batch of {window:#?}"));
        assert!(
            batch
                .links
                .iter()
                .any(|link| link.span_id == window.span_id)
        );
        let within = |name| {
            named(name)
                .into_iter()
                .any(|span| span.parent_span_id == window.span_id)
        };
        assert!(within("queue") && within("decide"), "{spans:#?}");
    }
    assert_eq!(named("infer").len(), batches.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_traces_metrics_and_logs() {
    let collector = Collector::start().await;
    let (mut server, channel, _folder) = observed(&collector).await;
    let mut call = Request::new(tokio_stream::iter(requests()));
    call.metadata_mut()
        .insert("traceparent", PARENT.parse().unwrap());
    call.metadata_mut()
        .insert("tracestate", "test=1".parse().unwrap());
    let answer = SpeechEmotionClient::new(channel.clone())
        .streaming_recognize(call)
        .await;
    let mut responses = answer.unwrap().into_inner();
    while responses.message().await.unwrap().is_some() {}

    // Half a sample is refused, in a log line with the ids of the trace.
    let odd = [
        StreamingRecognizeRequest {
            request: Some(Part::Config(config(Encoding::S16le, 22_050))),
        },
        StreamingRecognizeRequest {
            request: Some(Part::Audio(Bytes::from_static(&[0]))),
        },
    ];
    let mut call = Request::new(tokio_stream::iter(odd));
    let other = PARENT.replace("4bf9", "5bf9");
    call.metadata_mut()
        .insert("traceparent", other.parse().unwrap());
    let answer = SpeechEmotionClient::new(channel.clone())
        .streaming_recognize(call)
        .await;
    let mut responses = answer.unwrap().into_inner();
    while let Ok(Some(_)) = responses.message().await {}

    // Nobody has asked for this one to be traced.
    let untraced = recognise(
        channel,
        config(Encoding::S16le, 22_050),
        [Bytes::from(vec![0; 88_200])],
    );
    assert_eq!(untraced.await.error, None);

    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");
    // All that is left is sent at the end.
    let complete = |received: &Received| {
        let calls = received.spans().filter(|span| span.name == CALL).count();
        let stopped = received
            .records()
            .any(|record| format!("{:?}", record.body).contains("stopped"));
        calls == 2
            && stopped
            && received
                .instruments()
                .any(|metric| metric.name == "ser.streams.ended")
    };
    let received = collector.until(complete).await;
    assert_traced(&received);
    for resource in received.resources() {
        let said = attributes(&resource.attributes);
        assert_eq!(said["service.name"], "under-test");
        assert_eq!(said["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(said["service.instance.id"].len(), 32);
        assert_eq!(said["k8s.pod.name"], "ser-0");
        assert_eq!(said["region"], "eu");
    }
    for metadata in &received.metadata {
        assert_eq!(
            metadata.get("authorization").unwrap(),
            "Bearer of-the-collector"
        );
    }
    let line = received.records().find(|record| {
        format!("{:?}", record.body).contains("stream ended: audio: 1 byte left over")
    });
    let line = line.unwrap_or_else(|| panic!("no line of the end in {received:#?}"));
    assert_eq!(hex(&line.trace_id), TRACE.replace("4bf9", "5bf9"));
    assert!(attributes(&line.attributes).contains_key("principal"));
    let told = log.iter().find(|line| line.contains("1 byte left over"));
    assert!(
        told.is_some_and(|line| line.contains(&hex(&line_trace(line)))),
        "{log:#?}"
    );
}

/// The trace that a line in JSON belongs to.
fn line_trace(line: &str) -> Vec<u8> {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let trace = line["span"]["trace_id"].as_str().expect("a trace");
    assert_eq!(trace, TRACE.replace("4bf9", "5bf9"));
    (0..16)
        .map(|at| u8::from_str_radix(&trace[2 * at..][..2], 16).unwrap())
        .collect()
}

const PYTHON_CLIENT: &str = r#"
import struct, sys
import grpc

server, path, parent = sys.argv[1:]

def requests():
    with open(path, "rb") as file:
        while header := file.read(4):
            yield file.read(struct.unpack("<I", header)[0])

with grpc.insecure_channel(server) as channel:
    call = channel.stream_stream("/ser.v1.SpeechEmotion/StreamingRecognize")
    metadata = [("traceparent", parent), ("tracestate", "test=1")]
    print(sum(1 for _ in call(requests(), metadata=metadata, timeout=60)))
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_PYTHON"]
async fn the_trace_of_a_client_in_python_reaches_the_batch() {
    let collector = Collector::start().await;
    let (mut server, _, folder) = observed(&collector).await;
    let path = folder.path().join("requests");
    fs::write(&path, delimited(&requests())).unwrap();
    let ended = run(python(&server, &path)).await;
    ended.assert(0, &[]);
    assert!(ended.stdout.trim().parse::<u32>().unwrap() > 4, "{ended:?}");
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    let complete = |received: &Received| received.spans().any(|span| span.name == CALL);
    assert_traced(&collector.until(complete).await);
}

fn python(server: &ServerProcess, requests: &Path) -> Command {
    let python = env::var_os("SER_PYTHON");
    let python = python.expect("SER_PYTHON names the interpreter that `cargo xtask test` sets up");
    let mut command = Command::new(python);
    command
        .args(["-c", PYTHON_CLIENT])
        .arg(server.url().trim_start_matches("http://"))
        .arg(requests)
        .arg(PARENT);
    command
}

/// Each message behind its length.
fn delimited(requests: &[StreamingRecognizeRequest]) -> Vec<u8> {
    let messages = requests.iter().map(Message::encode_to_vec);
    messages
        .flat_map(|message| {
            let length = u32::try_from(message.len()).unwrap().to_le_bytes();
            [&length[..], &message].concat()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_is_told_of_and_holds_nobody_up() {
    let nobody = Nobody::new();
    let mut server = ServerProcess::start(&[], &[("SER__TELEMETRY__ENDPOINT", &nobody.url())]);
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    let speech = Bytes::from(audio::s16le(&audio::voice(22_050, 2.0, 3)));
    let said = recognise(channel, config(Encoding::S16le, 22_050), [speech]).await;
    assert_eq!(said.error, None);
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");
    let lost = log.iter().filter(|line| line.contains("telemetry is lost"));
    assert!((1..10).contains(&lost.count()), "{log:#?}");
}
