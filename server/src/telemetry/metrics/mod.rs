//! The server's instruments. Each is defined here once, by its name in
//! OpenTelemetry, and reaches Prometheus under the name that follows from it:
//! `ser.result.lag` in seconds is `ser_result_lag_seconds`.
//!
//! Methods are named after what happened. Attributes come from models, from fixed
//! sets of words and from the operator's names of principals, never from what a
//! client sends, so that their number is bounded. What happens for every chunk or
//! result is bound to its attributes beforehand.

mod model;
mod principal;
mod served;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry::{
    KeyValue,
    metrics::{BoundUpDownCounter, Counter, Gauge, Meter, UpDownCounter},
};
use tonic::Code;

pub use model::ModelMetrics;
pub(crate) use principal::PrincipalMetrics;

use crate::{
    admission::Refusal, auth::Principal, listen::ConnectionRefusal, models::ModelRegistry,
};

/// The server's instruments.
pub struct Metrics {
    principals: Mutex<principal::Principals>,
    models: model::Instruments,
    streams_ended: Counter<u64>,
    streams_resumed: Counter<u64>,
    clips_active: BoundUpDownCounter<i64>,
    clips_ended: Counter<u64>,
    rejections: Counter<u64>,
    connections_active: BoundUpDownCounter<i64>,
    connections_opened: Counter<u64>,
    connections_refused: Counter<u64>,
    credentials_reloaded: Counter<u64>,
    credentials_outdated: Gauge<u64>,
    certificate_expiry: Gauge<i64>,
    ready: Gauge<u64>,
    meter: Meter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Something that is counted as open until this is dropped.
#[must_use = "what is dropped isn't open"]
pub(crate) struct Open {
    active: BoundUpDownCounter<i64>,
}

impl Open {
    fn new(active: BoundUpDownCounter<i64>) -> Self {
        active.add(1);
        Self { active }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.active.add(-1);
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Open")
    }
}

impl Metrics {
    /// Every instrument of the server.
    pub(crate) fn new(meter: &Meter) -> Self {
        let counter = |name, unit, description| {
            meter
                .u64_counter(name)
                .with_unit(unit)
                .with_description(description)
                .build()
        };
        let active = |name, unit, description| -> UpDownCounter<i64> {
            meter
                .i64_up_down_counter(name)
                .with_unit(unit)
                .with_description(description)
                .build()
        };
        let build_info = meter
            .u64_gauge("ser.build.info")
            .with_description("1; the version of the server is a label")
            .build();
        build_info.record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
        let metrics = Self {
            principals: Mutex::new(principal::Principals::new(meter)),
            models: model::Instruments::new(meter),
            streams_ended: counter("ser.streams.ended", "{stream}", "Streams that ended"),
            streams_resumed: counter(
                "ser.streams.resumed",
                "{stream}",
                "Streams that went on with one that had ended too early",
            ),
            clips_active: active("ser.clips.active", "{clip}", "Clips being recognised").bind(&[]),
            clips_ended: counter("ser.clips.ended", "{clip}", "Clips answered"),
            rejections: counter(
                "ser.rejections",
                "{call}",
                "Calls refused before any work on them",
            ),
            connections_active: active(
                "ser.connections.active",
                "{connection}",
                "Connections open",
            )
            .bind(&[]),
            connections_opened: counter(
                "ser.connections.opened",
                "{connection}",
                "Connections taken",
            ),
            connections_refused: counter(
                "ser.connections.refused",
                "{connection}",
                "Connections closed before a call could be made",
            ),
            credentials_reloaded: counter(
                "ser.credentials.reloaded",
                "{reload}",
                "Attempts to read changed certificates or tokens",
            ),
            credentials_outdated: meter
                .u64_gauge("ser.credentials.outdated")
                .with_description("Whether files with credentials hold what can't be used")
                .build(),
            certificate_expiry: meter
                .i64_gauge("ser.tls.certificate.expiry.timestamp")
                .with_unit("s")
                .with_description("When the first of a listener's certificates expires")
                .build(),
            ready: meter
                .u64_gauge("ser.ready")
                .with_description("Whether new streams are welcome: 1 or 0")
                .build(),
            meter: meter.clone(),
        };
        metrics.begin();
        metrics
    }

