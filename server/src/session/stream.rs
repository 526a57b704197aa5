//! The task of one stream.

use std::sync::Arc;

use opentelemetry::context::FutureExt;
use prost::bytes::Bytes;
use ser_proto::v1::{
    StreamingConfig, StreamingRecognizeRequest, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use tracing::{Instrument, debug, field::Empty, info, info_span};

use super::{
    Recognition,
    account::Account,
    ending::{End, Ending},
    hearing::Hearing,
    messages,
    recognizer::{Event, Recognizer},
    record::Record,
    request,
    responses::{ResponseStream, Responses},
    resume,
    silence::Silence,
    turn::Turn,
};
use crate::{
    Error,
    admission::{Caller, SharedPermit},
    context::Context,
    shutdown::Work,
    telemetry::CallSpan,
};

/// The requests of one client.
pub(crate) trait Requests:
    Stream<Item = Result<StreamingRecognizeRequest, Status>> + Send + Unpin + 'static
{
}

impl<S> Requests for S where
    S: Stream<Item = Result<StreamingRecognizeRequest, Status>> + Send + Unpin + 'static
{
}

/// Opens a stream: starts its task, which ends when what this returns is dropped.
///
/// # Errors
///
/// [`Error::TooMany`], [`Error::Loading`] and [`Error::ShuttingDown`].
pub(crate) fn open(
    context: Arc<Context>,
    caller: Caller,
    span: Option<Arc<CallSpan>>,
    requests: impl Requests,
) -> Result<ResponseStream, Error> {
    let account = Account::new(&context, &caller.principal, span);
    let permit = admit(&context, &caller).inspect_err(|error| {
        context.refused(error);
        account.end(error.code());
    })?;
    let id = format!("{:016x}", rand::random::<u64>());
    let principal = &caller.principal;
    let log = info_span!("stream", id, %principal, trace_id = Empty);
    let traced = account.span().cloned();
    if let Some(span) = &traced {
        log.record("trace_id", span.trace_id());
    }
    let open = account.principal().stream_opened();
    let record = Record::stream(&context.metrics, open, traced.clone());
    let places = permit.clone();
    let sharing = Arc::clone(&context);
    Responses::begin(
        &sharing,
        record,
        places,
        |responses, farewell, last_word| {
            let ending = Ending::new(
                context.drain.clone(),
                context.limits.stream_age,
                context.grace,
                farewell,
            );
            let session = Session {
                _open: context.drain.work(),
                context,
                permit,
                account,
                id,
                ending,
                requests,
                seen: 0,
                responses,
            };
            let task = async move {
                last_word.say(session.run().await);
            };
            let task = task.instrument(log);
            match traced {
                // So that log lines carry its ids.
                Some(span) => tokio::spawn(task.with_context(span.context())),
                None => tokio::spawn(task),
            }
        },
    )
}

/// A place among the open streams, once there are models and until the server stops.
fn admit(context: &Context, caller: &Caller) -> Result<SharedPermit, Error> {
    context.models()?;
    context.admission.stream(caller).map(SharedPermit::new)
}

struct Session<R> {
    /// A server that stops waits for it.
    _open: Work,
    context: Arc<Context>,
    /// The stream's place among the open ones, free again when the task ends.
    permit: SharedPermit,
    account: Account,
    id: String,
    ending: Ending,
    requests: R,
    /// Requests received.
    seen: u64,
    responses: Responses,
}

impl<R: Requests> Session<R> {
    async fn run(mut self) -> Result<(), Status> {
        let config = self.first_request().await?;
        let resumed = config.resume.clone();
        let context = &self.context;
        let recognition = validate(Arc::clone(context), config).await;
        let recognition = recognition.inspect_err(|error| context.refused(error))?;
        let lanes = recognition.lanes();
        let begun = self
            .permit
            .begin(&context.admission, lanes, recognition.pace);
        begun.inspect_err(|error| context.refused(error))?;
        let model = recognition.model.id();
        let rate = recognition.format.sample_rate.hz();
        debug!(model, rate, lanes, "stream started");
        if let Some(exact) = recognition.position.exact {
            self.resumed(recognition.position.results, exact);
        }
        let started = messages::started(&recognition, self.id.clone());
        self.send(Response::Started(started)).await?;
        let limits = &self.context.limits;
        let mut hearing = Hearing::new(
            limits,
            recognition.format,
            recognition.pace,
            resumed.as_ref(),
        );
        let turn = Turn::new(self.context.admission.pressure(), recognition.pace);
        self.account.started(&self.id, &recognition);
        let account = self.account.clone();
        let mut recognizer = Recognizer::new(recognition, "audio", account)?;
        self.listen(&mut recognizer, &mut hearing, turn).await?;
        for summary in recognizer.into_summaries() {
            self.send(Response::Summary(summary)).await?;
        }
        Ok(())
    }

    /// Writes down that the stream goes on with another after so many results.
    fn resumed(&self, results: u64, exact: bool) {
        self.context.metrics.stream_resumed(exact);
        match self.context.resumed_streams.line() {
            Some(untold) => info!(results, exact, untold, "stream resumed"),
            None => debug!(results, exact, "stream resumed"),
        }
    }

    /// Waits for the config.
    async fn first_request(&mut self) -> Result<StreamingConfig, Status> {
        let patience = self.context.limits.first_message;
        let mut drain = self.context.drain.clone();
        let expected = "config first";
        let request = tokio::select! {
            biased;
            _ = drain.begun() => return Err(Error::ShuttingDown.into()),
            request = timeout(patience, self.requests.next()) => request,
        }
        .map_err(|_| Error::TooLate {
            field: "request",
            seen: "none",
            after: patience,
            expected: "config",
        })?;
        self.seen = 1;
        match request.transpose()?.map(|request| request.request) {
            Some(Some(Request::Config(config))) => Ok(config),
            Some(Some(Request::Audio(_))) => Err(Error::invalid("request 1", "audio", expected)),
            Some(Some(Request::Muted(_))) => Err(Error::invalid("request 1", "muted", expected)),
            Some(None) => Err(Error::invalid(
                "request 1",
                "neither config nor audio",
                expected,
            )),
            None => Err(Error::invalid("request", "half-close", expected)),
        }
        .map_err(Status::from)
    }

    /// Takes audio and tells results until the client has half-closed and
    /// everything is told. Whatever ends the stream early, what was computable
    /// from the audio before it is told first.
    async fn listen(
        &mut self,
        recognizer: &mut Recognizer,
        hearing: &mut Hearing,
        mut turn: Turn,
    ) -> Result<(), Status> {
        let mut silence = Silence::new(&self.context.limits);
        // How the stream ends once everything is told; until then the client may
        // send.
        let mut end: Option<Result<(), Status>> = None;
        loop {
            if recognizer.is_idle()
                && let Some(end) = end
            {
                return end;
            }
            let hungry = end.is_none() && recognizer.wants_audio();
            let listening = hungry && hearing.is_due();
            tokio::select! {
                biased;
                event = recognizer.next() => {
                    let response = match event? {
                        Event::Result(result, trail) => {
                            if let Some(lag) = recognizer.told(&trail, self.responses.unblocked()) {
                                self.context.admission.pressure().told(lag);
                            }
                            Response::Result(result)
                        }
                        Event::Warning(warning) => Response::Warning(warning),
                    };
                    self.send(response).await?;
                }
                ended = self.ending.comes() => match ended {
                    End::Finish(error) => end = Some(end.unwrap_or(Err(error.into()))),
                    End::Stop(error) => return Err(error.into()),
                },
                () = turn.comes(), if recognizer.can_step() => {
                    if let Err(error) = recognizer.step().await {
                        end = Some(Err(error.into()));
                    }
                    turn.taken(recognizer.work_done());
                }
                // Until then flow control holds the client back.
                () = hearing.until_due(), if hungry && !listening => {}
                request = self.requests.next(), if listening => {
                    end = self.take(request, recognizer, hearing, &mut silence);
                }
                error = silence.too_long(), if listening => end = Some(Err(error.into())),
            }
            silence.restart();
        }
    }

    /// Sends a response as soon as there is room for it, which the end of the server
    /// doesn't wait for.
    async fn send(&mut self, response: Response) -> Result<(), Error> {
        tokio::select! {
            biased;
            sent = self.responses.send(response) => sent,
            error = self.ending.cuts() => Err(error),
        }
    }

    /// Takes a request after the first. Returns how the stream ends, if this
    /// ends it.
    fn take(
        &mut self,
        request: Option<Result<StreamingRecognizeRequest, Status>>,
        recognizer: &mut Recognizer,
        hearing: &mut Hearing,
        silence: &mut Silence,
    ) -> Option<Result<(), Status>> {
        self.seen += 1;
        match request {
            None => Some(recognizer.finish().map_err(Status::from)),
            Some(Err(status)) => Some(Err(status)),
            Some(Ok(request)) => match self.audio(request) {
                Ok(Some(chunk)) => {
                    if silence.is_muted() {
                        hearing.unmute();
                        silence.broken();
                    }
                    let (chunk, heard) = hearing.hear(chunk);
                    recognizer.feed(chunk);
                    heard.err().map(|error| Err(error.into()))
                }
                Ok(None) => {
                    silence.mute();
                    None
                }
                Err(error) => Some(Err(error.into())),
            },
        }
    }

    /// The audio in a request, or `None` from a client that has muted itself.
    fn audio(&self, request: StreamingRecognizeRequest) -> Result<Option<Bytes>, Error> {
        let (seen, limit) = (self.seen, self.context.limits.chunk_bytes);
        let refuse = |found: &str, expected: &str| {
            Err(Error::invalid(format!("request {seen}"), found, expected))
        };
        let size = |bytes: usize, expected: String| {
            Err(Error::invalid(
                "audio",
                format!("{bytes} bytes in request {seen}"),
                expected,
            ))
        };
        match request.request {
            Some(Request::Audio(chunk)) if chunk.is_empty() => size(0, "at least 1".to_owned()),
            Some(Request::Audio(chunk)) if chunk.len() > limit => {
                size(chunk.len(), format!("at most {limit}"))
            }
            Some(Request::Audio(chunk)) => Ok(Some(chunk)),
            Some(Request::Config(_)) => refuse("config", "audio, the config was sent already"),
            Some(Request::Muted(_)) => Ok(None),
            None => refuse("neither config nor audio", "audio"),
        }
    }
}

/// Validates the config. That may build tables for a new sample rate, which takes
/// longer than an async worker may be kept.
async fn validate(context: Arc<Context>, config: StreamingConfig) -> Result<Recognition, Error> {
    tokio::task::spawn_blocking(move || accept(&context, config))
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
}

/// What a stream with this config works with.
///
/// # Errors
///
/// Everything that `speech_emotion.proto` names of the config.
pub(crate) fn accept(context: &Context, config: StreamingConfig) -> Result<Recognition, Error> {
    let audio = config
        .audio
        .ok_or_else(|| request::no_format("config.audio"))?;
    let format = request::format(&audio, "config.audio")?;
    let pace = request::pace(config.pace).map_err(|error| error.within("config"))?;
    let options = config.options.unwrap_or_default();
    if config
        .resume
        .as_ref()
        .is_some_and(|resume| resume.results > 0)
    {
        resume::check_model(&options).map_err(|error| error.within("config.options"))?;
    }
    let recognition = Recognition::new(context.models()?, format, &options, pace)
        .map(|recognition| recognition.streamed(config.checkpoints))
        .map_err(|error| error.within("config.options"));
    match config.resume {
        None => recognition,
        Some(resume) => recognition
            .map_err(Error::while_resuming)?
            .resumed(&resume)
            .map_err(|error| error.within("config.resume")),
    }
}
