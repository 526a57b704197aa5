//! `SpeechEmotionClips`: whole recordings.

use std::sync::Arc;

use ser_proto::v1::{
    RecognizeRequest, RecognizeResponse, speech_emotion_clips_server::SpeechEmotionClips,
};
use tonic::{Request, Response, Status};

use crate::{context::Context, session};

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
impl SpeechEmotionClips for Service {
    async fn recognize(
        &self,
        request: Request<RecognizeRequest>,
    ) -> Result<Response<RecognizeResponse>, Status> {
        let clip = session::recognize_clip(Arc::clone(&self.context), request.into_inner());
        Ok(Response::new(clip.await?))
    }
}
