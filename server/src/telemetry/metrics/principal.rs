//! What is measured of each principal.

use std::{collections::HashMap, fmt, sync::Arc};

use opentelemetry::{
    KeyValue,
    metrics::{BoundCounter, BoundUpDownCounter, Counter, Meter, UpDownCounter},
};

use super::Open;
use crate::auth::Principal;

/// Principals with a label of their own. Names come from the operator; this bounds
/// what a long life with many of them may cost.
const LABELLED: usize = 64;

/// What all principals beyond [`LABELLED`] are called.
const OTHERS: &str = "other";

/// What is measured of each principal.
pub(super) struct Principals {
    streams_active: UpDownCounter<i64>,
    streams_opened: Counter<u64>,
    audio_seconds: Counter<f64>,
    audio_bytes: Counter<u64>,
    known: HashMap<String, Arc<PrincipalMetrics>>,
}

/// What is measured of one principal, or of all those without a label.
pub(crate) struct PrincipalMetrics {
    streams_active: BoundUpDownCounter<i64>,
    streams_opened: BoundCounter<u64>,
    audio_seconds: BoundCounter<f64>,
    audio_bytes: BoundCounter<u64>,
}

impl fmt::Debug for PrincipalMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrincipalMetrics")
    }
}

impl Principals {
    pub(super) fn new(meter: &Meter) -> Self {
        Self {
            streams_active: meter
                .i64_up_down_counter("ser.streams.active")
                .with_unit("{stream}")
                .with_description("Streams open")
                .build(),
            streams_opened: meter
                .u64_counter("ser.streams.opened")
                .with_unit("{stream}")
                .with_description("Streams admitted")
                .build(),
            audio_seconds: meter
                .f64_counter("ser.audio")
                .with_unit("s")
                .with_description("Audio received, each classified channel on its own")
                .build(),
            audio_bytes: meter
                .u64_counter("ser.audio.received")
                .with_unit("By")
                .with_description("Bytes of audio received")
                .build(),
            known: HashMap::new(),
        }
    }

    pub(super) fn get(&mut self, principal: &Principal) -> Arc<PrincipalMetrics> {
        let name = principal.to_string();
        let name = if self.known.len() < LABELLED || self.known.contains_key(&name) {
            name
        } else {
            OTHERS.to_owned()
        };
        if let Some(known) = self.known.get(&name) {
            return Arc::clone(known);
        }
        let label = [KeyValue::new("principal", name.clone())];
        let metrics = Arc::new(PrincipalMetrics {
            streams_active: self.streams_active.bind(&label),
            streams_opened: self.streams_opened.bind(&label),
            audio_seconds: self.audio_seconds.bind(&label),
            audio_bytes: self.audio_bytes.bind(&label),
        });
        self.known.insert(name, Arc::clone(&metrics));
        metrics
    }
}

impl PrincipalMetrics {
    /// A stream was admitted; it is open until what this returns is dropped.
    pub(crate) fn stream_opened(&self) -> Open {
        self.streams_opened.add(1);
        Open::new(self.streams_active.clone())
    }

    /// A chunk arrived that lasts so long, over all classified channels.
    pub(crate) fn audio_received(&self, bytes: usize, seconds: f64) {
        self.audio_bytes.add(bytes as u64);
        self.audio_seconds.add(seconds);
    }
}
