//! What a stream or a clip leaves in metrics and traces when it ends.

use std::sync::Arc;

use tonic::Code;

use crate::telemetry::{CallSpan, Metrics, Open};

/// What a stream or a clip leaves in metrics and traces when it ends. Dropped before
/// that, it was cancelled.
#[derive(Debug)]
pub(super) struct Record {
    metrics: Arc<Metrics>,
    what: What,
    _open: Open,
    span: Option<Arc<CallSpan>>,
    ended: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Stream,
    Clip,
}

impl Record {
    /// Of a stream that counts as `open`.
    pub(super) fn stream(metrics: &Arc<Metrics>, open: Open, span: Option<Arc<CallSpan>>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            what: What::Stream,
            _open: open,
            span,
            ended: false,
        }
    }

    /// Of a clip, whose span is somebody else's.
    pub(super) fn clip(metrics: &Arc<Metrics>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            what: What::Clip,
            _open: metrics.clip_opened(),
            span: None,
            ended: false,
        }
    }

    /// It ends. Only the first end counts.
    pub(super) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        match self.what {
            What::Stream => self.metrics.stream_ended(code),
            What::Clip => self.metrics.clip_ended(code),
        }
        if let Some(span) = &self.span {
            span.end(code);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}
