//! Clips give what streams give, within limits of their own.

use std::{future::pending, sync::Arc, time::Duration};

use proptest::{
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use prost::bytes::Bytes;
use ser_proto::v1::{
    EmotionResult, PcmClip, RecognizeRequest, RecognizeResponse, recognize_request::Clip,
};
use tonic::Code;

use super::{Bench, config, format, results::stereo};
use crate::{
    Error,
    admission::Caller,
    fixture::{babble, bytes},
    promises::assert_promised,
    session::{admit_clip, recognize_clip},
};

/// A WAV file of 16-bit samples of one channel.
fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let audio = bytes(samples);
    let size = u32::try_from(audio.len()).unwrap();
    let header = [
        &b"RIFF"[..],
        &(36 + size).to_le_bytes(),
        b"WAVEfmt ",
        &16_u32.to_le_bytes(),
        // PCM, one channel.
        &[1, 0, 1, 0],
        &rate.to_le_bytes(),
        &(2 * rate).to_le_bytes(),
        // Bytes of a frame, bits of a sample.
        &[2, 0, 16, 0],
        b"data",
        &size.to_le_bytes(),
    ];
    [header.concat(), audio].concat()
}

/// As the answer to a clip has them, which can't end too early.
fn without_positions(mut results: Vec<EmotionResult>) -> Vec<EmotionResult> {
    for result in &mut results {
        result.replay_from_sample = 0;
    }
    results
}

/// Long enough to be decoded in several pieces.
#[tokio::test]
async fn a_file_gets_the_results_of_a_stream() {
    let bench = Bench::new();
    let speech = babble(16_000, 10.0, 0.2, 1);
    let audio = bytes(&speech);
    let streamed = bench.stream(config(), audio.chunks(100_000)).await;
    assert!(streamed.end.is_none(), "{:?}", streamed.end);
    let file = Clip::File(wav(16_000, &speech).into());
    let clip = recognize(&bench, Some(file)).await.unwrap();
    assert_eq!(clip.results, without_positions(streamed.results));
    assert_eq!(clip.summaries, streamed.summaries);
}

#[tokio::test]
async fn a_file_without_samples_is_refused() {
    let bench = Bench::new();
    let file = Clip::File(wav(16_000, &[]).into());
    let error = recognize(&bench, Some(file)).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn clips_are_limited_from_their_first_byte() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.open_clips = std::num::NonZeroUsize::MIN;
    });
    let mut one = admit_clip(&bench.context, &Caller::default()).unwrap();
    let other = admit_clip(&bench.context, &Caller::default()).unwrap_err();
    let late = one.answered(pending::<()>(), |()| Code::Ok).await;
    let refusals = [
        (
            late.unwrap_err(),
            Code::DeadlineExceeded,
            "clip: unfinished for 120s; expected a shorter clip or a faster upload",
        ),
        (
            other,
            Code::ResourceExhausted,
            "clips: 1 open; expected at most 1, try again later",
        ),
    ];
    for (error, code, message) in refusals {
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
        assert_promised(message);
    }
    // What is sent back takes memory, too.
    assert!(admit_clip(&bench.context, &Caller::default()).is_err());
    drop(one);
    admit_clip(&bench.context, &Caller::default()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn clips_end_with_the_server() {
    let bench = Bench::new();
    let time = Duration::from_secs(20);
    let caller = Caller::default();
    let mut first = admit_clip(&bench.context, &caller).unwrap();
    let mut second = admit_clip(&bench.context, &caller).unwrap();
    let (finished, ended, ()) = tokio::join!(
        biased;
        first.answered(tokio::time::sleep(time / 2), |()| Code::Ok),
        second.answered(pending::<()>(), |()| Code::Ok),
        async { bench.shutdown.begin(time) },
    );
    assert!(finished.is_ok(), "{finished:?}");
    let late = admit_clip(&bench.context, &caller).map(drop);
    drop((first, second));
    for error in [ended.unwrap_err(), late.unwrap_err()] {
        assert!(matches!(error, Error::ShuttingDown), "{error}");
    }
    bench.shutdown.worked_off().await;
}

#[tokio::test]
async fn a_clip_gets_the_results_of_a_stream() {
    let bench = Bench::new();
    let (config, audio) = stereo();
    let streamed = bench.stream(config.clone(), [&audio[..]]).await;
    let request = RecognizeRequest {
        clip: Some(Clip::Pcm(PcmClip {
            format: config.audio,
            audio: audio.into(),
        })),
        options: config.options,
    };
    let permit = bench.context.admission.clip(&Caller::default()).unwrap();
    let clip = recognize_clip(Arc::clone(&bench.context), permit, None, request)
        .await
        .unwrap();
    assert_eq!(clip.results, without_positions(streamed.results));
    assert_eq!(clip.warnings, streamed.warnings);
    assert_eq!(clip.summaries, streamed.summaries);
    let effective = clip.started.unwrap().effective.unwrap();
    assert_eq!(effective.pace(), ser_proto::v1::Pace::Bulk);
}

#[tokio::test]
async fn clips_that_are_none_are_refused() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.clip_duration = Duration::from_secs(2);
    });
    let pcm = |format, audio: Vec<u8>| {
        Some(Clip::Pcm(PcmClip {
            format,
            audio: audio.into(),
        }))
    };
    let mono = Some(format(16_000, 1));
    let cases = [
        (None, "clip: missing; expected pcm or file"),
        (
            pcm(None, vec![0; 2]),
            "pcm.format: missing; expected encoding, sample_rate and channels",
        ),
        (
            pcm(Some(format(1, 1)), vec![0; 2]),
            "pcm.format.sample_rate: 1 Hz; expected 8000 to 192000 Hz",
        ),
        (
            pcm(mono, vec![]),
            "clip: no audio; expected at least 1 sample",
        ),
        (
            pcm(mono, vec![0; 3]),
            "clip: 1 byte left over at the end; expected whole frames of 2 bytes",
        ),
        (
            pcm(mono, vec![0; 64_002]),
            "clip: longer than 2s; expected at most 2s",
        ),
    ];
    for (clip, message) in cases {
        let error = recognize(&bench, clip).await.unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (Code::InvalidArgument, message)
        );
        // Those of the format are named as a stream's.
        assert_promised(&message.replace("pcm.format.", "config.audio."));
    }
    let garbage = any::<[u8; 32]>()
        .new_tree(&mut TestRunner::default())
        .unwrap()
        .current();
    for file in [
        Bytes::new(),
        Bytes::from_static(b"no audio file"),
        garbage.to_vec().into(),
    ] {
        let error = recognize(&bench, Some(Clip::File(file))).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        let message = error.to_string();
        assert!(
            message.starts_with("clip.file: no WAV or FLAC file ("),
            "{message}"
        );
        assert!(
            message.ends_with("); expected the bytes of one"),
            "{message}"
        );
    }
}

async fn recognize(bench: &Bench, clip: Option<Clip>) -> Result<RecognizeResponse, Error> {
    let request = RecognizeRequest {
        clip,
        options: None,
    };
    let permit = bench.context.admission.clip(&Caller::default())?;
    recognize_clip(Arc::clone(&bench.context), permit, None, request).await
}
