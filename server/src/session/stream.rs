//! The task of one stream.

use std::{future::ready, pin::pin, sync::Arc, time::Duration};

use opentelemetry::context::FutureExt;
use prost::bytes::Bytes;
use ser_proto::v1::{
    GoAwayCode, StreamingConfig, StreamingRecognizeRequest, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use tracing::{Instrument, debug, field::Empty, info_span};

use super::{
    Recognition,
    account::Account,
    go_away::go_away,
    messages,
    recognizer::{Event, Recognizer},
    record::Record,
    request,
    responses::{ResponseStream, Responses},
    resume,
};
use crate::{
    Error,
    admission::{Caller, StreamPermit},
    context::Context,
    shutdown::{Drain, Work},
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
    let patience = context.limits.idle;
    let open = account.principal().stream_opened();
    let record = Record::stream(&context.metrics, open, traced.clone());
    Responses::begin(patience, record, |responses, last_word| {
        let drain = context.drain.clone();
        let session = Session {
            _open: drain.work(),
            context,
            permit,
            account,
            id,
            drain,
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
    })
}

/// A place among the open streams, once there are models and until the server stops.
fn admit(context: &Context, caller: &Caller) -> Result<StreamPermit, Error> {
    context.models()?;
    context.admission.stream(caller)
}

struct Session<R> {
    /// A server that stops waits for it.
    _open: Work,
    context: Arc<Context>,
    /// The stream's place among the open ones, free again when the task ends.
    permit: StreamPermit,
    account: Account,
    id: String,
    drain: Drain,
    requests: R,
    /// Requests received.
    seen: u64,
    responses: Responses,
}

impl<R: Requests> Session<R> {
    async fn run(mut self) -> Result<(), Status> {
        let config = self.first_request().await?;
        let recognition = validate(Arc::clone(&self.context), config).await?;
        let lanes = recognition.lanes();
        let context = &self.context;
        let begun = self.permit.begin(&context.admission, lanes);
        begun.inspect_err(|error| context.refused(error))?;
        debug!(
            model = recognition.model.id(),
            rate = recognition.format.sample_rate.hz(),
            lanes,
            results = recognition.position.results,
            "stream started"
        );
        if let Some(exact) = recognition.position.exact {
            self.context.metrics.stream_resumed(exact);
        }
        let started = messages::started(&recognition, self.id.clone());
        self.responses.send(Response::Started(started)).await?;
        self.account.started(&self.id, &recognition);
        let account = self.account.clone();
        let mut recognizer = Recognizer::new(recognition, "audio", account)?;
        self.listen(&mut recognizer).await?;
        for summary in recognizer.into_summaries() {
            self.responses.send(Response::Summary(summary)).await?;
        }
        Ok(())
    }

    /// Waits for the config.
    async fn first_request(&mut self) -> Result<StreamingConfig, Status> {
        let patience = self.context.limits.first_message;
        let expected = "config first";
        let request = tokio::select! {
            biased;
            _ = self.drain.begun() => return Err(Error::ShuttingDown.into()),
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
    async fn listen(&mut self, recognizer: &mut Recognizer) -> Result<(), Status> {
        let patience = self.context.limits.idle;
        let mut idle = pin!(sleep(patience));
        let mut must_end: Option<Instant> = None;
        // How the stream ends once everything is told; until then the client may
        // send.
        let mut end: Option<Result<(), Status>> = None;
        loop {
            if recognizer.is_idle()
                && let Some(end) = end
            {
                return end;
            }
            let listening = end.is_none() && recognizer.wants_audio();
            tokio::select! {
                biased;
                event = recognizer.next() => {
                    let response = match event? {
                        Event::Result(result, trail) => {
                            recognizer.told(&trail, self.responses.unblocked());
                            Response::Result(result)
                        }
                        Event::Warning(warning) => Response::Warning(warning),
                    };
                    self.responses.send(response).await?;
                }
                () = sleep_until(must_end.unwrap_or_else(Instant::now)), if must_end.is_some() => {
                    return Err(Error::ShuttingDown.into());
                }
                () = ready(()), if recognizer.can_step() => {
                    if let Err(error) = recognizer.step().await {
                        end = Some(Err(error.into()));
                    }
                }
                deadline = self.drain.begun(), if must_end.is_none() => {
                    must_end = Some(deadline);
                    let time_left = deadline.saturating_duration_since(Instant::now());
                    let told = go_away(GoAwayCode::ShuttingDown, time_left);
                    self.responses.send(Response::GoAway(told)).await?;
                }
                request = self.requests.next(), if listening => {
                    end = self.take(request, recognizer);
                }
                () = &mut idle, if listening => {
                    end = Some(Err(idle_too_long(patience).into()));
                }
            }
            idle.as_mut().reset(Instant::now() + patience);
        }
    }

    /// Takes a request after the first. Returns how the stream ends, if this
    /// ends it.
    fn take(
        &mut self,
        request: Option<Result<StreamingRecognizeRequest, Status>>,
        recognizer: &mut Recognizer,
    ) -> Option<Result<(), Status>> {
        self.seen += 1;
        match request {
            None => Some(recognizer.finish().map_err(Status::from)),
            Some(Err(status)) => Some(Err(status)),
            Some(Ok(request)) => match self.audio(request) {
                Ok(chunk) => {
                    recognizer.feed(chunk);
                    None
                }
                Err(error) => Some(Err(error.into())),
            },
        }
    }

    fn audio(&self, request: StreamingRecognizeRequest) -> Result<Bytes, Error> {
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
            Some(Request::Audio(chunk)) => Ok(chunk),
            Some(Request::Config(_)) => refuse("config", "audio, the config was sent already"),
            Some(Request::Muted(_)) => refuse("muted", "audio"),
            None => refuse("neither config nor audio", "audio"),
        }
    }
}

/// Validates the config. That may build tables for a new sample rate, which takes
/// longer than an async worker may be kept.
async fn validate(context: Arc<Context>, config: StreamingConfig) -> Result<Recognition, Error> {
    tokio::task::spawn_blocking(move || {
        let audio = config
            .audio
            .ok_or_else(|| request::no_format("config.audio"))?;
        let format = request::format(&audio, "config.audio")?;
        let pace = request::pace(config.pace).map_err(|error| error.within("config"))?;
        let options = config.options.unwrap_or_default();
        if config.resume.is_some() {
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
    })
    .await
    .map_err(|error| Error::Internal(error.to_string()))?
}

fn idle_too_long(after: Duration) -> Error {
    Error::TooLate {
        field: "audio",
        seen: "none",
        after,
        expected: "audio or half-close",
    }
}
