//! `SpeechEmotionClips`: whole recordings.

use std::sync::Arc;

use ser_proto::v1::{
    RecognizeRequest, RecognizeResponse,
    speech_emotion_clips_server::{SpeechEmotionClips, SpeechEmotionClipsServer},
};
use tonic::{Request, Response, Status};

use super::clip_gate::{ClipGate, LARGEST_CLIP_REQUEST};
use crate::{admission::ClipPermit, context::Context, session, telemetry};

/// The service, within the limits on clips.
pub(super) fn service(context: &Arc<Context>) -> ClipGate<SpeechEmotionClipsServer<Service>> {
    let service = Service {
        context: Arc::clone(context),
    };
    let service =
        SpeechEmotionClipsServer::new(service).max_decoding_message_size(LARGEST_CLIP_REQUEST);
    ClipGate::new(context, service)
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
        let permit = ClipPermit::of(request.extensions())?;
        let context = Arc::clone(&self.context);
        let span =
            (context.tracer).call(telemetry::Service::SpeechEmotionClips, request.metadata());
        let clip = session::recognize_clip(context, permit, span, request.into_inner());
        Ok(Response::new(clip.await?))
    }
}
