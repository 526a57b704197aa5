//! A client of one stream.

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use prost::bytes::Bytes;
use ser_proto::v1::{
    StreamingConfig, StreamingRecognizeRequest, streaming_recognize_request::Request,
};
use ser_server::{
    Error,
    fuzzing::{Responses, Sessions},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::{clock, said::Said, server::Small};

/// Requests that may wait for a session that doesn't listen, as HTTP/2 lets them.
const WINDOW: usize = 8;

/// How often a client looks again before it gives up. In so many seconds all audio of an
/// input is over, even where it is held back to the speed of speech.
const PATIENCE: u32 = 600;

/// A client of one stream.
pub struct Client {
    requests: Option<mpsc::Sender<Result<StreamingRecognizeRequest, Status>>>,
    responses: Responses,
    /// What it has heard.
    pub said: Said,
    /// The audio that it has sent.
    pub audio: Vec<u8>,
    configured: bool,
}

impl Client {
    /// Opens a stream.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn open(sessions: &Sessions) -> Result<Self, Error> {
        let (requests, receiver) = mpsc::channel(WINDOW);
        let responses = sessions.open(ReceiverStream::new(receiver))?;
        Ok(Self {
            requests: Some(requests),
            responses,
            said: Said::default(),
            audio: Vec::new(),
            configured: false,
        })
    }

    /// Sends a config.
    pub fn configure(&mut self, config: StreamingConfig) {
        let said = Said::of(&config);
        if self.send(Some(Request::Config(config))) && !self.configured {
            self.said = said;
            self.configured = true;
        }
    }

    /// Sends audio, if there is room for it. Whether there was.
    pub fn speak(&mut self, audio: Vec<u8>) -> bool {
        let sent = self.send(Some(Request::Audio(Bytes::copy_from_slice(&audio))));
        if sent {
            self.audio.extend(audio);
        }
        sent
    }

    /// Sends a request, if there is room for it. Whether there was.
    pub fn send(&mut self, request: Option<Request>) -> bool {
        self.push(Ok(StreamingRecognizeRequest { request }))
    }

    /// Lets the transport fail.
    pub fn fail(&mut self) {
        self.push(Err(Status::cancelled("the client is gone")));
    }

    fn push(&mut self, request: Result<StreamingRecognizeRequest, Status>) -> bool {
        let requests = self.requests.as_ref();
        requests.is_some_and(|requests| requests.try_send(request).is_ok())
    }

    /// Says that nothing more comes.
    pub fn half_close(&mut self) {
        self.requests = None;
    }

    /// Reads what is there.
    pub fn read(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while self.said.is_open()
            && let Poll::Ready(response) = self.responses.as_mut().poll_next(&mut context)
        {
            self.said.hear(response);
        }
    }

    /// Reads on until the stream has ended.
    ///
    /// # Panics
    ///
    /// When it doesn't end.
    pub async fn read_to_end(&mut self, small: &Small) {
        for _ in 0..PATIENCE {
            self.read();
            if !self.said.is_open() {
                return;
            }
            clock::pass(small, Duration::from_secs(1)).await;
        }
        panic!("it doesn't end: {:?}", self.said);
    }

    /// A whole stream, whose audio goes out as fast as the server listens.
    ///
    /// # Panics
    ///
    /// When it is refused before its config, or doesn't end.
    pub async fn whole(
        small: &Small,
        sessions: &Sessions,
        config: StreamingConfig,
        audio: &[u8],
    ) -> Said {
        let mut client = Self::open(sessions).expect("a place");
        client.configure(config);
        for chunk in audio.chunks(16_000) {
            for _ in 0..PATIENCE {
                if !client.said.is_open() || client.speak(chunk.to_vec()) {
                    break;
                }
                clock::pass(small, Duration::from_secs(1)).await;
                client.read();
            }
        }
        client.half_close();
        client.read_to_end(small).await;
        client.said
    }
}
