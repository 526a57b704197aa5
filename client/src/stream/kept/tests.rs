use std::{pin::pin, task::Poll};

use futures_util::{FutureExt, poll};
use ser_proto::v1::{Encoding, RecognitionOptions, streaming_recognize_request::Request};

use super::*;

/// One byte a frame, 8,000 a second.
fn config() -> StreamingConfig {
    StreamingConfig {
        audio: Some(AudioFormat {
            encoding: Encoding::Mulaw.into(),
            sample_rate: 8_000,
            channels: 1,
        }),
        options: Some(RecognitionOptions {
            window: Some(seconds(3)),
            hop: Some(seconds(1)),
            ..RecognitionOptions::default()
        }),
        ..StreamingConfig::default()
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

fn kept() -> Arc<Kept> {
    let kept = Kept::new(&config(), true);
    kept.bound(&config());
    Arc::new(kept)
}

/// Whether `audio` is kept without a wait.
fn push(kept: &Kept, audio: usize) -> bool {
    let pushed = kept.push(Bytes::from(vec![7; audio])).now_or_never();
    pushed.is_some_and(|pushed| pushed.is_ok())
}

/// Bytes that are read without a wait.
fn read(reader: &mut Reader) -> usize {
    let mut bytes = 0;
    while let Some(Some(Request::Audio(audio))) = reader.next().now_or_never() {
        bytes += audio.len();
    }
    bytes
}

fn result(sequence: u64, replay_from_sample: u64) -> EmotionResult {
    EmotionResult {
        sequence,
        replay_from_sample,
        ..EmotionResult::default()
    }
}

#[tokio::test]
async fn without_a_server_audio_is_kept_up_to_a_bound() {
    let kept = kept();
    // The window, the hop and a minute.
    for _ in 0..64 {
        assert!(push(&kept, 8_000));
    }
    assert!(!push(&kept, 1));
    let (_, mut reader, _hold) = kept.reader();
    assert_eq!(read(&mut reader), 512_000);
    assert!(!push(&kept, 1), "only a result makes room");
    kept.told(&result(0, 100)).unwrap();
    assert!(push(&kept, 100));
    assert!(!push(&kept, 1));
}

#[tokio::test]
async fn a_server_is_sent_little_ahead_of_what_it_takes() {
    let kept = kept();
    let (_, mut reader, _hold) = kept.reader();
    let mut pushed = 0;
    while push(&kept, 8_000) {
        pushed += 1;
    }
    assert_eq!(pushed, UNSENT);
    let waiting = kept.push(Bytes::from(vec![7; 8_000]));
    let mut waiting = pin!(waiting);
    assert!(poll!(&mut waiting).is_pending());
    assert_eq!(read(&mut reader), UNSENT * 8_000);
    assert!(matches!(poll!(&mut waiting), Poll::Ready(Ok(()))));
}

#[tokio::test]
async fn what_another_reader_has_yet_to_read_is_not_released() {
    let kept = kept();
    let (_, mut first, hold) = kept.reader();
    assert!(push(&kept, 8_000));
    assert_eq!(read(&mut first), 8_000);
    let (resume, mut second, _second) = kept.reader();
    assert_eq!(resume.replay_from_sample, 0);
    kept.told(&result(0, 6_000)).unwrap();
    drop(hold);
    assert_eq!(read(&mut second), 8_000);
    // From here on it is.
    let (resume, mut third, _third) = kept.reader();
    assert_eq!((resume.replay_from_sample, resume.results), (6_000, 1));
    assert_eq!(read(&mut third), 2_000);
}

#[tokio::test]
async fn a_connection_that_hangs_keeps_nothing() {
    let kept = kept();
    let (_, mut hanging, hold) = kept.reader();
    while push(&kept, 8_000) {}
    drop(hold);
    assert!(push(&kept, 8_000), "there is no server now");
    assert_eq!(hanging.next().now_or_never(), Some(None), "its end");
    let (_, mut next, _hold) = kept.reader();
    assert_eq!(read(&mut next), 24_000);
}

#[tokio::test(start_paused = true)]
async fn a_server_owes_what_it_was_left_to_take() {
    let kept = kept();
    let (_, mut reader, _hold) = kept.reader();
    let later = async |time| tokio::time::advance(Duration::from_secs(time)).await;
    assert_eq!(kept.waiting_since(), None);
    later(5).await;
    assert!(push(&kept, 8_000));
    let since = Instant::now();
    later(5).await;
    assert!(push(&kept, 8_000));
    assert_eq!(
        kept.waiting_since(),
        Some(since),
        "the first is waiting still"
    );
    read(&mut reader);
    assert_eq!(kept.waiting_since(), None);
    later(5).await;
    kept.half_close();
    assert_eq!(kept.waiting_since(), Some(Instant::now()));
}

#[tokio::test]
async fn without_keeping_what_was_read_is_gone() {
    let kept = Arc::new(Kept::new(&config(), false));
    kept.bound(&config());
    let (_, mut reader, _hold) = kept.reader();
    for _ in 0..1_000 {
        assert!(push(&kept, 8_000));
        assert_eq!(read(&mut reader), 8_000);
        assert_eq!(kept.state().replay.len(), 0);
    }
}

#[tokio::test]
async fn whoever_waits_for_room_is_told_of_the_end() {
    let kept = kept();
    let (_, _reader, _hold) = kept.reader();
    while push(&kept, 8_000) {}
    let waiting = kept.push(Bytes::from_static(&[7]));
    let mut waiting = pin!(waiting);
    assert!(poll!(&mut waiting).is_pending());
    kept.end();
    assert!(matches!(
        poll!(&mut waiting),
        Poll::Ready(Err(Error::Ended))
    ));
}
