//! Spans, made by hand rather than of `tracing`'s: they begin where a chunk or a row
//! was, not where code runs, they link batches with rows, and they don't depend on
//! what is logged.
//!
//! ```text
//! ser.v1.SpeechEmotion/StreamingRecognize      the call, a child of the client's span
//! ├ start                                      until the config is accepted
//! └ window                                     from its last chunk to its result
//!   ├ queue                                    the row's wait for its batch
//!   ├ batch                                    links to the windows in it, and they to it
//!   │ └ infer                                  one call of the model
//!   └ decide
//! ```
//!
//! A batch has one parent, its first window that is traced. A call's span is sent when
//! it ends, which may be hours later; `start` and the windows are sent at once, so
//! that an open stream can be seen. None holds audio, features, labels or scores.

mod batch;
mod call;
mod parent;
mod window;

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use opentelemetry::{
    Context,
    trace::{Span as _, SpanBuilder, SpanKind, TraceContextExt, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use tonic::metadata::MetadataMap;

pub(crate) use batch::BatchSpan;
pub(crate) use call::{CallSpan, Service};
pub use window::WindowSpan;

/// Makes spans, if the operator wants any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracer {
    on: Option<Arc<On>>,
}

#[derive(Debug)]
struct On {
    tracer: SdkTracer,
    window_ratio: f64,
}

impl Tracer {
    pub(super) fn new(tracer: SdkTracer, window_ratio: f64) -> Self {
        Self {
            on: Some(Arc::new(On {
                tracer,
                window_ratio,
            })),
        }
    }

    /// The span of a call that came with `metadata`, if it is to be traced.
    pub(crate) fn call(&self, service: Service, metadata: &MetadataMap) -> Option<Arc<CallSpan>> {
        let on = self.on.as_ref()?;
        let builder = SpanBuilder::from_name(service.span_name())
            .with_kind(SpanKind::Server)
            .with_attributes(service.attributes());
        let span = on.tracer.build_with_context(builder, &parent::of(metadata));
        span.span_context()
            .is_sampled()
            .then(|| Arc::new(CallSpan::new(Arc::clone(on), span)))
    }
}

impl On {
    /// A span within that of `parent`, since `began`.
    fn child(&self, name: &'static str, parent: &Context, began: SystemTime) -> Span {
        let builder = SpanBuilder::from_name(name).with_start_time(began);
        self.tracer.build_with_context(builder, parent)
    }
}

/// What children find their parent in.
fn context(span: Span) -> Context {
    Context::new().with_span(span)
}

/// The time of day at `instant`.
fn at(instant: Instant) -> SystemTime {
    SystemTime::now() - instant.elapsed()
}
