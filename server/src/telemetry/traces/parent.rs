//! The caller's span: W3C trace context in a call's metadata.

use opentelemetry::{
    Context,
    propagation::{Extractor, TextMapPropagator},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::metadata::{KeyRef, MetadataMap};

struct Carrier<'a>(&'a MetadataMap);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        let ascii = |key| match key {
            KeyRef::Ascii(key) => Some(key.as_str()),
            KeyRef::Binary(_) => None,
        };
        self.0.keys().filter_map(ascii).collect()
    }
}

/// What `traceparent` and `tracestate` of `metadata` say; without a valid one, nothing.
pub(super) fn of(metadata: &MetadataMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(metadata))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt;

    use super::*;

    fn parent(traceparent: &str) -> Option<String> {
        let mut metadata = MetadataMap::new();
        metadata.insert("traceparent", traceparent.parse().unwrap());
        metadata.insert("tracestate", "a=1,b=2".parse().unwrap());
        let context = of(&metadata);
        let span = context.span().span_context().clone();
        assert!(!span.is_valid() || span.is_remote());
        span.is_valid().then(|| {
            let state = span.trace_state().header();
            format!(
                "{} {} {} {state}",
                span.trace_id(),
                span.span_id(),
                span.is_sampled()
            )
        })
    }

    /// The example of the recommendation, and what it calls invalid.
    #[test]
    fn a_parent_is_as_the_w3c_writes_it() {
        assert_eq!(
            parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
            "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true a=1,b=2"
        );
        assert_eq!(
            parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap(),
            "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 false a=1,b=2"
        );
        for invalid in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parent(invalid), None, "{invalid}");
        }
    }
}
