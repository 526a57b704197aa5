//! A stream goes on with another server process where one has ended.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{fs, path::Path, time::Duration};

use bytes::Bytes;
use rustix::process::Signal;
use ser_features::AudioClip;
use ser_proto::v1::{
    EmotionResult, Encoding, GoAwayCode, Pace, RecognitionOptions, Resume, StreamStarted,
    StreamingConfig, streaming_recognize_response::Response,
};
use ser_tests::{
    audio,
    evaluation::corpora,
    server::{ServerProcess, until_serving},
    stream::{self, RawStream, Transcript},
};
use tonic::Code;
use walkdir::WalkDir;

const RATE: u32 = 16_000;
const CHUNK: usize = RATE as usize / 10 * 2;

/// Speech with a pause in it.
fn speech() -> Vec<u8> {
    let pause = vec![0.0; RATE as usize * 2];
    let samples = [
        audio::voice(RATE, 4.0, 1),
        pause,
        audio::voice(RATE, 3.05, 2),
    ];
    audio::s16le(&samples.concat())
}

fn chunks(audio: &[u8]) -> Vec<Bytes> {
    audio.chunks(CHUNK).map(Bytes::copy_from_slice).collect()
}

/// Smoothed, with checkpoints.
fn config() -> StreamingConfig {
    StreamingConfig {
        options: Some(RecognitionOptions {
            smoothing: Some(Duration::from_millis(800).try_into().unwrap()),
            ..RecognitionOptions::default()
        }),
        checkpoints: true,
        ..stream::config(Encoding::S16le, RATE)
    }
}

/// A stream that will be cut.
struct Half {
    started: StreamStarted,
    results: Vec<EmotionResult>,
    stream: RawStream,
}

impl Half {
    /// Sends the first six seconds, and reads some results.
    async fn open(server: &ServerProcess) -> Self {
        let mut stream = RawStream::open(server.channel().await).await;
        stream.config(config()).await;
        let Ok(Some(Response::Started(started))) = stream.next().await else {
            panic!("the stream starts")
        };
        let mut results = Vec::new();
        for chunk in chunks(&speech()[..6 * RATE as usize * 2]) {
            stream.audio(chunk).await;
        }
        // So many that not everything has to be replayed.
        while results
            .last()
            .is_none_or(|last: &EmotionResult| last.replay_from_sample == 0)
        {
            if let Some(Response::Result(result)) = stream.next().await.unwrap() {
                results.push(result);
            }
        }
        Self {
            started,
            results,
            stream,
        }
    }

    /// Goes on elsewhere, after the results that were read.
    async fn go_on(&self, server: &ServerProcess) -> Transcript {
        let last = self.results.last().unwrap();
        let config = StreamingConfig {
            resume: Some(resume(&self.results)),
            ..self.started.effective.clone().unwrap()
        };
        let rest = chunks(&speech()[last.replay_from_sample as usize * 2..]);
        let transcript = stream::recognise(server.channel().await, config, rest).await;
        assert_eq!(transcript.error, None);
        transcript
    }
}

/// What a stream says that nobody cuts.
async fn undisturbed(server: &ServerProcess) -> Transcript {
    let channel = server.channel().await;
    let transcript = stream::recognise(channel, config(), chunks(&speech())).await;
    assert_eq!(transcript.error, None);
    assert!(transcript.results.len() > 12, "{transcript:?}");
    transcript
}

async fn ready(environment: &[(&str, &str)]) -> ServerProcess {
    let server = ServerProcess::start(&[], environment);
    until_serving(server.channel().await).await;
    server
}

/// What a client sends that has these results.
fn resume(results: &[EmotionResult]) -> Resume {
    let last = results.last().unwrap();
    Resume {
        replay_from_sample: last.replay_from_sample,
        results: results.len() as u64,
        end_sample: last.end_sample,
        channel: last.channel,
        checkpoint: last.checkpoint.clone(),
    }
}

