//! The span of a window, from the chunk that completes it to its result.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{Context, KeyValue, trace::TraceContextExt};
use opentelemetry_sdk::trace::Span;

use super::{On, context};

/// The span of a window. Clones are the same span; it ends when the last is dropped.
#[derive(Clone, Debug)]
pub struct WindowSpan {
    pub(super) on: Arc<On>,
    pub(super) context: Context,
}

impl WindowSpan {
    pub(super) fn new(on: Arc<On>, span: Span) -> Self {
        Self {
            on,
            context: context(span),
        }
    }

    /// Says where the window lies.
    pub(crate) fn describe(&self, lane: usize, start: Duration, end: Duration, speech: bool) {
        self.context.span().set_attributes([
            KeyValue::new("channel", i64::try_from(lane).unwrap_or(i64::MAX)),
            KeyValue::new("window.start", start.as_secs_f64()),
            KeyValue::new("window.end", end.as_secs_f64()),
            KeyValue::new("speech", speech),
        ]);
    }

    /// A step within the window, from now until what this returns is dropped.
    pub(crate) fn step(&self, name: &'static str) -> impl Drop + use<> {
        self.on.child(name, &self.context, SystemTime::now())
    }
}
