//! A whole recording at once.

use std::{
    future::{Future, ready},
    sync::Arc,
    time::Duration,
};

use prost::bytes::Bytes;
use ser_features::{AudioFile, Encoding, FeatureError, PcmFormat};
use ser_proto::v1::{RecognizeRequest, RecognizeResponse, recognize_request};
use tokio::time::{sleep, sleep_until};

use super::{
    Recognition,
    account::Account,
    messages,
    recognizer::{Event, Recognizer},
    record::Record,
    request,
    turn::Turn,
};
use tonic::Code;

use crate::{
    Error,
    admission::{Caller, ClipPermit},
    batcher::Pace,
    context::Context,
    shutdown::{Drain, Work},
    telemetry::CallSpan,
};

/// Samples of all channels that a file is decoded to at a time, at least; at most
/// a block of the file more, of 65,535 samples of 8 channels.
const PIECE: usize = 1 << 16;

/// A clip that holds its places until this is dropped: from before the first byte of
/// its request is read to after the last one of its response.
#[derive(Debug)]
pub(crate) struct OpenClip {
    permit: ClipPermit,
    /// A server that stops waits for it.
    _work: Work,
    record: Record,
    deadline: Duration,
    drain: Drain,
}

/// Takes the places of a clip of `caller`, whose request isn't read yet.
///
/// # Errors
///
/// [`Error::Loading`], [`Error::TooMany`], [`Error::Overloaded`] and
/// [`Error::ShuttingDown`].
pub(crate) fn admit(context: &Context, caller: &Caller) -> Result<OpenClip, Error> {
    let admitted = context.models();
    let admitted = admitted.and_then(|_| context.admission.clip(caller));
    Ok(OpenClip {
        permit: admitted.inspect_err(|error| context.refused(error))?,
        _work: context.drain.work(),
        record: Record::clip(&context.metrics),
        deadline: context.limits.clip_deadline,
        drain: context.drain.clone(),
    })
}

impl OpenClip {
    /// What whoever recognises the clip needs.
    pub(crate) fn permit(&self) -> ClipPermit {
        self.permit.clone()
    }

    /// Waits while `answer` receives and recognises the clip, and gives up on it in
    /// time. `code` tells how an answer ends.
    ///
    /// # Errors
    ///
    /// [`Error::TooLate`] and [`Error::ShuttingDown`].
    pub(crate) async fn answered<T>(
        &mut self,
        answer: impl Future<Output = T>,
        code: impl FnOnce(&T) -> Code,
    ) -> Result<T, Error> {
        let (deadline, drain) = (self.deadline, &mut self.drain);
        let answer = tokio::select! {
            answer = answer => Ok(answer),
            () = sleep(deadline) => Err(Error::TooLate {
                field: "clip",
                seen: "unfinished",
                after: deadline,
                expected: "a shorter clip or a faster upload",
            }),
            () = async { sleep_until(drain.begun().await).await } => Err(Error::ShuttingDown),
        };
        let code = answer.as_ref().map_or_else(Error::code, code);
        self.record.end(code);
        answer
    }
}

/// Works off a clip as if it came in a bulk stream, cut as the session's grid
/// cuts all audio. Dropping the future ends it.
///
/// # Errors
///
/// Everything that `clips.proto` names of the clip itself.
pub(crate) async fn recognize(
    context: Arc<Context>,
    permit: ClipPermit,
    span: Option<Arc<CallSpan>>,
    request: RecognizeRequest,
) -> Result<RecognizeResponse, Error> {
    let account = Account::new(&context, &permit.caller().principal, span);
    let response = recognize_for(&context, &permit, &account, request).await;
    account.end(response.as_ref().map_or_else(Error::code, |_| Code::Ok));
    response
}

/// The same of a part of a call, whose end the caller writes down.
///
/// # Errors
///
/// The same.
pub(crate) async fn recognize_for(
    context: &Arc<Context>,
    permit: &ClipPermit,
    account: &Account,
    request: RecognizeRequest,
) -> Result<RecognizeResponse, Error> {
    let RecognizeRequest { clip, options } = request;
    let validating = Arc::clone(context);
    let accepted = off_the_workers(context, move || {
        let clip = Clip::open(clip, validating.limits.clip_duration)?;
        let options = options.unwrap_or_default();
        let recognition = Recognition::new(validating.models()?, clip.format, &options, Pace::Bulk)
            .map_err(|error| error.within("options"))?;
        Ok((recognition, clip))
    })
    .await;
    let (recognition, clip) = accepted.inspect_err(|error| context.refused(error))?;
    let begun = permit.begin(&context.admission, recognition.lanes());
    begun.inspect_err(|error| context.refused(error))?;
    let id = format!("{:016x}", rand::random::<u64>());
    account.started(&id, &recognition);
    let started = messages::started(&recognition, id);
    let turn = Turn::new(context.admission.pressure(), recognition.pace);
    let recognizer = Recognizer::new(recognition, "clip", account.clone())?;
    work_off(context, recognizer, clip, turn)
        .await
        .map(|response| RecognizeResponse {
            started: Some(started),
            ..response
        })
}

