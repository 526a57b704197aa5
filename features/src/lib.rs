//! The streaming audio front end: from the bytes of a client to rows of
//! features for a model.

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
pub use files::AudioClip;
pub use front_end::{FrontEnd, FrontEndPlan, Segment, Trigger};
pub use params::{FeatureKind, FrontEndParams, MelNorm, MelScale, Reduction, WindowFunction};
pub use pcm::{Encoding, PcmFormat, PcmReader};
pub use resample::{Resampler, ResamplerTables};
pub use sample_rate::SampleRate;
pub use voice::VoiceDetector;
pub use windows::{ShortWindow, WindowParams, WindowRequest};
