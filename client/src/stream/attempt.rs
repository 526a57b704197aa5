//! One call to one server.

use std::{future::ready, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use ser_proto::v1::{
    StreamStarted, StreamingConfig, StreamingRecognizeRequest, StreamingRecognizeResponse,
    speech_emotion_client::SpeechEmotionClient, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::time::{Instant, sleep};
use tokio_stream::Stream;
use tonic::Streaming;

use super::kept::{Hold, Kept, Reader};
use crate::{Error, Timeouts, connection::Connection};

/// A call that the server has accepted. Dropping it cancels the call.
#[derive(Debug)]
pub(super) struct Attempt {
    /// What was accepted: model and effective configuration are always present.
    pub(super) started: StreamStarted,
    /// When that was.
    pub(super) since: Instant,
    connection: Connection,
    responses: Streaming<StreamingRecognizeResponse>,
    kept: Arc<Kept>,
    _hold: Hold,
    /// Which result comes next.
    sequence: u64,
    silence: Duration,
    heard: Instant,
}

/// Sends `config` on `connection`, resumed where `kept` has come to if there is anything
/// to resume, and waits for the server to accept it.
pub(super) async fn open(
    connection: Connection,
    timeouts: Timeouts,
    mut config: StreamingConfig,
    resumes: bool,
    kept: Arc<Kept>,
) -> Result<Attempt, Error> {
    let (resume, reader, hold) = kept.reader();
    let sequence = resume.results;
    if resumes {
        config.resume = Some(resume);
    }
    let mut service = SpeechEmotionClient::new(connection.channel());
    let opening = async {
        let requests = requests(config, reader);
        let mut call = service.streaming_recognize(requests).await?;
        let first = call.get_mut().message().await?;
        Ok(tonic::Response::new((first, call.into_inner())))
    };
    let (first, responses) = connection.answer(timeouts.answer, opening).await?;
    let started = match first.and_then(|first| first.response) {
        Some(Response::Started(started))
            if started.model.is_some() && started.effective.is_some() =>
        {
            started
        }
        _ => return Err(connection.protocol_error("something else", "the start of the stream")),
    };
    let now = Instant::now();
    Ok(Attempt {
        started,
        since: now,
        connection,
        responses,
        kept,
        _hold: hold,
        sequence,
        silence: timeouts.silence,
        heard: now,
    })
}

/// Everything that is sent.
fn requests(
    config: StreamingConfig,
    reader: Reader,
) -> impl Stream<Item = StreamingRecognizeRequest> + Send + 'static {
    let audio = stream::unfold(reader, |mut reader| async move {
        reader.next().await.map(|request| (request, reader))
    });
    stream::once(ready(Request::Config(config)))
        .chain(audio)
        .map(|request| StreamingRecognizeRequest {
            request: Some(request),
        })
}

impl Attempt {
    /// How messages call the server.
    pub(super) fn server(&self) -> &str {
        self.connection.server()
    }

    /// What the server says next, or `None` at its end. Cancelling a call loses nothing.
    ///
    /// # Errors
    ///
    /// The status that ended the call; [`Error::Silent`] when nothing comes while the
    /// server owes something; [`Error::Protocol`].
    pub(super) async fn next(&mut self) -> Result<Option<Response>, Error> {
        let response = tokio::select! {
            biased;
            response = self.responses.message() => response,
            () = silence(&self.kept, self.heard, self.silence) => {
                return Err(self.connection.silence(self.silence));
            }
        };
        self.heard = Instant::now();
        let Some(response) = response.map_err(|status| self.connection.failure(&status))? else {
            return Ok(None);
        };
        match &response.response {
            Some(Response::Started(_)) => return Err(self.unexpected("a second start", "results")),
            None => return Err(self.unexpected("an empty response", "results")),
            Some(Response::Result(result)) => self.in_order(result.sequence)?,
            Some(_) => {}
        }
        Ok(response.response)
    }

    /// Whoever reads was busy with something else: the server isn't silent yet.
    pub(super) fn listen_anew(&mut self) {
        self.heard = Instant::now();
    }

    /// The server stops within `time_left`: nothing else begins there.
    pub(super) fn stops(&self, time_left: Duration) {
        self.connection.rest(time_left);
    }

    pub(super) fn unexpected(&self, got: &'static str, expected: &'static str) -> Error {
        self.connection.protocol_error(got, expected)
    }

    /// Neither a server nor a proxy may repeat a result, or leave one out.
    fn in_order(&mut self, sequence: u64) -> Result<(), Error> {
        if sequence < self.sequence {
            return Err(self.unexpected("a result that it gave before", "the next result"));
        }
        if sequence > self.sequence {
            return Err(self.unexpected("a result that leaves others out", "the next result"));
        }
        self.sequence += 1;
        Ok(())
    }
}

/// Ready when the server has owed something for `limit`, and said nothing. While there is
/// nothing to be sent, it may have nothing to say for as long as it likes.
async fn silence(kept: &Kept, heard: Instant, limit: Duration) {
    loop {
        // What it begins to owe meanwhile is due later than this looks again.
        let left = match kept.waiting_since() {
            None => limit,
            Some(since) => limit.saturating_sub(since.max(heard).elapsed()),
        };
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}
