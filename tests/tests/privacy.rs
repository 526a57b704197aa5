//! What people say, and what was made of it, stays out of all that the server writes.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use bytes::Bytes;
use prost::Message;
use rustix::process::Signal;
use ser_backend::ModelPackage;
use ser_features::{FrontEnd, FrontEndPlan, SampleRate, Segment, WindowRequest};
use ser_proto::v1::Encoding;
use ser_tests::{
    audio,
    collector::{Collector, Received},
    scrape::scrape,
    server::{ServerProcess, until_serving},
    stream::{Transcript, config, recognise},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_is_told_in_one_line() {
    let (mut server, channel) = ServerProcess::ready().await;
    let speech = Bytes::from(audio::s16le(&audio::voice(22_050, 2.0, 3)));
    let config = || config(Encoding::S16le, 22_050);
    let whole = recognise(channel.clone(), config(), [speech.clone()]).await;
    assert_eq!(whole.error, None);
    let odd = recognise(channel, config(), [speech, Bytes::from_static(&[0])]).await;
    let (_, message) = odd.error.expect("half a sample is refused");
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let told: Vec<serde_json::Value> = log
        .iter()
        .filter(|line| line.contains("stream"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [line] = &told[..] else {
        panic!("expected one line, got {told:#?}")
    };
    assert_eq!(line["message"], format!("stream ended: {message}"));
    assert_eq!(line["code"], "InvalidArgument");
    let id = odd.started.expect("a start").stream_id;
    assert_eq!(line["span"]["id"], id);
}

/// What must not be found, and what it is called.
struct Secret {
    what: String,
    bytes: Vec<u8>,
}

impl Secret {
    fn new(what: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            what: what.to_owned(),
            bytes: bytes.into(),
        }
    }
}

/// A piece of audio in every form that a log, a dump or a message could give it.
fn audio_secrets(piece: &[u8]) -> Vec<Secret> {
    let list = |items: Vec<String>| [items.join(", "), items.join(",")];
    let samples = piece
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let floats = samples.clone().map(|sample| f32::from(sample) / 32_768.0);
    let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
    let escaped = format!("{:?}", Bytes::copy_from_slice(piece));
    let mut secrets = vec![
        Secret::new("raw bytes", piece),
        Secret::new("hexadecimal", hex.clone()),
        Secret::new("hexadecimal", hex.to_uppercase()),
        Secret::new("escaped bytes", &escaped[2..escaped.len() - 1]),
        Secret::new(
            "raw floats",
            floats
                .clone()
                .flat_map(f32::to_le_bytes)
                .collect::<Vec<_>>(),
        ),
    ];
    // Whatever comes before it, one of three pieces begins where base64 has a digit.
    for at in 0..3 {
        let piece = &piece[at..][..21];
        secrets.push(Secret::new("base64", STANDARD.encode(piece)));
        secrets.push(Secret::new("base64", URL_SAFE.encode(piece)));
    }
    let numbers = [
        list(piece.iter().map(u8::to_string).collect()),
        list(samples.map(|sample| sample.to_string()).collect()),
        list(floats.map(|sample| sample.to_string()).collect()),
    ];
    let numbers = numbers.into_iter().flatten();
    secrets.extend(numbers.map(|text| Secret::new("numbers", text)));
    secrets
}

/// The rows of features that the embedded model is shown of mono `audio` at 22,050 Hz.
fn rows(audio: &[u8]) -> Vec<Vec<f32>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tess-lstm/1");
    let manifest = ModelPackage::read(&directory).unwrap().manifest;
    let plan = FrontEndPlan::windowed(
        &manifest.front_end.try_into().unwrap(),
        &manifest.windows.unwrap().try_into().unwrap(),
        WindowRequest::default(),
        SampleRate::new(22_050).unwrap(),
    );
    let pairs = audio.chunks_exact(2);
    let samples: Vec<_> = pairs
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    let (mut front_end, mut rows) = (FrontEnd::new(plan.unwrap()), Vec::new());
    let mut keep = |segment: Segment<'_>| rows.push(segment.features.to_vec());
    front_end.push(&samples, &mut keep);
    front_end.finish(&mut keep);
    rows
}

/// A row of features, as text and as numbers.
fn feature_secrets(row: &[f32]) -> Vec<Secret> {
    let bytes = |values: &[f32]| -> Vec<u8> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        bytes.collect()
    };
    // With their sign: times have as many digits, but none.
    let negative = row.iter().filter(|value| **value < -1.0);
    let texts = negative.flat_map(|value| [value.to_string(), f64::from(*value).to_string()]);
    let pieces = row.chunks_exact(4);
    texts
        .map(|text| Secret::new("a feature", text))
        .chain(pieces.map(|piece| Secret::new("the bytes of features", bytes(piece))))
        .collect()
}

/// What the server said of the audio, as text and as numbers.
fn result_secrets(transcript: &Transcript) -> Vec<Secret> {
    let scores = transcript.results.iter().flat_map(|result| &result.scores);
    scores
        .map(|score| score.probability)
        // Those that others could be, too, such as 0 and 1, prove nothing.
        .filter(|probability| probability.to_string().len() > 5)
        .flat_map(|probability| {
            [
                Secret::new("a score", probability.to_string()),
                Secret::new("a score", f64::from(probability).to_string()),
                Secret::new("a score's bytes", f64::from(probability).to_le_bytes()),
            ]
        })
        .collect()
}