    /// Shows what hasn't happened yet as zero: whoever watches for the first time of
    /// something needs the time before.
    fn begin(&self) {
        for code in CODES {
            self.streams_ended.add(0, &[code_of(code)]);
            self.clips_ended.add(0, &[code_of(code)]);
        }
        for exact in [true, false] {
            let exact = KeyValue::new("exact", exact);
            self.streams_resumed.add(0, &[exact]);
        }
        let rejections = Refusal::ALL.map(Refusal::name).into_iter();
        for reason in rejections.chain([UNAUTHENTICATED]) {
            let reason = KeyValue::new("reason", reason);
            self.rejections.add(0, &[reason]);
        }
        for refusal in ConnectionRefusal::ALL {
            let reason = KeyValue::new("reason", refusal.name());
            self.connections_refused.add(0, &[reason]);
        }
        self.connections_opened.add(0, &[]);
    }

    /// The instruments of one principal.
    pub(crate) fn principal(&self, principal: &Principal) -> Arc<PrincipalMetrics> {
        self.principals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(principal)
    }

    /// A stream ended.
    pub(crate) fn stream_ended(&self, code: Code) {
        self.streams_ended.add(1, &[code_of(code)]);
    }

    /// A stream went on with one that had ended too early.
    pub(crate) fn stream_resumed(&self, exact: bool) {
        self.streams_resumed
            .add(1, &[KeyValue::new("exact", exact)]);
    }

    /// A clip was admitted; it is open until what this returns is dropped.
    pub(crate) fn clip_opened(&self) -> Open {
        Open::new(self.clips_active.clone())
    }

    /// A clip was answered.
    pub(crate) fn clip_ended(&self, code: Code) {
        self.clips_ended.add(1, &[code_of(code)]);
    }

    /// A stream or clip was refused before any work on it.
    pub(crate) fn rejected(&self, refusal: Refusal) {
        let reason = KeyValue::new("reason", refusal.name());
        self.rejections.add(1, &[reason]);
    }

    /// A call was refused that nobody may make.
    pub(crate) fn unauthenticated(&self) {
        let reason = KeyValue::new("reason", UNAUTHENTICATED);
        self.rejections.add(1, &[reason]);
    }

    /// A connection was taken; it is open until what this returns is dropped.
    pub(crate) fn connection_opened(&self) -> Open {
        self.connections_opened.add(1, &[]);
        Open::new(self.connections_active.clone())
    }

    /// A connection was closed before a call could be made.
    pub(crate) fn connection_refused(&self, refusal: ConnectionRefusal) {
        let reason = KeyValue::new("reason", refusal.name());
        self.connections_refused.add(1, &[reason]);
    }

    /// Certificates or tokens are read again from now on when they change. `what` is
    /// one of a fixed set of words such as `tls` or `tokens`.
    pub(crate) fn credentials_watched(&self, what: &'static str) {
        for ok in [true, false] {
            self.credentials_reloaded.add(0, &reload(what, ok));
        }
    }

    /// Changed ones were read, or couldn't be.
    pub(crate) fn credentials_reloaded(&self, what: &'static str, ok: bool) {
        self.credentials_reloaded.add(1, &reload(what, ok));
    }

    /// Whether others are in force on `listener` than the files hold.
    pub(crate) fn credentials_outdated(
        &self,
        what: &'static str,
        listener: &'static str,
        outdated: bool,
    ) {
        let labels = [
            KeyValue::new("listener", listener),
            KeyValue::new("what", what),
        ];
        self.credentials_outdated
            .record(u64::from(outdated), &labels);
    }

    /// The first of the certificates in force on `listener` expires so many seconds
    /// after 1970.
    pub(crate) fn certificate_expires(&self, listener: &'static str, timestamp: i64) {
        let listener = KeyValue::new("listener", listener);
        self.certificate_expiry.record(timestamp, &[listener]);
    }

    /// Whether new streams are welcome.
    pub(crate) fn ready(&self, ready: bool) {
        self.ready.record(u64::from(ready), &[]);
    }

    /// Shows which models are served from now on.
    pub(crate) fn watch_models(&self, models: &ModelRegistry) {
        served::watch(&self.meter, models);
    }

    /// The instruments of one model, whose labels are `labels`.
    pub(crate) fn model(
        &self,
        id: &str,
        labels: &[String],
        info: &ser_backend::ModelInfo,
    ) -> ModelMetrics {
        self.models.of(id, labels, info)
    }
}

/// Of a call that nobody may make.
const UNAUTHENTICATED: &str = "unauthenticated";

/// Every gRPC code.
const CODES: [Code; 17] = [
    Code::Ok,
    Code::Cancelled,
    Code::Unknown,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
    Code::Unauthenticated,
];

fn reload(what: &'static str, ok: bool) -> [KeyValue; 2] {
    let outcome = if ok { "ok" } else { "refused" };
    [
        KeyValue::new("what", what),
        KeyValue::new("outcome", outcome),
    ]
}

fn code_of(code: Code) -> KeyValue {
    KeyValue::new("code", code_name(code))
}

/// As the gRPC specification writes it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
