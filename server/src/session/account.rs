//! Whom the work on a stream or a clip is written down for.

use std::sync::Arc;

use opentelemetry::KeyValue;
use prost::bytes::Bytes;
use tonic::Code;

use super::Recognition;
use crate::{
    auth::Principal,
    batcher::Pace,
    context::Context,
    telemetry::{CallSpan, PrincipalMetrics},
};

/// Whom the work on a stream or a clip is written down for: a principal, and a span if
/// the call is traced.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    principal: Arc<PrincipalMetrics>,
    span: Option<Arc<CallSpan>>,
}

impl Account {
    /// Of a call of `principal`.
    pub(crate) fn new(
        context: &Context,
        principal: &Principal,
        span: Option<Arc<CallSpan>>,
    ) -> Self {
        if let Some(span) = &span {
            span.describe([KeyValue::new("principal", principal.to_string())]);
        }
        Self {
            principal: context.metrics.principal(principal),
            span,
        }
    }

    /// What is measured of the principal.
    pub(super) fn principal(&self) -> &PrincipalMetrics {
        &self.principal
    }

    /// The call's span.
    pub(crate) fn span(&self) -> Option<&Arc<CallSpan>> {
        self.span.as_ref()
    }

    /// What the client asked for is accepted.
    pub(super) fn started(&self, id: &str, recognition: &Recognition) {
        let Some(span) = &self.span else { return };
        let format = recognition.format;
        let pace = match recognition.pace {
            Pace::Live => "live",
            Pace::Bulk => "bulk",
        };
        span.started(vec![
            KeyValue::new("stream_id", id.to_owned()),
            KeyValue::new("model", recognition.model.id().to_owned()),
            KeyValue::new("sample_rate", i64::from(format.sample_rate.hz())),
            KeyValue::new("channels", format.channels.get() as i64),
            KeyValue::new("pace", pace),
        ]);
    }

    /// A chunk arrived.
    pub(super) fn audio_received(&self, chunk: &Bytes, recognition: &Recognition) {
        let format = recognition.format;
        let frames = chunk.len() as f64 / format.frame_bytes() as f64;
        let seconds = frames / f64::from(format.sample_rate.hz()) * recognition.lanes() as f64;
        self.principal.audio_received(chunk.len(), seconds);
    }

    /// The call is answered, and leaves no record of its own.
    pub(crate) fn end(&self, code: Code) {
        if let Some(span) = &self.span {
            span.end(code);
        }
    }
}
