//! Bodies of requests and responses, beside what tonic does with them.

use http_body_util::BodyExt;
use tonic::body::Body;

/// A body that keeps `held` until it has been sent to its end, or is dropped.
pub(crate) fn holding<T: Send + 'static>(body: Body, held: T) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &held;
        frame
    }))
}
