//! `SpeechEmotionClips`: whole recordings.

use std::{convert::Infallible, future::Future, sync::Arc};

use ser_proto::v1::{
    RecognizeRequest, RecognizeResponse,
    speech_emotion_clips_server::{SpeechEmotionClips, SpeechEmotionClipsServer},
};
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codegen::{self, BoxFuture, http},
    server::NamedService,
};

use crate::{admission::Caller, context::Context, session, telemetry};

/// The largest clip.
const LARGEST_REQUEST: usize = 16 << 20;

/// The service, within the limits on clips.
pub(super) fn service(context: &Arc<Context>) -> Admission<SpeechEmotionClipsServer<Service>> {
    let service = Service {
        context: Arc::clone(context),
    };
    Admission {
        context: Arc::clone(context),
        inner: SpeechEmotionClipsServer::new(service).max_decoding_message_size(LARGEST_REQUEST),
    }
}

#[derive(Debug)]
pub(super) struct Service {
    context: Arc<Context>,
}

#[tonic::async_trait]
impl SpeechEmotionClips for Service {
    async fn recognize(
        &self,
        request: Request<RecognizeRequest>,
    ) -> Result<Response<RecognizeResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let context = Arc::clone(&self.context);
        let span =
            (context.tracer).call(telemetry::Service::SpeechEmotionClips, request.metadata());
        let clip = session::recognize_clip(context, caller, span, request.into_inner());
        Ok(Response::new(clip.await?))
    }
}

/// Admits a clip before its bytes are read: the service within sees a request only
/// when all of it is in memory.
#[derive(Clone, Debug)]
pub(super) struct Admission<S> {
    context: Arc<Context>,
    inner: S,
}

impl<S> codegen::Service<http::Request<Body>> for Admission<S>
where
    S: codegen::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Future<Output = Result<S::Response, Infallible>> + Send + 'static,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<S::Response, Infallible>;

    fn poll_ready(
        &mut self,
        context: &mut codegen::Context<'_>,
    ) -> codegen::Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let context = Arc::clone(&self.context);
        let answer = self.inner.call(request);
        Box::pin(async move {
            session::admit_clip(&context, answer, code)
                .await
                .unwrap_or_else(|error| Ok(Status::from(error).into_http()))
        })
    }
}

/// How an answer ends: what fails has its status in the headers.
fn code(answer: &Result<http::Response<Body>, Infallible>) -> Code {
    let failed = match answer {
        Ok(response) => Status::from_header_map(response.headers()),
        Err(never) => match *never {},
    };
    failed.map_or(Code::Ok, |status| status.code())
}

impl<S: NamedService> NamedService for Admission<S> {
    const NAME: &'static str = S::NAME;
}
