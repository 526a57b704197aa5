//! The streaming audio front end: from the bytes of a client to rows of features
//! for a model. Pure, synchronous, and free of allocation once a stream runs.
//!
//! ```text
//! bytes ─ PcmReader ─► samples of a lane ─ FrontEnd ─► Segments
//!                                            │
//!            Resampler ─► frames ─► power spectrum ─► mel bank ─► log-mel rows
//!                                                                   │
//!                               VoiceDetector ◄─────────────────────┤
//!                               windows: clip, mean, DCT ◄──────────┘
//! ```
//!
//! A [`FrontEndPlan`] holds what streams of equal settings share; a [`FrontEnd`]
//! is one lane of one stream. Its features are those that `librosa` 0.11 computes
//! on exactly the samples of a window, without computing a frame twice. Nothing
//! depends on how the audio was cut into pushes. [`clip_features`] is the same
//! for a whole clip at once.

mod cadence;
mod channels;
mod clip;
mod decibel;
mod error;
#[cfg(feature = "files")]
mod files;
mod front_end;
mod g711;
mod lane;
mod log_mel;
mod mel;
mod mfcc;
mod params;
mod pcm;
mod power;
mod recurrent;
mod resample;
mod sample_rate;
mod stft;
mod voice;
mod windowed;
mod windows;

pub use channels::{ChannelCount, ChannelSelection};
pub use clip::{ClipExtractor, clip_features};
pub use error::FeatureError;
#[cfg(feature = "files")]
pub use files::{AudioClip, AudioFile};
pub use front_end::{FrontEnd, FrontEndPlan, Segment, Trigger};
pub use params::{FeatureKind, FrontEndParams, MelNorm, MelScale, Reduction, WindowFunction};
pub use pcm::{Encoding, PcmFormat, PcmReader};
pub use resample::{Resampler, ResamplerTables};
pub use sample_rate::SampleRate;
pub use voice::VoiceDetector;
pub use windows::{ShortWindow, WindowParams, WindowRequest};
