//! An OpenTelemetry collector that keeps what it receives.

use std::{collections::BTreeMap, net::SocketAddr};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::Metric,
    resource::v1::Resource,
    trace::v1::Span,
};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, metadata::MetadataMap, transport::Server};

use crate::stream::PATIENCE;

/// A collector on a free port. Gone when dropped.
pub struct Collector {
    address: SocketAddr,
    received: watch::Receiver<Received>,
    _serving: AbortOnDropHandle<()>,
}

/// Every message so far.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Of traces.
    pub traces: Vec<ExportTraceServiceRequest>,
    /// Of metrics.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// Of log lines.
    pub logs: Vec<ExportLogsServiceRequest>,
    /// The metadata of each.
    pub metadata: Vec<MetadataMap>,
}

impl Collector {
    /// Starts to receive.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = watch::channel(Received::default());
        let service = Service(sender);
        let server = Server::builder()
            .add_service(TraceServiceServer::new(service.clone()))
            .add_service(MetricsServiceServer::new(service.clone()))
            .add_service(LogsServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let serving = tokio::spawn(async { server.await.unwrap() });
        Self {
            address,
            received,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// As servers name it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until what was received is as `enough` wants it.
    ///
    /// # Panics
    ///
    /// When it never is.
    pub async fn until(&self, enough: impl FnMut(&Received) -> bool) -> Received {
        let mut received = self.received.clone();
        match timeout(PATIENCE, received.wait_for(enough)).await {
            Ok(received) => received.unwrap().clone(),
            Err(_) => panic!("not enough came: {:#?}", *self.received.borrow()),
        }
    }
}

impl Received {
    /// Every span.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        let resources = self
            .traces
            .iter()
            .flat_map(|message| &message.resource_spans);
        resources
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
    }

    /// Every instrument of every message.
    pub fn instruments(&self) -> impl Iterator<Item = &Metric> {
        let resources = self
            .metrics
            .iter()
            .flat_map(|message| &message.resource_metrics);
        resources
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
    }

    /// Every log line.
    pub fn records(&self) -> impl Iterator<Item = &LogRecord> {
        let resources = self.logs.iter().flat_map(|message| &message.resource_logs);
        resources
            .flat_map(|resource| &resource.scope_logs)
            .flat_map(|scope| &scope.log_records)
    }

    /// Who sent each message.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        let traces = self
            .traces
            .iter()
            .flat_map(|message| &message.resource_spans);
        let metrics = self
            .metrics
            .iter()
            .flat_map(|message| &message.resource_metrics);
        let logs = self.logs.iter().flat_map(|message| &message.resource_logs);
        traces
            .map(|traces| &traces.resource)
            .chain(metrics.map(|metrics| &metrics.resource))
            .chain(logs.map(|logs| &logs.resource))
            .flatten()
    }
}

/// Attributes as text.
#[must_use]
pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value.clone().and_then(|value| value.value);
            let text = match value {
                Some(Value::StringValue(text)) => text,
                Some(Value::IntValue(number)) => number.to_string(),
                Some(Value::DoubleValue(number)) => number.to_string(),
                Some(Value::BoolValue(truth)) => truth.to_string(),
                other => format!("{other:?}"),
            };
            (attribute.key.clone(), text)
        })
        .collect()
}

#[derive(Clone)]
struct Service(watch::Sender<Received>);

impl Service {
    fn keep<T>(&self, request: Request<T>, keep: impl FnOnce(&mut Received, T)) {
        let metadata = request.metadata().clone();
        self.0.send_modify(|received| {
            received.metadata.push(metadata);
            keep(received, request.into_inner());
        });
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.keep(request, |received, message| received.traces.push(message));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.keep(request, |received, message| received.metrics.push(message));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.keep(request, |received, message| received.logs.push(message));
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
