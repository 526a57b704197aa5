//! A whole recording at once.

use std::{future::ready, sync::Arc, time::Duration};

use prost::bytes::Bytes;
use ser_features::{AudioClip, Encoding, FeatureError, PcmFormat};
use ser_proto::v1::{RecognizeRequest, RecognizeResponse, recognize_request::Clip};

use super::{
    Recognition, messages,
    recognizer::{Event, Recognizer},
    request,
};
use crate::{Error, batcher::Pace, context::Context};

/// Works off a clip as if it came in a bulk stream, cut as the session's grid
/// cuts all audio. Dropping the future ends it.
///
/// # Errors
///
/// Everything that `clips.proto` names.
pub(crate) async fn recognize(
    context: Arc<Context>,
    request: RecognizeRequest,
) -> Result<RecognizeResponse, Error> {
    context.models()?;
    let _clip = context.clips.take(1)?;
    let RecognizeRequest { clip, options } = request;
    let validating = Arc::clone(&context);
    let (recognition, audio) = tokio::task::spawn_blocking(move || {
        let (format, audio) = decode(clip, validating.limits.clip_duration)?;
        let options = options.unwrap_or_default();
        let recognition = Recognition::new(validating.models()?, format, &options, Pace::Bulk)
            .map_err(|error| error.within("options"))?;
        Ok::<_, Error>((recognition, audio))
    })
    .await
    .map_err(|error| Error::Internal(error.to_string()))??;
    let _lanes = context.streams.take(recognition.lanes())?;
    let id = format!("{:016x}", rand::random::<u64>());
    let started = messages::started(&recognition, id);
    work_off(Recognizer::new(recognition, "clip")?, audio)
        .await
        .map(|response| RecognizeResponse {
            started: Some(started),
            ..response
        })
}

async fn work_off(mut recognizer: Recognizer, audio: Bytes) -> Result<RecognizeResponse, Error> {
    let mut response = RecognizeResponse::default();
    recognizer.feed(audio);
    let mut finished = false;
    while !(finished && recognizer.is_idle()) {
        tokio::select! {
            biased;
            event = recognizer.next() => match event? {
                Event::Result(result) => response.results.push(result),
                Event::Warning(warning) => response.warnings.push(warning),
            },
            () = ready(()), if recognizer.can_step() => recognizer.step().await?,
            () = ready(()), if !finished && recognizer.wants_audio() => {
                recognizer.finish()?;
                finished = true;
            }
        }
    }
    response.summaries = recognizer.into_summaries();
    Ok(response)
}

/// The layout and bytes of a clip's samples.
fn decode(clip: Option<Clip>, limit: Duration) -> Result<(PcmFormat, Bytes), Error> {
    let (format, audio) = match clip {
        None => return Err(Error::invalid("clip", "missing", "pcm or file")),
        Some(Clip::Pcm(pcm)) => {
            let format = pcm.format.ok_or_else(|| request::no_format("pcm.format"))?;
            (request::format(&format, "pcm.format")?, pcm.audio)
        }
        Some(Clip::File(file)) => {
            let clip = AudioClip::decode(file.into(), Some(limit)).map_err(|source| {
                let too_long = matches!(source, FeatureError::TooLong { .. });
                Error::Audio {
                    what: if too_long { "clip" } else { "clip.file" },
                    source,
                }
            })?;
            let format = PcmFormat {
                encoding: Encoding::F32Le,
                sample_rate: clip.sample_rate,
                channels: clip.channels,
            };
            (
                format,
                clip.samples
                    .iter()
                    .flat_map(|sample| sample.to_le_bytes())
                    .collect(),
            )
        }
    };
    if audio.is_empty() {
        return Err(Error::invalid("clip", "no audio", "at least 1 sample"));
    }
    let frames = audio.len() / format.frame_bytes();
    if Duration::from_secs_f64(frames as f64 / f64::from(format.sample_rate.hz())) > limit {
        return Err(Error::Audio {
            what: "clip",
            source: FeatureError::TooLong { limit },
        });
    }
    Ok((format, audio))
}
