//! Instruments, by what they are called.

use std::collections::BTreeMap;

use ser_backend::{ModelInfo, RowShape};
use tonic::Code;

use super::*;
use crate::{
    admission::Refusal,
    auth::Principal,
    batcher::Pace,
    decision::{Classification, Decision},
    fixture::Fixture,
    listen::ConnectionRefusal,
    models::Repository,
};

const DOCUMENT: &str = include_str!("../../../docs/telemetry.md");

/// Has everything that is measured happen.
fn exercise(metrics: &Metrics) {
    let principal = metrics.principal(&Principal::default());
    drop(principal.stream_opened());
    principal.audio_received(3_200, 0.1);
    metrics.stream_ended(Code::Ok);
    metrics.stream_resumed(true);
    drop(metrics.clip_opened());
    metrics.clip_ended(Code::Cancelled);
    metrics.rejected(Refusal::Streams);
    metrics.unauthenticated();
    drop(metrics.connection_opened());
    metrics.connection_refused(ConnectionRefusal::Full);
    metrics.credentials_reloaded("tokens", true);
    metrics.credentials_outdated("tokens", "server", false);
    metrics.certificate_expires("server", 4_102_444_800);
    metrics.ready(true);
    let info = ModelInfo {
        backend: "burn".to_owned(),
        execution_provider: "cpu".to_owned(),
        numerics: "exact".to_owned(),
        shape: RowShape {
            steps: 1,
            width: 1,
            state: 0,
            classes: 2,
        },
        batch_invariant: true,
    };
    let model = metrics.model("tess-lstm/1", &["sad".to_owned()], &info);
    let classification = Classification {
        label: 0,
        posteriors: &[1.0],
    };
    model.decided(&Decision::Emotion(classification));
    model.told(Duration::from_millis(3));
    model.front_end_ran(Duration::from_micros(30));
    model.row_taken(Pace::Live, Duration::from_millis(1));
    model.inferred(1, Duration::from_micros(70));
    model.inference_failed();
}

/// Type and labels of each metric in Prometheus' text format.
fn exposed(text: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let mut metrics = BTreeMap::new();
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            metrics.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
        } else if let Some((name, rest)) = line.split_once('{') {
            let labels = rest.rsplit_once('}').unwrap().0;
            let mut labels: Vec<_> = labels
                .split("\",")
                .map(|label| label.split_once('=').unwrap().0.to_owned())
                .filter(|label| label != "le")
                .collect();
            labels.sort();
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| {
                    name.strip_suffix(suffix)
                        .filter(|name| metrics.contains_key(*name))
                })
                .unwrap_or(name);
            metrics.get_mut(name).unwrap().1 = labels;
        }
    }
    metrics
}

/// The same of the document's tables, whose rows begin with name, type and labels.
fn documented() -> BTreeMap<String, (String, Vec<String>)> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `ser_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let mut labels: Vec<_> = cells[3]
            .split(',')
            .map(|label| label.trim().trim_matches('`').to_owned())
            .filter(|label| label != "–")
            .collect();
        labels.sort();
        let name = cells[1].trim_matches('`').to_owned();
        (name, (cells[2].to_owned(), labels))
    })
    .collect()
}

#[tokio::test]
async fn the_document_lists_what_is_exported_and_nothing_else() {
    let mut config = Config::default();
    config.metrics.listen = Some(([127, 0, 0, 1], 0).into());
    config.telemetry.endpoint = Some("http://127.0.0.1:1".to_owned());
    let telemetry = Telemetry::without_logs(&config).unwrap();
    exercise(telemetry.metrics());
    let fixture = Fixture::new();
    let metrics = Arc::clone(telemetry.metrics());
    let models = Repository::open(fixture.config.clone(), fixture.backends(), metrics).unwrap();
    telemetry.metrics().watch_models(models.registry());
    let mut exposed = exposed(&telemetry.text());
    // Of OpenTelemetry's own, with the resource for labels.
    assert!(exposed.remove("target_info").is_some());
    assert_eq!(exposed, documented());
}

#[test]
fn principals_beyond_a_limit_share_a_label() {
    let telemetry = Telemetry::for_prometheus();
    for number in 0..1_000 {
        let principal = Principal::new(format!("number-{number}"), None);
        drop(telemetry.metrics().principal(&principal).stream_opened());
    }
    let text = telemetry.text();
    let series: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("ser_streams_opened_total{"))
        .collect();
    assert_eq!(series.len(), 65, "{series:#?}");
    assert!(text.contains("ser_streams_opened_total{principal=\"other\"} 936\n"));
}

#[tokio::test]
async fn what_has_not_happened_yet_is_zero() {
    let telemetry = Telemetry::for_prometheus();
    telemetry.metrics().credentials_watched("tls");
    let text = telemetry.text();
    for series in [
        "ser_credentials_reloaded_total{outcome=\"refused\",what=\"tls\"}",
        "ser_credentials_reloaded_total{outcome=\"ok\",what=\"tls\"}",
        "ser_rejections_total{reason=\"principal_streams\"}",
        "ser_rejections_total{reason=\"unauthenticated\"}",
        "ser_connections_refused_total{reason=\"handshake_timeout\"}",
        "ser_connections_opened_total",
        "ser_streams_ended_total{code=\"INTERNAL\"}",
        "ser_streams_resumed_total{exact=\"false\"}",
        "ser_clips_ended_total{code=\"OK\"}",
    ] {
        assert!(text.contains(&format!("{series} 0\n")), "{series}: {text}");
    }
}
