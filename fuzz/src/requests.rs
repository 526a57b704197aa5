//! Requests that are valid, to begin with.

use prost_types::Duration;
use ser_proto::v1::{
    AudioFormat, ChannelPolicy, Encoding, Pace, RecognitionOptions, Resume, StreamingConfig,
};

/// Bytes of a refusal at most. Clients take 8 KiB of trailers, of which a message that
/// isn't ASCII may take three times its length.
pub const LONGEST_REFUSAL: usize = 1_024;

/// Rates that streams have here. Tables for another one take milliseconds to make, and
/// are the same code.
pub const RATES: [u32; 4] = [8_000, 11_025, 16_000, 48_000];

/// `rate`, or if it is another that the server takes, one of [`RATES`].
#[must_use]
pub fn known_rate(rate: u32) -> u32 {
    match rate {
        8_000..=192_000 if !RATES.contains(&rate) => RATES[rate as usize % RATES.len()],
        rate => rate,
    }
}

/// The same config at a known rate.
#[must_use]
pub fn at_known_rate(mut config: StreamingConfig) -> StreamingConfig {
    if let Some(audio) = &mut config.audio {
        audio.sample_rate = known_rate(audio.sample_rate);
    }
    config
}

/// One of each kind of stream.
#[must_use]
pub fn configs() -> Vec<StreamingConfig> {
    let config = |encoding: Encoding, sample_rate, channels, options| StreamingConfig {
        audio: Some(AudioFormat {
            encoding: encoding.into(),
            sample_rate,
            channels,
        }),
        options,
        ..StreamingConfig::default()
    };
    let milliseconds = |count: i32| Duration {
        seconds: 0,
        nanos: count * 1_000_000,
    };
    let recurrent = RecognitionOptions {
        model: Some("recurrent/1".to_owned()),
        channels: ChannelPolicy::Separate.into(),
        smoothing: Some(milliseconds(500)),
        ..RecognitionOptions::default()
    };
    let windowed = RecognitionOptions {
        model: Some("windowed/1".to_owned()),
        channels: ChannelPolicy::Pick.into(),
        picked_channel: Some(1),
        window: Some(milliseconds(480)),
        hop: Some(milliseconds(80)),
        top_k: Some(2),
        ..RecognitionOptions::default()
    };
    vec![
        config(Encoding::S16le, 8_000, 1, None),
        StreamingConfig {
            checkpoints: true,
            ..config(Encoding::Mulaw, 8_000, 2, Some(recurrent))
        },
        StreamingConfig {
            pace: Pace::Bulk.into(),
            ..config(Encoding::Alaw, 16_000, 2, Some(windowed))
        },
        StreamingConfig {
            resume: Some(Resume {
                replay_from_sample: 0,
                results: 1,
                end_sample: 3_200,
                ..Resume::default()
            }),
            checkpoints: true,
            ..config(
                Encoding::S16le,
                8_000,
                1,
                Some(RecognitionOptions {
                    model: Some("windowed/1".to_owned()),
                    ..RecognitionOptions::default()
                }),
            )
        },
    ]
}
