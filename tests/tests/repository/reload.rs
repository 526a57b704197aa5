//! Streams stay with the model that they began with.

use std::sync::Arc;

use ser_proto::{
    admin::v1::{RepositoryModel, State},
    v1::streaming_recognize_response::Response,
};
use ser_tests::{
    audio,
    stream::{PATIENCE, RawStream, Transcript, recognise},
};
use tokio::{
    sync::{Barrier, watch},
    time::timeout,
};
use tonic::{Code, transport::Channel};

use crate::support::{RATE, Server, chunks, stream_config, version};

const STREAMS: usize = 200;

/// One of many streams. When it has its first result it waits for the others, sends
/// on while models change, and ends when they have changed.
async fn long_stream(
    channel: Channel,
    seed: u32,
    all_run: Arc<Barrier>,
    mut changed: watch::Receiver<bool>,
) -> Transcript {
    let chunks = chunks(&audio::voice(RATE, 5.0, seed));
    let (before, after) = chunks.split_at(20);
    let mut stream = RawStream::open(channel).await;
    stream.config(stream_config(None)).await;
    for chunk in before {
        stream.audio(chunk.clone()).await;
    }
    let mut said = Vec::new();
    let mut started = None;
    while said.is_empty() {
        match stream.next().await.expect("a result").expect("a result") {
            Response::Started(first) => started = Some(first),
            Response::Result(result) => said.push(result),
            _ => {}
        }
    }
    in_time(all_run.wait()).await;
    let (last, others) = after.split_last().expect("audio");
    for chunk in others {
        stream.audio(chunk.clone()).await;
    }
    in_time(changed.wait_for(|changed| *changed))
        .await
        .expect("the change comes");
    stream.audio(last.clone()).await;
    stream.half_close();
    let rest = stream.transcript().await;
    said.extend(rest.results);
    Transcript {
        started,
        results: said,
        ..rest
    }
}

/// Waits for the others, unless one of them has failed and never comes.
async fn in_time<T>(others: impl Future<Output = T>) -> T {
    let waited = timeout(PATIENCE, others).await;
    waited.expect("every stream gets so far")
}

/// Newcomers, and what has just ended, may count too.
fn runs_all(model: &RepositoryModel) -> bool {
    model.open_streams as usize >= STREAMS
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_200_streams_disturbs_none_of_them() {
    let server = Server::start().await;
    let mut undisturbed = Vec::new();
    for seed in 0..7 {
        let chunks = chunks(&audio::voice(RATE, 5.0, seed));
        undisturbed.push(recognise(server.channel.clone(), stream_config(None), chunks).await);
    }
    let all_run = Arc::new(Barrier::new(STREAMS + 1));
    let (change, changed) = watch::channel(false);
    let streams: Vec<_> = (0..STREAMS)
        .map(|at| {
            let seed = u32::try_from(at % 7).unwrap();
            let (all_run, changed) = (Arc::clone(&all_run), changed.clone());
            tokio::spawn(long_stream(server.channel.clone(), seed, all_run, changed))
        })
        .collect();
    in_time(all_run.wait()).await;
    assert!(runs_all(&server.listed("1").await));

    server.models.add("2");
    let changes = async {
        let reloaded = server.reload("tess-lstm/1").await.unwrap();
        assert_eq!(reloaded.state(), State::Serving);
        assert!(runs_all(&reloaded));
        assert_eq!(
            server.load("tess-lstm/2").await.unwrap().state(),
            State::Serving
        );
        server.assert_streams_on("2").await;
        assert_eq!(
            server.reload("tess-lstm/2").await.unwrap().state(),
            State::Serving
        );
        let unloaded = server.unload("tess-lstm/1").await.unwrap();
        assert_eq!(unloaded.state(), State::NotLoaded);
        assert!(runs_all(&unloaded));
        server.assert_streams_on("2").await;
        change.send_replace(true);
    };
    let newcomers = async {
        while !*changed.borrow() {
            let (transcript, version) = server.stream(None).await;
            assert_eq!(transcript.error, None);
            assert!(matches!(version.as_deref(), Some("1" | "2")), "{version:?}");
        }
    };
    tokio::join!(changes, newcomers);

    for (at, stream) in streams.into_iter().enumerate() {
        let transcript = stream.await.unwrap();
        let expected = &undisturbed[at % 7];
        assert_eq!(transcript.error, None);
        assert_eq!(version(&transcript).as_deref(), Some("1"));
        assert_eq!(transcript.results, expected.results);
        assert_eq!(transcript.summaries, expected.summaries);
    }
    let (old, _) = server.stream(Some("tess-lstm/1")).await;
    let message =
        "config.options.model: \"tess-lstm/1\" is not served; expected one of tess-lstm/2";
    assert_eq!(old.error, Some((Code::NotFound, message.to_owned())));
    server.process.stop().await;
}
