//! `SpeechEmotion`: streams.

use std::sync::Arc;

use ser_proto::v1::{StreamingRecognizeRequest, speech_emotion_server::SpeechEmotion};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    admission::Caller,
    context::Context,
    session::{self, ResponseStream},
    telemetry,
};

#[derive(Debug)]
pub(super) struct Service {
    context: Arc<Context>,
}

impl Service {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl SpeechEmotion for Service {
    type StreamingRecognizeStream = ResponseStream;

    async fn streaming_recognize(
        &self,
        request: Request<Streaming<StreamingRecognizeRequest>>,
    ) -> Result<Response<ResponseStream>, Status> {
        let caller = Caller::of(request.extensions());
        let context = Arc::clone(&self.context);
        let span = (context.tracer).call(telemetry::Service::SpeechEmotion, request.metadata());
        let responses = session::open(context, caller, span, request.into_inner())?;
        Ok(Response::new(responses))
    }
}
