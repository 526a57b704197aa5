//! What sessions leave in metrics and traces.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use opentelemetry::trace::{SpanId, Status as SpanStatus};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

use super::*;
use crate::{
    fixture::{babble, bytes},
    lines::Lines,
};

/// Every span that has ended.
#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Spans {
    fn all(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }

    fn named(&self, name: &str) -> Vec<SpanData> {
        let mut spans = self.all();
        spans.retain(|span| span.name == name);
        spans
    }
}

const CALL: &str = "ser.v1.SpeechEmotion/StreamingRecognize";

fn attributes(span: &SpanData) -> HashMap<&str, String> {
    span.attributes
        .iter()
        .map(|attribute| (attribute.key.as_str(), attribute.value.to_string()))
        .collect()
}

fn speech(seconds: f64) -> Vec<u8> {
    bytes(&babble(16_000, seconds, 0.2, 1))
}

/// A whole session that came with `traceparent`.
async fn traced(bench: &Bench, traceparent: &str, audio: &[u8]) -> Said {
    let mut metadata = MetadataMap::new();
    metadata.insert("traceparent", traceparent.parse().unwrap());
    let mut client = bench.try_open_as(&metadata).unwrap();
    client.start(config()).await;
    client.send(super::audio(audio)).await;
    client.half_close().await
}

