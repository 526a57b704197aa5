//! `grpc.health.v1.Health`: whether the server is ready.

use std::sync::Arc;

use ser_proto::{
    inference::grpc_inference_service_server::SERVICE_NAME as INFERENCE,
    v1::{
        models_server::SERVICE_NAME as MODELS,
        speech_emotion_clips_server::SERVICE_NAME as SPEECH_EMOTION_CLIPS,
        speech_emotion_server::SERVICE_NAME as SPEECH_EMOTION,
    },
};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::{HealthReporter, health_reporter},
};

use super::LARGEST_NAME_REQUEST;
use crate::telemetry::Metrics;

/// What the health service answers for: the server as a whole, and each service.
const SERVICES: [&str; 5] = ["", SPEECH_EMOTION, SPEECH_EMOTION_CLIPS, MODELS, INFERENCE];

/// Tells the health service whether the server is ready.
#[derive(Debug)]
pub(crate) struct Readiness {
    reporter: HealthReporter,
    metrics: Arc<Metrics>,
}

impl Readiness {
    /// A server that isn't ready yet, with its health service.
    pub(crate) async fn not_ready(
        metrics: &Arc<Metrics>,
    ) -> (Self, HealthServer<impl Health + use<>>) {
        let (reporter, service) = health_reporter();
        let readiness = Self {
            reporter,
            metrics: Arc::clone(metrics),
        };
        // The reporter begins by calling the server as a whole ready.
        readiness.set(false).await;
        // It is open to whoever has no credentials.
        (
            readiness,
            service.max_decoding_message_size(LARGEST_NAME_REQUEST),
        )
    }

    /// Whether new streams are welcome.
    pub(crate) async fn set(&self, ready: bool) {
        self.metrics.ready(ready);
        let status = if ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in SERVICES {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
