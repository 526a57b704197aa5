//! From requests to what the server works with. Every error has the text that
//! the `.proto` files promise at the field.

use std::{sync::Arc, time::Duration};

use ser_features::{
    ChannelCount, ChannelSelection, Encoding, FeatureError, FrontEndPlan, PcmFormat, SampleRate,
    WindowRequest,
};
use ser_proto::v1;

use super::{checkpoint::Seal, resume::Position, text::proto_seconds};
use crate::{
    Error,
    admission::Refusal,
    batcher::Pace,
    models::{ModelInUse, ModelRegistry, ServedModel},
};

/// The longest time constant of smoothing.
const LONGEST_SMOOTHING: Duration = Duration::from_secs(60);

/// What a client asks for, valid and with all defaults filled in.
pub(crate) struct Recognition {
    pub(crate) format: PcmFormat,
    pub(crate) selection: ChannelSelection,
    pub(crate) pace: Pace,
    pub(crate) model: ModelInUse,
    pub(crate) is_default_model: bool,
    pub(crate) plan: Arc<FrontEndPlan>,
    pub(crate) top_k: usize,
    pub(crate) smoothing: Option<Duration>,
    pub(crate) carried: Carried,
    pub(crate) position: Position,
}

/// What a result carries in case that its stream ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// It is part of the answer to a clip.
    Nothing,
    /// From where the stream must be replayed.
    Position,
    /// That, and what audio can't restore.
    Checkpoint(Seal),
}

