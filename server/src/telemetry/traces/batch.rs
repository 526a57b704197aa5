//! The span of a batch.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, Span as _, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer as _},
};
use opentelemetry_sdk::trace::Span;

use super::{On, WindowSpan, at, context};

/// The span of a batch, of which at least one window is traced: it links to all that
/// are, and they to it.
#[derive(Debug)]
pub(crate) struct BatchSpan {
    on: Arc<On>,
    context: Context,
}

/// The span of one call of the model.
#[derive(Debug)]
pub(crate) struct InferSpan(Span);

impl BatchSpan {
    /// Of `rows` rows, those in `traced` with the time at which each was queued. None
    /// when nothing is traced. `attributes` name the model and where it runs.
    pub(crate) fn begin<'a>(
        traced: impl Iterator<Item = (&'a WindowSpan, Instant)> + Clone,
        rows: usize,
        attributes: &[KeyValue],
    ) -> Option<Self> {
        let (first, _) = traced.clone().next()?;
        let links = traced.clone().map(|(window, _)| link(&window.context));
        let builder = SpanBuilder::from_name("batch")
            .with_links(links.map(|to| Link::new(to, Vec::new(), 0)).collect())
            .with_attributes(attributes.iter().cloned());
        let mut span = first.on.tracer.build_with_context(builder, &first.context);
        span.set_attribute(KeyValue::new(
            "rows",
            i64::try_from(rows).unwrap_or(i64::MAX),
        ));
        let batch = Self {
            on: Arc::clone(&first.on),
            context: context(span),
        };
        for (window, queued) in traced {
            window
                .context
                .span()
                .add_link(link(&batch.context), Vec::new());
            // Ends here, as it is dropped.
            window.on.child("queue", &window.context, at(queued));
        }
        Some(batch)
    }

    /// A call of the model begins, with so many of the rows.
    pub(crate) fn infer(&self, rows: usize) -> InferSpan {
        let mut span = self.on.child("infer", &self.context, SystemTime::now());
        span.set_attribute(KeyValue::new(
            "rows",
            i64::try_from(rows).unwrap_or(i64::MAX),
        ));
        InferSpan(span)
    }
}

impl InferSpan {
    /// The call has failed.
    pub(crate) fn fail(mut self) {
        self.0.set_status(Status::error("inference failed"));
    }
}

fn link(context: &Context) -> SpanContext {
    context.span().span_context().clone()
}
