//! Bad input is answered with the code and message that the protocol names, and
//! harms nobody else.

use std::time::Duration;

use bytes::Bytes;
use ser_proto::v1::{
    AudioFormat, ChannelPolicy, Encoding, PcmClip, RecognitionOptions, RecognizeRequest,
    StreamingConfig, recognize_request::Clip,
    speech_emotion_clips_client::SpeechEmotionClipsClient, streaming_recognize_request::Request,
};
use ser_tests::{
    audio,
    server::ServerProcess,
    stream::{RawStream, Transcript, config, recognise},
};
use tonic::{Code, transport::Channel};

const RATE: u32 = 16_000;

fn good() -> StreamingConfig {
    config(Encoding::S16le, RATE)
}

fn with_format(change: impl FnOnce(&mut AudioFormat)) -> StreamingConfig {
    let mut config = good();
    change(config.audio.as_mut().expect("a format"));
    config
}

fn with_options(change: impl FnOnce(&mut RecognitionOptions)) -> StreamingConfig {
    let mut config = good();
    change(config.options.as_mut().expect("options"));
    config
}

fn duration(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// Sends `requests`, half-closes, and returns how the stream ended.
async fn answer(channel: &Channel, requests: Vec<Option<Request>>) -> Transcript {
    let mut stream = RawStream::open(channel.clone()).await;
    for request in requests {
        stream.send(request).await;
    }
    stream.half_close();
    stream.transcript().await
}

fn audio_of(bytes: impl Into<Bytes>) -> Option<Request> {
    Some(Request::Audio(bytes.into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_is_refused_by_name() {
    let (_server, channel) = ServerProcess::ready().await;
    let beside = tokio::spawn(good_stream(channel.clone()));

    let config = |config: StreamingConfig| Some(Request::Config(config));
    let nan = [0.1_f32, 0.2, f32::NAN].map(f32::to_le_bytes).concat();
    let infinite = [0.1_f32, f32::NEG_INFINITY].map(f32::to_le_bytes).concat();
    let float = self::config(Encoding::F32le, RATE);
    let cases: Vec<(Vec<Option<Request>>, Code, &str)> = vec![
        (
            vec![audio_of(vec![0; 320])],
            Code::InvalidArgument,
            "request 1: audio; expected config first",
        ),
        (
            vec![config(good()), audio_of(vec![0; 320]), config(good())],
            Code::InvalidArgument,
            "request 3: config; expected audio, the config was sent already",
        ),
        (
            vec![config(good()), None],
            Code::InvalidArgument,
            "request 2: neither config nor audio; expected audio",
        ),
        (
            vec![],
            Code::InvalidArgument,
            "request: half-close; expected config first",
        ),
        (
            vec![config(StreamingConfig {
                audio: None,
                ..good()
            })],
            Code::InvalidArgument,
            "config.audio: missing; expected encoding, sample_rate and channels",
        ),
        (
            vec![config(good()), audio_of(vec![])],
            Code::InvalidArgument,
            "audio: 0 bytes in request 2; expected at least 1",
        ),
        (
            vec![config(good()), audio_of(vec![0; 131_073])],
            Code::InvalidArgument,
            "audio: 131073 bytes in request 2; expected at most 131072",
        ),
        (
            vec![config(good()), audio_of(vec![0; 3])],
            Code::InvalidArgument,
            "audio: 1 byte left over at the end; expected whole frames of 2 bytes",
        ),
        (
            vec![config(float.clone()), audio_of(nan)],
            Code::InvalidArgument,
            "audio: sample 2 is NaN; expected finite numbers",
        ),
        (
            vec![config(float), audio_of(infinite)],
            Code::InvalidArgument,
            "audio: sample 1 is -inf; expected finite numbers",
        ),
        (
            vec![config(with_format(|format| format.encoding = 9))],
            Code::InvalidArgument,
            "config.audio.encoding: 9; expected ENCODING_S16LE, ENCODING_F32LE, ENCODING_MULAW \
             or ENCODING_ALAW",
        ),
        (
            vec![config(with_format(|format| format.sample_rate = 0))],
            Code::InvalidArgument,
            "config.audio.sample_rate: 0 Hz; expected 8000 to 192000 Hz",
        ),
        (
            vec![config(with_format(|format| format.sample_rate = 1))],
            Code::InvalidArgument,
            "config.audio.sample_rate: 1 Hz; expected 8000 to 192000 Hz",
        ),
        (
            vec![config(with_format(|format| {
                format.sample_rate = 1_000_000_000
            }))],
            Code::InvalidArgument,
            "config.audio.sample_rate: 1000000000 Hz; expected 8000 to 192000 Hz",
        ),
        (
            vec![config(with_format(|format| format.channels = 0))],
            Code::InvalidArgument,
            "config.audio.channels: 0; expected 1 to 8",
        ),
        (
            vec![config(with_format(|format| format.channels = 300))],
            Code::InvalidArgument,
            "config.audio.channels: 300; expected 1 to 8",
        ),
        (
            vec![config(with_options(|options| options.channels = 9))],
            Code::InvalidArgument,
            "config.options.channels: 9; expected CHANNEL_POLICY_MIX, CHANNEL_POLICY_PICK or \
             CHANNEL_POLICY_SEPARATE",
        ),
        (
            vec![config(with_options(|options| {
                options.channels = ChannelPolicy::Pick.into()
            }))],
            Code::InvalidArgument,
            "config.options.picked_channel: missing; expected 0 to 0 with CHANNEL_POLICY_PICK",
        ),
        (
            vec![config(with_options(|options| {
                options.picked_channel = Some(0)
            }))],
            Code::InvalidArgument,
            "config.options.picked_channel: 0; expected none without CHANNEL_POLICY_PICK",
        ),
        (
            vec![config(with_options(|options| {
                options.model = Some("tess-lstm/9".to_owned())
            }))],
            Code::NotFound,
            "config.options.model: \"tess-lstm/9\" is not served; expected one of tess-lstm/1",
        ),
        (
            vec![config(with_options(|options| {
                options.model = Some("whisper".to_owned())
            }))],
            Code::NotFound,
            "config.options.model: \"whisper\" is not served; expected one of tess-lstm/1",
        ),
        (
            vec![config(with_options(|options| {
                options.model = Some("A b".to_owned())
            }))],
            Code::InvalidArgument,
            "config.options.model: \"A b\"; expected name or name/version, of [a-z0-9][a-z0-9._-]*",
        ),
        (
            vec![config(with_options(|options| options.window = duration(0)))],
            Code::InvalidArgument,
            "config.options.window: 0s; expected 0.998s to 9.985s",
        ),
        (
            vec![config(with_options(|options| {
                options.window = duration(-1)
            }))],
            Code::InvalidArgument,
            "config.options.window: -1s; expected 0.998s to 9.985s",
        ),
        (
            vec![config(with_options(|options| {
                options.window = duration(604_800)
            }))],
            Code::InvalidArgument,
            "config.options.window: 604800s; expected 0.998s to 9.985s",
        ),
        (
            vec![config(with_options(|options| options.hop = duration(0)))],
            Code::InvalidArgument,
            "config.options.hop: 0s; expected 0.116s to 1.997s",
        ),
        (
            vec![config(with_options(|options| options.hop = duration(-1)))],
            Code::InvalidArgument,
            "config.options.hop: -1s; expected 0.116s to 1.997s",
        ),
        (
            vec![config(with_options(|options| {
                options.hop = duration(604_800)
            }))],
            Code::InvalidArgument,
            "config.options.hop: 604800s; expected 0.116s to 1.997s",
        ),
        (
            vec![config(with_options(|options| options.top_k = Some(9)))],
            Code::InvalidArgument,
            "config.options.top_k: 9; expected 1 to 7",
        ),
        (
            vec![config(with_options(|options| {
                options.smoothing = duration(604_800)
            }))],
            Code::InvalidArgument,
            "config.options.smoothing: 604800s; expected more than 0s, at most 60s",
        ),
        (
            vec![config(StreamingConfig { pace: 9, ..good() })],
            Code::InvalidArgument,
            "config.pace: 9; expected PACE_LIVE or PACE_BULK",
        ),
    ];
    for (requests, code, message) in cases {
        let error = answer(&channel, requests).await.error;
        assert_eq!(error, Some((code, message.to_owned())));
    }

    let beside = beside.await.expect("the stream beside");
    assert_eq!(beside, good_stream(channel).await);
}

/// A stream that nothing is wrong with. Only what may differ is taken out.
async fn good_stream(channel: Channel) -> Transcript {
    let samples = audio::voice(RATE, 5.0, 3);
    let chunks: Vec<_> = audio::s16le(&samples)
        .chunks(640)
        .map(Bytes::copy_from_slice)
        .collect();
    let mut transcript = recognise(channel, good(), chunks).await;
    assert_eq!(transcript.error, None);
    assert_eq!(transcript.summaries.len(), 1);
    transcript.started = None;
    transcript
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_by_the_transport() {
    let (_server, channel) = ServerProcess::ready().await;
    let requests = vec![Some(Request::Config(good())), audio_of(vec![0; 300 << 10])];
    let (code, _) = answer(&channel, requests)
        .await
        .error
        .expect("the stream ends");
    assert_eq!(code, Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_close_at_once_gives_an_empty_summary() {
    let (_server, channel) = ServerProcess::ready().await;
    let transcript = answer(&channel, vec![Some(Request::Config(good()))]).await;
    assert_eq!(transcript.error, None);
    assert!(transcript.results.is_empty());
    let [summary] = &transcript.summaries[..] else {
        panic!("one summary: {transcript:?}")
    };
    assert_eq!((summary.received_samples, summary.results), (0, 0));
    assert_eq!(summary.overall_label, None);
    assert!(summary.mean_posterior.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_before_the_error_are_delivered() {
    let (_server, channel) = ServerProcess::ready().await;
    let samples = audio::voice(RATE, 3.0, 3);
    let mut bytes = audio::f32le(&samples);
    bytes.extend(f32::NAN.to_le_bytes());
    let requests = [Some(Request::Config(config(Encoding::F32le, RATE)))]
        .into_iter()
        .chain(bytes.chunks(64_000).map(|chunk| audio_of(chunk.to_vec())))
        .collect();
    let transcript = answer(&channel, requests).await;
    let message = format!(
        "audio: sample {} is NaN; expected finite numbers",
        samples.len()
    );
    assert_eq!(transcript.error, Some((Code::InvalidArgument, message)));
    let undisturbed = {
        let chunks = audio::f32le(&samples)
            .chunks(64_000)
            .map(Bytes::copy_from_slice)
            .collect::<Vec<_>>();
        recognise(channel, config(Encoding::F32le, RATE), chunks)
            .await
            .results
    };
    let before = undisturbed.len() - 1;
    assert!(before > 2);
    assert_eq!(transcript.results, undisturbed[..before]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_stream_gives_its_place_back() {
    let server = ServerProcess::start(&[], &[("SER__LIMITS__OPEN_STREAMS", "1")]);
    let channel = server.channel().await;
    ser_tests::server::until_serving(channel.clone()).await;

    let mut stream = RawStream::open(channel.clone()).await;
    stream.config(good()).await;
    stream.next().await.expect("the start");
    let second = answer(&channel, vec![Some(Request::Config(good()))])
        .await
        .error;
    let message = "streams: 1 open; expected at most 1, try again later".to_owned();
    assert_eq!(second, Some((Code::ResourceExhausted, message)));

    stream
        .audio(audio::s16le(&audio::voice(RATE, 2.0, 1)))
        .await;
    drop(stream);
    // The server learns of it with the reset of the stream, which overtakes
    // nothing: ask again until it has.
    let freed = async {
        while answer(&channel, vec![Some(Request::Config(good()))])
            .await
            .error
            .is_some()
        {}
    };
    tokio::time::timeout(ser_tests::stream::PATIENCE, freed)
        .await
        .expect("the place is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_is_ended() {
    let limits = [
        ("SER__LIMITS__FIRST_MESSAGE", "200ms"),
        ("SER__LIMITS__IDLE", "300ms"),
    ];
    let server = ServerProcess::start(&[], &limits);
    let channel = server.channel().await;
    ser_tests::server::until_serving(channel.clone()).await;

    let mut mute = RawStream::open(channel.clone()).await;
    let message = "request: none for 0.2s; expected config".to_owned();
    assert_eq!(
        mute.transcript().await.error,
        Some((Code::DeadlineExceeded, message))
    );

    let mut stalled = RawStream::open(channel).await;
    stalled.config(good()).await;
    stalled
        .audio(audio::s16le(&audio::voice(RATE, 1.5, 1)))
        .await;
    let transcript = stalled.transcript().await;
    let message = "audio: none for 0.3s; expected audio or half-close".to_owned();
    assert_eq!(transcript.error, Some((Code::DeadlineExceeded, message)));
    assert!(
        !transcript.results.is_empty(),
        "what was computed is delivered"
    );
}

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