/// Checks that two streams together said what one did.
fn same(half: &Half, rest: &Transcript, whole: &Transcript) {
    assert_eq!(rest.started.as_ref().unwrap().exact, Some(true));
    let results = [&half.results[..], &rest.results].concat();
    assert_eq!(results, whole.results);
    assert_eq!(rest.summaries, whole.summaries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_a_process_was_killed() {
    let (server, other) = tokio::join!(ready(&[]), ready(&[]));
    let mut half = Half::open(&server).await;
    server.signal(Signal::KILL);
    // What was on its way still counts; whatever it was, the rest comes elsewhere.
    while let Ok(Some(response)) = half.stream.next().await {
        if let Response::Result(result) = response {
            half.results.push(result);
        }
    }
    let rest = half.go_on(&other).await;
    same(&half, &rest, &undisturbed(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_a_process_drains() {
    let draining = [("SER__SERVER__DRAIN", "500ms")];
    let (mut server, other) = tokio::join!(ready(&draining), ready(&[]));
    let mut half = Half::open(&server).await;
    server.signal(Signal::TERM);
    let mut told = None;
    let end = loop {
        match half.stream.next().await {
            Ok(Some(Response::Result(result))) => half.results.push(result),
            Ok(Some(Response::GoAway(go_away))) => told = Some(go_away),
            Ok(other) => panic!("{other:?}; expected a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        (end.code(), end.message()),
        (Code::Unavailable, "server: shutting down")
    );
    let told = told.expect("the stream is told");
    assert_eq!(told.code(), GoAwayCode::ShuttingDown);
    let time = |time: Option<prost_types::Duration>| Duration::try_from(time.unwrap()).unwrap();
    assert!(time(told.reconnect_after) <= time(told.time_left) / 2);
    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");

    let rest = half.go_on(&other).await;
    same(&half, &rest, &undisturbed(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recurrent_model_goes_on() {
    let package = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../backends/core/tests/packages/tiny-recurrent/1"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let settings = format!(
        "[models]\nembedded = false\ndefault = \"tiny-recurrent\"\n[[models.packages]]\npath = \"{package}\"\n"
    );
    fs::write(&path, settings).unwrap();
    let flags = ["--config", path.to_str().unwrap()];
    let servers = [&flags, &flags].map(|flags| ServerProcess::start(flags, &[]));
    for server in &servers {
        until_serving(server.channel().await).await;
    }
    let [server, other] = servers;
    let half = Half::open(&server).await;
    drop(server);
    let rest = half.go_on(&other).await;
    same(&half, &rest, &undisturbed(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ORT_DYLIB_PATH"]
async fn another_backend_goes_on_almost_exactly() {
    let onnx = [("SER__MODELS__BACKEND", "onnx")];
    let (server, other) = tokio::join!(ready(&[]), ready(&onnx));
    let half = Half::open(&server).await;
    let rest = half.go_on(&other).await;
    assert_eq!(rest.started.as_ref().unwrap().exact, Some(false));
    let whole = undisturbed(&server).await;
    let results = [&half.results[..], &rest.results].concat();
    assert_eq!(results.len(), whole.results.len());
    for (ours, expected) in results.iter().zip(&whole.results) {
        assert_eq!(ours.sequence, expected.sequence);
        assert_eq!(
            (ours.start, ours.new_start, ours.end),
            (expected.start, expected.new_start, expected.end)
        );
        assert_eq!(ours.verdict, expected.verdict);
        for score in &ours.scores {
            let mut scores = expected.scores.iter();
            let expected = scores.find(|it| it.label == score.label).unwrap();
            let off = (score.probability - expected.probability).abs();
            assert!(off <= 1e-5, "{}: off by {off}", score.label);
        }
    }
}

/// Some clips of a corpus, one after the other, at the rate of the first.
fn conversation(corpus: &Path) -> (u32, Vec<u8>) {
    let files = WalkDir::new(corpus).sort_by_file_name();
    let files = files.into_iter().map(|entry| entry.unwrap().into_path());
    let clips = files
        .step_by(23)
        .filter_map(|path| AudioClip::read(&path).ok());
    let mut clips = clips.take(20).peekable();
    let rate = clips.peek().unwrap().sample_rate.hz();
    let samples = clips.filter(|clip| clip.sample_rate.hz() == rate);
    let samples: Vec<_> = samples.flat_map(|clip| clip.mono()).collect();
    (rate, audio::s16le(&samples))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_CORPORA"]
async fn real_speech_goes_on() {
    let (server, other) = tokio::join!(ready(&[]), ready(&[]));
    let (channel, elsewhere) = (server.channel().await, other.channel().await);
    for corpus in ["tess", "ravdess", "emodb"] {
        let (rate, audio) = conversation(&corpora().join(corpus));
        let mut config = config();
        config.audio.as_mut().unwrap().sample_rate = rate;
        config.pace = Pace::Bulk.into();
        let whole = stream::recognise(channel.clone(), config, chunks(&audio)).await;
        assert_eq!(whole.error, None, "{corpus}");
        let effective = whole.started.unwrap().effective;
        for told in (1..=whole.results.len()).step_by(3) {
            let resume = resume(&whole.results[..told]);
            let rest = chunks(&audio[resume.replay_from_sample as usize * 2..]);
            let config = StreamingConfig {
                resume: Some(resume),
                ..effective.clone().unwrap()
            };
            let said = stream::recognise(elsewhere.clone(), config, rest).await;
            assert_eq!(said.error, None, "{corpus}, after {told}");
            assert_eq!(said.started.unwrap().exact, Some(true));
            assert_eq!(
                said.results,
                whole.results[told..],
                "{corpus}, after {told}"
            );
            assert_eq!(said.summaries, whole.summaries, "{corpus}, after {told}");
        }
        println!("{corpus}: {} results at {rate} Hz", whole.results.len());
    }
}
