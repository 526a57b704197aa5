//! The span of a stream or a clip.

use std::{sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, Status, TraceContextExt},
};
use opentelemetry_sdk::trace::Span;
use tonic::Code;

use super::{On, WindowSpan, context};
use crate::telemetry::code_name;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// A stream.
    SpeechEmotion,
    /// A clip.
    SpeechEmotionClips,
    /// Clips or rows of clients of other servers.
    Inference,
}

impl Service {
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SpeechEmotion => (
                "ser.v1.SpeechEmotion/StreamingRecognize",
                "ser.v1.SpeechEmotion",
                "StreamingRecognize",
            ),
            Self::SpeechEmotionClips => (
                "ser.v1.SpeechEmotionClips/Recognize",
                "ser.v1.SpeechEmotionClips",
                "Recognize",
            ),
            Self::Inference => (
                "inference.GRPCInferenceService/ModelInfer",
                "inference.GRPCInferenceService",
                "ModelInfer",
            ),
        }
    }

    pub(super) fn span_name(self) -> &'static str {
        self.names().0
    }

    pub(super) fn attributes(self) -> [KeyValue; 3] {
        let (_, service, method) = self.names();
        [
            KeyValue::new("rpc.system", "grpc"),
            KeyValue::new("rpc.service", service),
            KeyValue::new("rpc.method", method),
        ]
    }
}

/// The span of a stream or a clip. Ends when nothing holds it any more, if not before.
#[derive(Debug)]
pub(crate) struct CallSpan {
    on: Arc<On>,
    context: Context,
    began: SystemTime,
}

impl CallSpan {
    pub(super) fn new(on: Arc<On>, span: Span) -> Self {
        Self {
            on,
            context: context(span),
            began: SystemTime::now(),
        }
    }

    /// What log lines of the call find its ids in.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// As it is written everywhere, in hexadecimal.
    pub(crate) fn trace_id(&self) -> String {
        self.context.span().span_context().trace_id().to_string()
    }

    /// Says more of the call.
    pub(crate) fn describe(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        self.context.span().set_attributes(attributes);
    }

    /// The config is accepted, as `attributes` say.
    pub(crate) fn started(&self, attributes: Vec<KeyValue>) {
        let mut start = self.on.child("start", &self.context, self.began);
        start.set_attributes(attributes.iter().cloned());
        start.end();
        self.describe(attributes);
    }

    /// The span of a window that became computable at `computable`, if it is to be
    /// traced.
    pub(crate) fn window(&self, computable: std::time::Instant) -> Option<WindowSpan> {
        (rand::random::<f64>() < self.on.window_ratio).then(|| {
            let span = self
                .on
                .child("window", &self.context, super::at(computable));
            WindowSpan::new(Arc::clone(&self.on), span)
        })
    }

    /// The call ends.
    pub(crate) fn end(&self, code: Code) {
        let span = self.context.span();
        span.set_attribute(KeyValue::new("rpc.grpc.status_code", code as i64));
        if is_the_servers(code) {
            span.set_status(Status::error(code_name(code)));
        }
        span.end();
    }
}

/// Whether a server is to blame, as OpenTelemetry's conventions for gRPC say.
fn is_the_servers(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
