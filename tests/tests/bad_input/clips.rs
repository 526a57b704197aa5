//! Clips that are wrong in themselves.

use std::time::Duration;

use bytes::Bytes;
use ser_proto::v1::{
    AudioFormat, Encoding, PcmClip, RecognizeRequest, recognize_request::Clip,
    speech_emotion_clips_client::SpeechEmotionClipsClient,
};
use ser_tests::server::ServerProcess;
use tonic::Code;

use crate::{RATE, good_stream};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_clip_is_refused_by_name() {
    let (_server, channel) = ServerProcess::ready().await;
    let mut clips = SpeechEmotionClipsClient::new(channel.clone());
    let format = |encoding: Encoding| {
        Some(AudioFormat {
            encoding: encoding.into(),
            sample_rate: RATE,
            channels: 1,
        })
    };
    let pcm = |encoding, audio: Vec<u8>| {
        Some(Clip::Pcm(PcmClip {
            format: format(encoding),
            audio: audio.into(),
        }))
    };
    let cases = [
        (None, "clip: missing; expected pcm or file"),
        (
            pcm(Encoding::S16le, vec![]),
            "clip: no audio; expected at least 1 sample",
        ),
        (
            pcm(Encoding::S16le, vec![0; 3]),
            "clip: 1 byte left over at the end; expected whole frames of 2 bytes",
        ),
        (
            pcm(Encoding::F32le, f32::NAN.to_le_bytes().to_vec()),
            "clip: sample 0 is NaN; expected finite numbers",
        ),
        (
            Some(Clip::Pcm(PcmClip {
                format: None,
                audio: vec![0; 4].into(),
            })),
            "pcm.format: missing; expected encoding, sample_rate and channels",
        ),
        (
            pcm(Encoding::Mulaw, vec![0xff; 8_000 * 1_300]),
            "clip: longer than 600s; expected at most 600s",
        ),
    ];
    for (clip, message) in cases {
        let status = clips
            .recognize(RecognizeRequest {
                clip,
                options: None,
            })
            .await
            .expect_err(message);
        assert_eq!(
            (status.code(), status.message()),
            (Code::InvalidArgument, message)
        );
    }
    let file = Some(Clip::File(Bytes::from_static(
        b"this is no audio file, whatever its name",
    )));
    let status = clips
        .recognize(RecognizeRequest {
            clip: file,
            options: None,
        })
        .await
        .expect_err("no audio");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status
            .message()
            .starts_with("clip.file: no WAV or FLAC file ("),
        "{status:?}"
    );
    assert!(
        status.message().ends_with("); expected the bytes of one"),
        "{status:?}"
    );

    tokio::time::timeout(Duration::from_secs(60), good_stream(channel))
        .await
        .expect("still serving");
}