#[tokio::test]
async fn a_traced_stream_is_seen_from_its_caller_to_the_batch() {
    let spans = Spans::default();
    let bench = Bench::measured(Telemetry::with_spans(spans.clone()), |_| {});
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let said = traced(&bench, parent, &speech(1.0)).await;
    assert_eq!(said.end.map(|end| end.message().to_owned()), None);

    let spans_of = |name: &str| spans.named(name);
    let [call] = &spans_of(CALL)[..] else {
        panic!("expected one call in {:#?}", spans.all());
    };
    assert_eq!(call.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert!(call.parent_span_is_remote);
    let told = attributes(call);
    assert_eq!(told["rpc.grpc.status_code"], "0");
    assert_eq!(told["principal"], "anonymous");
    assert_eq!(told["model"], "double/1");
    assert_eq!(told["sample_rate"], "16000");
    assert_eq!(told["pace"], "live");
    for span in spans.all() {
        let trace = span.span_context.trace_id().to_string();
        assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736", "{span:#?}");
    }
    let within = |id: SpanId, name: &str| {
        let mut spans = spans_of(name);
        spans.retain(|span| span.parent_span_id == id);
        spans
    };
    let call = call.span_context.span_id();
    assert_eq!(within(call, "start").len(), 1);
    let windows = within(call, "window");
    assert_eq!(windows.len(), said.results.len());
    for window in &windows {
        let id = window.span_context.span_id();
        let [queue] = &within(id, "queue")[..] else {
            panic!("expected one queue in {window:#?}");
        };
        let [decide] = &within(id, "decide")[..] else {
            panic!("expected one decide in {window:#?}");
        };
        assert!(queue.end_time <= decide.start_time);
        assert!(decide.end_time <= window.end_time);
        // The batch links to its windows, and they to it.
        let [to_batch] = &window.links.links[..] else {
            panic!("expected one link in {window:#?}");
        };
        let mut batches = spans_of("batch");
        batches.retain(|batch| batch.span_context == to_batch.span_context);
        let [batch] = &batches[..] else {
            panic!("expected one batch in {batches:#?}");
        };
        let links = &batch.links.links;
        assert!(
            links
                .iter()
                .any(|link| link.span_context == window.span_context)
        );
        assert_eq!(attributes(batch)["rows"], links.len().to_string());
        assert_eq!(attributes(batch)["model"], "double/1");
        assert_eq!(attributes(batch)["backend"], "double");
        assert_eq!(within(batch.span_context.span_id(), "infer").len(), 1);
    }
}

#[tokio::test]
async fn a_stream_whose_caller_is_not_traced_isnt_either() {
    let spans = Spans::default();
    let bench = Bench::measured(Telemetry::with_spans(spans.clone()), |_| {});
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    traced(&bench, parent, &speech(0.6)).await;
    assert!(spans.all().is_empty(), "{:#?}", spans.all());
}

#[tokio::test]
async fn a_failure_is_marked_where_it_happened() {
    let spans = Spans::default();
    let bench = Bench::measured(Telemetry::with_spans(spans.clone()), |fixture| {
        fixture.backend.fail_loud = Arc::new(true.into());
    });
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let loud = bytes(&babble(16_000, 0.6, 1.0, 1));
    let said = traced(&bench, parent, &loud).await;
    said.ended_with(Code::Internal, "model double/1: inference failed");
    let failed = |name: &str| matches!(spans.named(name)[0].status, SpanStatus::Error { .. });
    assert!(failed(CALL) && failed("infer"), "{:#?}", spans.all());
    assert_eq!(
        attributes(&spans.named(CALL)[0])["rpc.grpc.status_code"],
        "13"
    );
}

#[tokio::test]
async fn a_cancelled_stream_ends_its_span() {
    let spans = Spans::default();
    let bench = Bench::measured(Telemetry::with_spans(spans.clone()), |_| {});
    let mut client = bench.open();
    client.start(config()).await;
    drop(client);
    while spans.named(CALL).is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        attributes(&spans.named(CALL)[0])["rpc.grpc.status_code"],
        "1"
    );
}

/// The value of a line of the metrics.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {text}"));
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn what_a_stream_does_is_counted() {
    let bench = Bench::new();
    let speech = speech(2.0);
    let said = bench.stream(config(), speech.chunks(3_200)).await;
    let silence = vec![0; 32_000];
    let silent = bench.stream(config(), [&silence[..]]).await;
    let (results, silent) = (said.results.len() as f64, silent.results.len() as f64);
    let metric = |series: &str| value(&bench.telemetry.text(), series);

    assert_eq!(
        metric("ser_streams_opened_total{principal=\"anonymous\"}"),
        2.0
    );
    assert_eq!(metric("ser_streams_active{principal=\"anonymous\"}"), 0.0);
    assert_eq!(metric("ser_streams_ended_total{code=\"OK\"}"), 2.0);
    let seconds = metric("ser_audio_seconds_total{principal=\"anonymous\"}");
    assert!((seconds - 3.0).abs() < 1e-9, "{seconds}");
    assert_eq!(
        metric("ser_audio_received_bytes_total{principal=\"anonymous\"}"),
        96_000.0
    );
    let no_speech = "ser_results_total{label=\"\",model=\"double/1\",verdict=\"no_speech\"}";
    assert_eq!(metric(no_speech), silent);
    let emotions: f64 = ["calm", "glad", "sad"]
        .map(|label| {
            format!("ser_results_total{{label=\"{label}\",model=\"double/1\",verdict=\"emotion\"}}")
        })
        .iter()
        .map(|series| metric(series))
        .sum();
    assert_eq!(emotions, results);
    assert_eq!(
        metric("ser_result_lag_seconds_count{model=\"double/1\"}"),
        results + silent
    );
    assert_eq!(
        metric("ser_queue_seconds_count{model=\"double/1\",pace=\"live\"}"),
        results
    );
    assert_eq!(metric("ser_batch_rows_sum{model=\"double/1\"}"), results);
    let series =
        "ser_inference_seconds_count{backend=\"double\",model=\"double/1\",provider=\"cpu\"}";
    assert_eq!(
        metric(series),
        metric("ser_batch_rows_count{model=\"double/1\"}")
    );
    assert!(metric("ser_front_end_seconds_count{model=\"double/1\"}") >= 30.0);
}

#[tokio::test]
async fn refusals_and_failures_are_counted() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.open_streams = std::num::NonZeroUsize::MIN;
    });
    let open = bench.open();
    assert!(bench.try_open().is_err());
    let text = bench.telemetry.text();
    assert_eq!(
        value(&text, "ser_rejections_total{reason=\"streams\"}"),
        1.0
    );
    assert_eq!(
        value(&text, "ser_streams_active{principal=\"anonymous\"}"),
        1.0
    );
    let said = open.half_close().await;
    said.ended_with(
        Code::InvalidArgument,
        "request: half-close; expected config first",
    );
    let text = bench.telemetry.text();
    assert_eq!(
        value(&text, "ser_streams_ended_total{code=\"INVALID_ARGUMENT\"}"),
        1.0
    );
    assert_eq!(
        value(&text, "ser_streams_active{principal=\"anonymous\"}"),
        0.0
    );
}

#[tokio::test]
async fn a_stream_that_goes_on_here_is_told_of() {
    let lines = Lines::capture();
    let bench = Bench::new();
    bench.stream(config(), []).await;
    assert_eq!(lines.with("stream resumed"), [""; 0]);
    let resumed = v1::StreamingConfig {
        resume: Some(v1::Resume::default()),
        ..config()
    };
    bench.stream(resumed, []).await;
    let told = lines.with("stream resumed results=0 exact=true untold=0");
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_by_the_thousand_does_not_fill_the_log() {
    let lines = Lines::capture();
    let bench = Bench::new();
    for _ in 0..1_000 {
        assert!(bench.say([None]).await.end.is_some());
    }
    let told = lines.with("stream ended: request 1: neither config nor audio");
    assert_eq!(told.len(), 10, "{told:#?}");
    tokio::time::advance(Duration::from_secs(6)).await;
    bench.say([None]).await;
    let told = lines.with("untold=990");
    assert_eq!(told.len(), 1, "{told:#?}");
}
