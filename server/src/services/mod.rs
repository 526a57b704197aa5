//! The gRPC services: thin, so that what they do can be read in one place.

mod admin;
mod clip_gate;
mod clips;
mod health;
mod inference;
mod logging;
mod models;
mod reflection;
mod speech_emotion;

use std::sync::Arc;

use ser_proto::v1::{
    FILE_DESCRIPTOR_SET, models_server::ModelsServer, speech_emotion_server::SpeechEmotionServer,
};
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::{Error, context::Context};

use inference::Listener;

pub(crate) use admin::routes as admin_routes;
pub(crate) use clip_gate::LARGEST_CLIP_REQUEST;
pub(crate) use health::Readiness;
#[cfg(feature = "fuzzing")]
pub(crate) use inference::infer;

/// The largest request of a stream: a chunk of 128 KiB, with room for operators
/// who allow more.
pub(crate) const LARGEST_CHUNK_REQUEST: usize = 256 << 10;
/// Methods whose requests carry audio, or features of it. They admit and limit their calls
/// themselves.
const HEARING: [&str; 3] = [
    "/ser.v1.SpeechEmotion/StreamingRecognize",
    "/ser.v1.SpeechEmotionClips/Recognize",
    "/inference.GRPCInferenceService/ModelInfer",
];

/// Whether the method at `path` is one of them.
pub(crate) fn hears_audio(path: &str) -> bool {
    HEARING.contains(&path)
}

/// The largest request that carries a name at most.
const LARGEST_NAME_REQUEST: usize = 4 << 10;

/// Every service of the server but the admin service.
///
/// # Errors
///
/// [`Error::Internal`] when this build holds broken descriptors.
pub(crate) fn routes(
    context: &Arc<Context>,
    health: HealthServer<impl Health>,
) -> Result<Routes, Error> {
    let routes = Routes::new(health)
        .add_service(
            SpeechEmotionServer::new(speech_emotion::Service::new(Arc::clone(context)))
                .max_decoding_message_size(LARGEST_CHUNK_REQUEST),
        )
        .add_service(clips::service(context))
        .add_service(inference::service(context, Listener::Main))
        .add_service(
            ModelsServer::new(models::Service::new(Arc::clone(context)))
                .max_decoding_message_size(LARGEST_NAME_REQUEST),
        );
    reflection::beside(
        routes,
        &[
            FILE_DESCRIPTOR_SET,
            ser_proto::inference::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ],
    )
}
