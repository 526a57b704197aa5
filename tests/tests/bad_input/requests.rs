//! Requests of a stream that are wrong in themselves.

use ser_proto::v1::{
    AudioFormat, ChannelPolicy, Encoding, RecognitionOptions, StreamingConfig,
    streaming_recognize_request::Request,
};
use ser_tests::{server::ServerProcess, stream::config};
use tonic::Code;

use crate::{RATE, answer, audio_of, good, good_stream};

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
