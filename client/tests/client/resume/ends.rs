//! Streams that nobody goes on with, and what bounds them meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ser_client::{
    AudioSink, Client, Code, Error, Event, ResultStream, Timeouts,
    proto::{
        AudioFormat, EmotionResult, Encoding, StreamingConfig,
        streaming_recognize_request::Request, streaming_recognize_response::Response,
    },
};
use tokio::sync::mpsc;
use tonic::Status;

use crate::support::{
    fake::{Call, FakeServer},
    messages,
    program::patiently,
};

const FORMAT: AudioFormat = AudioFormat {
    encoding: Encoding::S16le as i32,
    sample_rate: 8_000,
    channels: 1,
};

/// Tries to resume for a moment only.
const BRIEFLY: Duration = Duration::from_millis(300);

async fn stream(server: &FakeServer, timeouts: Timeouts) -> (AudioSink, ResultStream) {
    let client = Client::builder([&server.address]).timeouts(timeouts);
    let config = StreamingConfig {
        audio: Some(FORMAT),
        ..StreamingConfig::default()
    };
    let stream = async { client.connect().await?.stream(config).await };
    patiently(stream).await.unwrap()
}

fn briefly() -> Timeouts {
    Timeouts {
        resume: BRIEFLY,
        ..Timeouts::default()
    }
}

/// Everything until the error that ends it.
async fn until_error(mut results: ResultStream) -> (Vec<Event>, Error) {
    let mut events = Vec::new();
    loop {
        match patiently(results.next()).await {
            Ok(event) => events.push(event.expect("an error at last")),
            Err(error) => {
                assert_eq!(patiently(results.next()).await.unwrap(), None);
                return (events, error);
            }
        }
    }
}

/// A result that frees the audio before `from`.
fn result(sequence: u64, from: u64) -> Response {
    Response::Result(EmotionResult {
        replay_from_sample: from,
        ..messages::emotion(sequence, "happy", 0.9)
    })
}

#[tokio::test]
async fn when_all_servers_are_gone_the_loss_is_told() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.audio().await;
        call.send(result(0, 0)).await;
        std::future::pending::<()>().await;
    });
    let (mut sink, mut results) = stream(&server, briefly()).await;
    // One second has its result, half a second more has none.
    sink.send(Bytes::from(vec![0; 16_000])).await.unwrap();
    let first = patiently(results.next()).await.unwrap();
    assert!(matches!(first, Some(Event::Result(_))), "{first:?}");
    sink.send(Bytes::from(vec![0; 8_000])).await.unwrap();
    drop(server);
    let (events, error) = until_error(results).await;
    assert_eq!(events, []);
    let Error::NotResumed { last, lost, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(**last, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(*lost, Duration::from_millis(500));
    assert!(error.may_pass());
    let said = error.to_string();
    assert!(said.ends_with("0.5 s of audio without a result"), "{said}");
    let ended = sink.send(Bytes::from_static(&[0; 2])).await;
    assert!(matches!(ended, Err(Error::Ended)), "{ended:?}");
}

#[tokio::test]
async fn a_server_that_accepts_and_breaks_again_and_again_is_given_up() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let server = FakeServer::start({
        let attempts = Arc::clone(&attempts);
        move |mut call| {
            attempts.fetch_add(1, Ordering::SeqCst);
            async move {
                call.accept().await;
                call.fail(Status::unavailable("model: not serving")).await;
            }
        }
    });
    let (_sink, results) = stream(&server, briefly()).await;
    let (events, error) = until_error(results).await;
    assert!(
        matches!(error.last(), Error::Unavailable { .. }),
        "{error:?}"
    );
    let all = attempts.load(Ordering::SeqCst);
    assert_eq!(events.len(), all - 1, "each but the first resumed");
    // Pauses of 20, 40, 80 and 160 ms, which jitter only makes longer, fill the time.
    assert!((2..=6).contains(&all), "{all}");
}

