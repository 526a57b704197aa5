//! What one client may ask for.

use std::{num::NonZeroUsize, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration;

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// How long a stream may take to send its config, and a call without audio its
    /// request. Default: 10 s.
    #[serde(with = "duration::Positive")]
    pub first_message: Duration,
    /// How long a stream may send nothing, and a call of the reflection service take to
    /// half-close. Default: 30 s.
    #[serde(with = "duration::Positive")]
    pub idle: Duration,
    /// How long a stream may send nothing after it has said that its microphone is off.
    /// Default: 10 min.
    #[serde(with = "duration::Positive")]
    pub muted: Duration,
    /// How long a stream may leave its responses unread. Default: 30 s.
    #[serde(with = "duration::Positive")]
    pub unread: Duration,
    /// How long a stream may be open, give or take a tenth, so that not all move at
    /// once. It is told then, and ended after `server.drain`. Default: 24 h.
    #[serde(with = "duration::Positive")]
    pub stream_age: Duration,
    /// How much audio a stream may hear. Default: 24 h.
    #[serde(with = "duration::Positive")]
    pub stream_audio: Duration,
    /// How far the audio of a live stream may be ahead of the time since it began,
    /// besides what it replays when it is resumed. Beyond it the server reads on only
    /// as time goes by. Default: 10 s.
    #[serde(with = "duration::Positive")]
    pub live_ahead: Duration,
    /// Bytes of audio in one request, at most 262,000: a message has 256 KiB, of
    /// which the protocol's own framing needs a few bytes. Default: 131072 (128 KiB).
    #[schemars(range(min = 1, max = 262_000))]
    pub chunk_bytes: usize,
    /// Streams open at once; each channel that is classified separately counts
    /// as one. Default: 10000.
    pub open_streams: NonZeroUsize,
    /// Streams that one caller, by the name of its token, may have open at once, unless
    /// its token says otherwise; callers without a token share this. A clip counts as one
    /// from the first byte of its request to the last of its response. Default: none of
    /// its own, so `open_streams`.
    #[schemars(example = 100)]
    pub streams_per_principal: Option<NonZeroUsize>,
    /// Clips received, recognised or sent back at once. Each takes at most 64 MiB: its
    /// request of 16 MiB, decoded audio, and results. Default: 8.
    pub open_clips: NonZeroUsize,
    /// The longest clip, as far as it fits into a request: 16 MiB hold 524 s of
    /// 16-bit PCM at 16 kHz, one channel. Default: 600 s.
    #[serde(with = "duration::Positive")]
    pub clip_duration: Duration,
    /// How long a clip may take from the start of its request to its response.
    /// Default: 2 min.
    #[serde(with = "duration::Positive")]
    pub clip_deadline: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        const OPEN_STREAMS: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
        const OPEN_CLIPS: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");
        Self {
            first_message: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            muted: Duration::from_secs(600),
            unread: Duration::from_secs(30),
            stream_age: Duration::from_secs(24 * 3600),
            stream_audio: Duration::from_secs(24 * 3600),
            live_ahead: Duration::from_secs(10),
            chunk_bytes: 128 << 10,
            open_streams: OPEN_STREAMS,
            streams_per_principal: None,
            open_clips: OPEN_CLIPS,
            clip_duration: Duration::from_secs(600),
            clip_deadline: Duration::from_secs(120),
        }
    }
}