async fn work_off(
    context: &Context,
    mut recognizer: Recognizer,
    clip: Clip,
    mut turn: Turn,
) -> Result<RecognizeResponse, Error> {
    let mut response = RecognizeResponse::default();
    let Clip {
        audio, mut rest, ..
    } = clip;
    recognizer.feed(audio);
    let mut finished = false;
    while !(finished && recognizer.is_idle()) {
        tokio::select! {
            biased;
            event = recognizer.next() => match event? {
                Event::Result(result, _) => response.results.push(result),
                Event::Warning(warning) => response.warnings.push(warning),
            },
            () = turn.comes(), if recognizer.can_step() => {
                recognizer.step().await?;
                turn.taken(recognizer.work_done());
            }
            () = ready(()), if !finished && recognizer.wants_audio() => match rest.take() {
                Some(file) => {
                    let (audio, file) = off_the_workers(context, move || decode(file)).await?;
                    recognizer.feed(audio);
                    rest = file;
                }
                None => {
                    recognizer.finish()?;
                    finished = true;
                }
            }
        }
    }
    response.summaries = recognizer.into_summaries();
    Ok(response)
}

/// A clip with the first piece of its audio.
struct Clip {
    format: PcmFormat,
    audio: Bytes,
    /// What holds the pieces after it.
    rest: Option<AudioFile>,
}

impl Clip {
    fn open(clip: Option<recognize_request::Clip>, limit: Duration) -> Result<Self, Error> {
        let opened = match clip {
            None => return Err(Error::invalid("clip", "missing", "pcm or file")),
            Some(recognize_request::Clip::Pcm(pcm)) => {
                let format = pcm.format.ok_or_else(|| request::no_format("pcm.format"))?;
                let format = request::format(&format, "pcm.format")?;
                check_duration(pcm.audio.len(), format, limit)?;
                Self {
                    format,
                    audio: pcm.audio,
                    rest: None,
                }
            }
            Some(recognize_request::Clip::File(file)) => {
                let file = AudioFile::open(file, Some(limit)).map_err(of_file)?;
                let format = PcmFormat {
                    encoding: Encoding::F32Le,
                    sample_rate: file.sample_rate(),
                    channels: file.channels(),
                };
                let (audio, rest) = decode(file)?;
                Self {
                    format,
                    audio,
                    rest,
                }
            }
        };
        if opened.audio.is_empty() {
            return Err(Error::invalid("clip", "no audio", "at least 1 sample"));
        }
        Ok(opened)
    }
}

fn check_duration(bytes: usize, format: PcmFormat, limit: Duration) -> Result<(), Error> {
    let frames = bytes / format.frame_bytes();
    if Duration::from_secs_f64(frames as f64 / f64::from(format.sample_rate.hz())) > limit {
        return Err(of_file(FeatureError::TooLong { limit }));
    }
    Ok(())
}

/// The next piece of a file as f32le, and the file unless that was its end.
fn decode(mut file: AudioFile) -> Result<(Bytes, Option<AudioFile>), Error> {
    let mut audio = Vec::new();
    let mut samples = Vec::new();
    while audio.len() < PIECE * size_of::<f32>() {
        if !file.read(&mut samples).map_err(of_file)? {
            return Ok((audio.into(), None));
        }
        audio.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    Ok((audio.into(), Some(file)))
}

/// Names what is wrong with a file, or with the audio in it.
fn of_file(source: FeatureError) -> Error {
    let what = match source {
        FeatureError::TooLong { .. } | FeatureError::NotFinite { .. } => "clip",
        _ => "clip.file",
    };
    Error::Audio { what, source }
}

/// Runs what takes longer than an async worker may be kept, on the account of recordings.
async fn off_the_workers<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let pressure = Arc::clone(context.admission.pressure());
    tokio::task::spawn_blocking(move || pressure.on_bulk(work))
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
}