#[tokio::test]
async fn what_another_server_would_refuse_too_is_not_resumed() {
    for (code, said) in [
        (Code::InvalidArgument, "audio: sample 3 is NaN"),
        (Code::Internal, "model tess-lstm/1: inference failed"),
        (Code::DeadlineExceeded, "audio: none for 30s"),
    ] {
        let attempts = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&attempts);
        let server = FakeServer::start(move |mut call| {
            seen.fetch_add(1, Ordering::SeqCst);
            async move {
                call.accept().await;
                call.fail(Status::new(code, said)).await;
            }
        });
        let (_sink, results) = stream(&server, briefly()).await;
        let (events, error) = until_error(results).await;
        assert_eq!(events, []);
        assert!(error.to_string().contains(said), "{error}");
        assert!(!matches!(error, Error::NotResumed { .. }), "{error:?}");
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_go_on_is_told() {
    let first = AtomicBool::new(true);
    let server = FakeServer::start(move |mut call| {
        let first = first.swap(false, Ordering::SeqCst);
        async move {
            if first {
                call.accept().await;
                call.fail(Status::unavailable("server: shutting down"))
                    .await;
            } else {
                call.config().await;
                let refusal = Status::invalid_argument("config.resume.checkpoint: 3 bytes");
                call.fail(refusal).await;
            }
        }
    });
    let (_sink, results) = stream(&server, briefly()).await;
    let (_, error) = until_error(results).await;
    let Error::NotResumed { last, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(**last, Error::Rejected { .. }), "{error:?}");
    assert!(!error.may_pass());
}

#[tokio::test]
async fn results_out_of_their_order_are_an_error() {
    for (resumed, sequence, said) in [
        (false, 1, "leaves others out"),
        (false, 3, "leaves others out"),
        (true, 1, "gave before"),
        (true, 4, "leaves others out"),
    ] {
        let first = AtomicBool::new(true);
        let server = FakeServer::start(move |mut call| {
            let first = first.swap(false, Ordering::SeqCst);
            async move {
                call.accept().await;
                if first && resumed {
                    for sequence in 0..3 {
                        call.send(result(sequence, 0)).await;
                    }
                    call.fail(Status::unavailable("server: shutting down"))
                        .await;
                } else {
                    call.send(result(sequence, 0)).await;
                    call.rest().await;
                }
            }
        });
        let (_sink, results) = stream(&server, briefly()).await;
        let (_, error) = until_error(results).await;
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn results_that_nobody_could_resume_after_are_an_error() {
    for (from, said) in [
        (vec![1_000_000], "it was never sent"),
        (vec![u64::MAX], "it was never sent"),
        (vec![4_000, 3_999], "it needed no more"),
    ] {
        let server = FakeServer::start(move |mut call| {
            let from = from.clone();
            async move {
                call.accept().await;
                call.audio().await;
                for (sequence, from) in (0..).zip(from) {
                    call.send(result(sequence, from)).await;
                }
                call.rest().await;
            }
        });
        let (mut sink, results) = stream(&server, briefly()).await;
        sink.send(Bytes::from(vec![0; 16_000])).await.unwrap();
        let (_, error) = until_error(results).await;
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// Takes all audio and counts it, and says nothing.
async fn speechless(mut call: Call, heard: Arc<AtomicUsize>) {
    call.accept().await;
    while let Some(audio) = call.audio().await {
        heard.fetch_add(audio.len(), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_server_without_results_makes_nobody_keep_more_and_more() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let server = FakeServer::start(move |call| speechless(call, Arc::clone(&counted)));
    let timeouts = Timeouts {
        silence: Duration::from_millis(500),
        ..briefly()
    };
    let (mut sink, results) = stream(&server, timeouts).await;
    let hour = Bytes::from(vec![0; 3_600 * 16_000]);
    let ended = patiently(sink.send(hour)).await;
    assert!(matches!(ended, Err(Error::Ended)), "{ended:?}");
    let (_, error) = until_error(results).await;
    assert!(matches!(error.last(), Error::Silent { .. }), "{error:?}");
    // A minute, and the window and the hop of the fake model, for each attempt.
    let most = 16_000 * 64;
    let Error::NotResumed { lost, .. } = error else {
        panic!("{error:?}");
    };
    assert!(lost <= Duration::from_secs(64), "{lost:?}");
    assert!(lost >= Duration::from_secs(60), "{lost:?}");
    let attempts = heard.load(Ordering::SeqCst).div_ceil(most);
    assert!((1..=3).contains(&attempts), "{heard:?}");
}

#[tokio::test]
async fn while_there_is_no_server_audio_is_kept() {
    let servers = [(); 2].map(|()| crate::support::fake::ReservedPort::new());
    let [first, second] = servers;
    let addresses = [first.address(), second.address()];
    let dying = FakeServer::start_on(first, |mut call| async move {
        call.accept().await;
        call.rest().await;
    });
    let client = Client::builder(&addresses).connect();
    let config = StreamingConfig {
        audio: Some(FORMAT),
        ..StreamingConfig::default()
    };
    let client = patiently(client).await.unwrap();
    let (mut sink, mut results) = patiently(client.stream(config)).await.unwrap();
    drop(dying);
    // Flow control would hold it back if there were a server that doesn't read.
    let audio: Vec<u8> = (0..500_000_u32).map(|n| (n % 251) as u8).collect();
    patiently(sink.send(Bytes::from(audio.clone())))
        .await
        .unwrap();
    drop(sink);

    let (tell, mut told) = mpsc::unbounded_channel();
    let _alive = FakeServer::start_on(second, move |mut call| {
        let tell = tell.clone();
        async move {
            call.accept().await;
            tell.send(call.rest().await).unwrap();
            call.send(Response::Summary(messages::summary())).await;
        }
    });
    let resumed = patiently(results.next()).await.unwrap();
    let Some(Event::Resumed(resumed)) = resumed else {
        panic!("{resumed:?}");
    };
    assert!(resumed.gap > Duration::ZERO);
    assert_eq!(patiently(told.recv()).await.unwrap(), audio);
    let summary = patiently(results.next()).await.unwrap();
    assert!(matches!(summary, Some(Event::Summary(_))), "{summary:?}");
    assert_eq!(patiently(results.next()).await.unwrap(), None);
}

#[tokio::test]
async fn a_muted_stream_is_muted_wherever_it_goes() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let attempts = AtomicUsize::new(0);
    let server = FakeServer::start(move |mut call| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        let tell = tell.clone();
        async move {
            call.accept().await;
            loop {
                let request = call.request().await;
                let is_muted = matches!(request, Some(Request::Muted(_)));
                let heard = match request {
                    Some(Request::Audio(audio)) => Some(audio.len()),
                    Some(Request::Muted(_)) => Some(0),
                    _ => None,
                };
                let _ = tell.send((attempt, heard));
                if heard.is_none() {
                    break;
                }
                if attempt == 0 && is_muted {
                    let stopped = Status::unavailable("server: shutting down");
                    return call.fail(stopped).await;
                }
            }
            call.send(Response::Summary(messages::summary())).await;
        }
    });
    let (mut sink, results) = stream(&server, Timeouts::default()).await;
    sink.send(Bytes::from_static(&[1; 20])).await.unwrap();
    sink.mute().unwrap();
    let mut next = async || patiently(told.recv()).await.unwrap();
    for expected in [(0, Some(20)), (0, Some(0)), (1, Some(20)), (1, Some(0))] {
        assert_eq!(next().await, expected);
    }
    // Audio ends the pause, and a further one is told anew.
    sink.send(Bytes::from(vec![2; 2_000])).await.unwrap();
    assert_eq!(next().await, (1, Some(2_000)));
    sink.mute().unwrap();
    assert_eq!(next().await, (1, Some(0)));
    drop(sink);
    assert_eq!(next().await, (1, None));
    drop(results);
}
