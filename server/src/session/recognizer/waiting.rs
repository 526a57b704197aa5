//! Windows that the front ends have made, on their way to the model.

use std::collections::VecDeque;

use ser_features::Segment;
use ser_proto::v1;

use crate::{
    batcher::RowBuffers,
    session::{Recognition, lane::Span, trail::Trail},
};

/// A window, or a warning between windows.
pub(super) enum Waiting {
    /// The row is `None` when nobody speaks.
    Window {
        lane: usize,
        span: Span,
        trail: Trail,
        row: Option<RowBuffers>,
    },
    /// That one lane is overdriven.
    Warning {
        lane: usize,
        warning: v1::StreamWarning,
    },
}

/// A window on its way to the model, which never sees one without speech.
pub(super) fn window(
    recognition: &Recognition,
    spare: &mut Vec<RowBuffers>,
    lane: usize,
    segment: &Segment<'_>,
    trail: Trail,
) -> Waiting {
    let span = Span::from(segment);
    trail.describe(lane, &span, segment.speech);
    let row = segment.speech.then(|| {
        let mut row = spare
            .pop()
            .unwrap_or_else(|| recognition.model.row_buffers());
        row.features.copy_from_slice(segment.features);
        row.valid_steps = segment.valid_steps;
        row
    });
    Waiting::Window {
        lane,
        span,
        trail,
        row,
    }
}

/// Sorts the windows of one cell: each row of all lanes, by lane, then the next.
pub(super) fn in_order(windows: &mut VecDeque<Waiting>) {
    windows
        .make_contiguous()
        .sort_by_key(|waiting| match waiting {
            Waiting::Window { lane, span, .. } => (span.row, *lane),
            Waiting::Warning { .. } => (u64::MAX, 0),
        });
}