impl Recognition {
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::Setting`], [`Error::UnknownModel`] and
    /// [`Error::NoDefaultModel`], with fields as seen from the [`v1::RecognitionOptions`].
    pub(crate) fn new(
        registry: &ModelRegistry,
        format: PcmFormat,
        options: &v1::RecognitionOptions,
        pace: Pace,
    ) -> Result<Self, Error> {
        let named = options.model.as_deref().filter(|name| !name.is_empty());
        let model = ModelInUse::new(registry.resolve(named)?);
        let is_default_model = registry.is_default(&model);
        let selection = selection(options, format.channels)?;
        let plan = plan(&model, options, format.sample_rate)?;
        let top_k = top_k(options.top_k, model.manifest().labels.len())?;
        let smoothing = options.smoothing.map(smoothing).transpose()?;
        Ok(Self {
            format,
            selection,
            pace,
            model,
            is_default_model,
            plan,
            top_k,
            smoothing,
            carried: Carried::Nothing,
            position: Position::default(),
        })
    }

    /// How many streams this counts as.
    pub(crate) fn lanes(&self) -> usize {
        self.selection.lanes(self.format.channels)
    }

    /// How messages name a lane: only where every channel has one.
    pub(crate) fn channel(&self, lane: usize) -> Option<u32> {
        match self.selection {
            ChannelSelection::Separate => u32::try_from(lane).ok(),
            ChannelSelection::Mix | ChannelSelection::Pick(_) => None,
        }
    }
}

/// The layout of a stream's or clip's audio.
///
/// # Errors
///
/// With fields as seen from the message itself, which the caller names.
pub(crate) fn format(audio: &v1::AudioFormat, field: &str) -> Result<PcmFormat, Error> {
    let outside = |source| Error::Setting {
        parent: field.to_owned(),
        source,
    };
    let encoding = match audio.encoding.try_into() {
        Ok(v1::Encoding::S16le) => Encoding::S16Le,
        Ok(v1::Encoding::F32le) => Encoding::F32Le,
        Ok(v1::Encoding::Mulaw) => Encoding::MuLaw,
        Ok(v1::Encoding::Alaw) => Encoding::ALaw,
        Ok(v1::Encoding::Unspecified) | Err(_) => {
            return Err(Error::invalid(
                format!("{field}.encoding"),
                audio.encoding.to_string(),
                "ENCODING_S16LE, ENCODING_F32LE, ENCODING_MULAW or ENCODING_ALAW",
            ));
        }
    };
    Ok(PcmFormat {
        encoding,
        sample_rate: SampleRate::new(audio.sample_rate).map_err(outside)?,
        channels: ChannelCount::new(audio.channels).map_err(outside)?,
    })
}

/// The error of audio whose layout isn't told.
pub(crate) fn no_format(field: &str) -> Error {
    Error::invalid(field, "missing", "encoding, sample_rate and channels")
}

/// How a stream is scheduled.
///
/// # Errors
///
/// [`Error::Invalid`] of the field `pace`.
pub(crate) fn pace(pace: i32) -> Result<Pace, Error> {
    match pace.try_into() {
        Ok(v1::Pace::Unspecified | v1::Pace::Live) => Ok(Pace::Live),
        Ok(v1::Pace::Bulk) => Ok(Pace::Bulk),
        Err(_) => Err(Error::invalid(
            "pace",
            pace.to_string(),
            "PACE_LIVE or PACE_BULK",
        )),
    }
}

fn selection(
    options: &v1::RecognitionOptions,
    channels: ChannelCount,
) -> Result<ChannelSelection, Error> {
    let last = channels.get() - 1;
    let refuse =
        |found: String, expected: String| Err(Error::invalid("picked_channel", found, expected));
    let policy = v1::ChannelPolicy::try_from(options.channels).map_err(|_| {
        Error::invalid(
            "channels",
            options.channels.to_string(),
            "CHANNEL_POLICY_MIX, CHANNEL_POLICY_PICK or CHANNEL_POLICY_SEPARATE",
        )
    })?;
    match (policy, options.picked_channel) {
        (v1::ChannelPolicy::Pick, None) => refuse(
            "missing".to_owned(),
            format!("0 to {last} with CHANNEL_POLICY_PICK"),
        ),
        (v1::ChannelPolicy::Pick, Some(picked)) => match usize::try_from(picked) {
            Ok(index) if index <= last => Ok(ChannelSelection::Pick(index)),
            _ => refuse(picked.to_string(), format!("0 to {last}")),
        },
        (_, Some(picked)) => refuse(
            picked.to_string(),
            "none without CHANNEL_POLICY_PICK".to_owned(),
        ),
        (v1::ChannelPolicy::Separate, None) => Ok(ChannelSelection::Separate),
        (v1::ChannelPolicy::Mix | v1::ChannelPolicy::Unspecified, None) => {
            Ok(ChannelSelection::Mix)
        }
    }
}

fn plan(
    model: &ServedModel,
    options: &v1::RecognitionOptions,
    rate: SampleRate,
) -> Result<Arc<FrontEndPlan>, Error> {
    let request = WindowRequest {
        window: options.window.map(unsigned),
        hop: options.hop.map(unsigned),
    };
    model.plan(request, rate).map_err(|error| match error {
        // The front end knows what it expects, but not what the client wrote.
        FeatureError::Setting {
            field,
            value,
            expected,
        } => {
            let asked = match field.as_str() {
                "window" => options.window,
                "hop" => options.hop,
                _ => None,
            };
            Error::Invalid {
                found: asked.map_or(value, proto_seconds),
                field,
                expected,
            }
        }
        FeatureError::UncommonRates { limit, .. } => Error::TooMany {
            what: "uncommon sample rates".to_owned(),
            open: limit,
            limit,
            refusal: Some(Refusal::SampleRates),
        },
        source => Error::FrontEnd {
            model: model.id().to_owned(),
            source,
        },
    })
}

/// Negative and malformed durations are as wrong as zero, which none of the
/// options may be.
fn unsigned(duration: prost_types::Duration) -> Duration {
    match (
        u64::try_from(duration.seconds),
        u32::try_from(duration.nanos),
    ) {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Duration::new(seconds, nanos),
        _ => Duration::ZERO,
    }
}

fn top_k(asked: Option<u32>, labels: usize) -> Result<usize, Error> {
    match asked.map(|asked| (asked, usize::try_from(asked))) {
        None => Ok(labels),
        Some((_, Ok(top_k))) if (1..=labels).contains(&top_k) => Ok(top_k),
        Some((asked, _)) => Err(Error::invalid(
            "top_k",
            asked.to_string(),
            format!("1 to {labels}"),
        )),
    }
}

fn smoothing(asked: prost_types::Duration) -> Result<Duration, Error> {
    let constant = unsigned(asked);
    if constant > Duration::ZERO && constant <= LONGEST_SMOOTHING {
        Ok(constant)
    } else {
        let expected = "more than 0s, at most 60s";
        Err(Error::invalid("smoothing", proto_seconds(asked), expected))
    }
}