/// The first of `secrets` that `written` holds.
fn first_found<'a>(secrets: &'a [Secret], written: &[u8]) -> Option<&'a Secret> {
    let is_in = |secret: &&Secret| {
        let mut windows = written.windows(secret.bytes.len());
        windows.any(|window| window == secret.bytes)
    };
    secrets.iter().find(is_in)
}

fn assert_absent(secrets: &[Secret], place: &str, written: &[u8]) {
    if let Some(Secret { what, bytes }) = first_found(secrets, written) {
        panic!("{what} in {place}: {}", String::from_utf8_lossy(bytes));
    }
}

/// Every file under `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_said_can_be_found_in_what_the_server_writes() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = collector.url();
    let mut server = ServerProcess::start_in(
        folder.path(),
        &["--log-level", "trace,opentelemetry=trace"],
        &[
            ("SER__TELEMETRY__ENDPOINT", &url),
            ("SER__TELEMETRY__SAMPLE_RATIO", "1"),
            ("SER__TELEMETRY__WINDOW_RATIO", "1"),
            ("SER__TELEMETRY__QUEUE", "100000"),
            ("SER__METRICS__LISTEN", "127.0.0.1:0"),
            ("SER__METRICS__PORT_FILE", "metrics-port"),
            ("RUST_BACKTRACE", "full"),
        ],
    );
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    let speech = audio::s16le(&audio::voice(22_050, 4.0, 3));
    let chunks: Vec<_> = speech.chunks(4_410).map(Bytes::copy_from_slice).collect();
    let told = recognise(
        channel.clone(),
        config(Encoding::S16le, 22_050),
        chunks.clone(),
    )
    .await;
    assert_eq!(told.error, None);
    // Audio that is refused must not be shown either.
    let odd = chunks.into_iter().chain([Bytes::from_static(&[0])]);
    let refused = recognise(channel, config(Encoding::S16le, 22_050), odd).await;
    assert!(refused.error.is_some());
    let metrics = scrape(&folder.path().join("metrics-port")).await;
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");
    let stopped = |received: &Received| {
        let mut records = received.records();
        records.any(|record| format!("{:?}", record.body).contains("stopped"))
    };
    let received = collector.until(stopped).await;
    assert!(received.spans().count() > 10);
    assert!(received.instruments().next().is_some());

    // Four places that are loud, so that no zeros are looked for.
    let loud = speech
        .chunks(24)
        .filter(|piece| piece.len() == 24 && !piece.contains(&0));
    let pieces: Vec<_> = loud.step_by(100).take(4).collect();
    assert_eq!(pieces.len(), 4);
    let mut secrets: Vec<_> = pieces.into_iter().flat_map(audio_secrets).collect();
    secrets.extend(result_secrets(&told));
    assert!(secrets.len() > 60);
    let rows = rows(&speech);
    let features = rows.iter().step_by(3).flat_map(|row| feature_secrets(row));
    let others = secrets.len();
    secrets.extend(features);
    assert!(secrets.len() > others + 60);
    let model = told
        .started
        .and_then(|started| started.model)
        .expect("a model");
    let labels: Vec<_> = model
        .labels
        .iter()
        .map(|label| Secret::new("a label", format!("\"{label}\"")))
        .collect();

    let lines = log.join("\n");
    assert_absent(&secrets, "the log", lines.as_bytes());
    assert_absent(&labels, "the log", lines.as_bytes());
    assert_absent(&secrets, "the metrics", metrics.as_bytes());
    for message in &received.traces {
        assert_absent(&secrets, "a trace", &message.encode_to_vec());
        assert_absent(&labels, "a trace", format!("{message:?}").as_bytes());
    }
    for message in &received.logs {
        assert_absent(&secrets, "a log message", &message.encode_to_vec());
        assert_absent(&labels, "a log message", format!("{message:?}").as_bytes());
    }
    for message in &received.metrics {
        assert_absent(&secrets, "a message of metrics", &message.encode_to_vec());
    }
    for path in files(folder.path()) {
        let place = path.display().to_string();
        assert_absent(&secrets, &place, &fs::read(&path).unwrap());
    }
    assert_eq!(files(folder.path()).len(), 2, "{:?}", files(folder.path()));
}

#[test]
fn what_is_looked_for_would_be_found() {
    let audio = audio::s16le(&audio::voice(22_050, 1.0, 3));
    let piece = &audio[4_400..][..24];
    let secrets = audio_secrets(piece);
    let found = |written: &[u8]| first_found(&secrets, written).is_some();
    let around = &audio[4_000..5_000];
    assert!(found(around));
    assert!(found(format!("{around:?}").as_bytes()));
    assert!(found(
        format!("{:?}", Bytes::copy_from_slice(around)).as_bytes()
    ));
    for from in 4_000..4_003 {
        assert!(found(STANDARD.encode(&audio[from..5_000]).as_bytes()));
    }
    let samples: Vec<i16> = around
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    assert!(found(format!("{samples:?}").as_bytes()));
    assert!(!found(&audio[..4_000]));

    let rows = rows(&audio::s16le(&audio::voice(22_050, 1.5, 3)));
    let secrets = feature_secrets(&rows[0]);
    let found = |written: &[u8]| first_found(&secrets, written).is_some();
    assert!(found(format!("{:?}", rows[0]).as_bytes()));
    let bytes: Vec<_> = rows[0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    assert!(found(&bytes));
    assert!(!found(format!("{:?}", rows[1]).as_bytes()));
}
