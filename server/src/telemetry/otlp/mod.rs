//! Sending traces, metrics and log lines to an OpenTelemetry collector.
//!
//! A collector that is slow or gone costs nothing but what it misses: spans and log
//! lines wait in bounded queues, are sent by threads of their own, and are dropped and
//! counted when there is no place for them or they can't be delivered. Metrics are
//! sums, which the next message carries again.

mod bounded;
mod loss;
mod watched;

use std::{fs, path::Path, sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig,
};
use opentelemetry_sdk::{
    Resource,
    logs::{self, BatchLogProcessor, SdkLoggerProvider},
    metrics::PeriodicReader,
    trace::{self, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tonic::{
    metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use self::{bounded::Bounded, loss::Signal, watched::Watched};
use crate::{Error, config::TelemetryConfig};

pub(super) use loss::Losses;

/// How long spans and log lines wait for company.
const DELAY: Duration = Duration::from_secs(2);
/// Spans or log lines in one message.
const BATCH: usize = 512;

/// How spans and log lines wait, which has a type of its own for each of the two.
macro_rules! batches {
    ($builder:ty, $queue:expr) => {
        <$builder>::default()
            .with_max_queue_size($queue)
            .with_max_export_batch_size(BATCH.min($queue))
            .with_scheduled_delay(DELAY)
            .build()
    };
}

/// The way to a collector.
pub(super) struct Collector {
    config: TelemetryConfig,
    channel: Channel,
    headers: MetadataMap,
    resource: Resource,
    losses: Arc<Losses>,
}

impl Collector {
    /// The collector of `config`, if it names one. Nothing is sent yet, but a tokio
    /// runtime must be there.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] of a setting that can't be.
    pub(super) fn new(config: &TelemetryConfig) -> Result<Option<Self>, Error> {
        let Some(url) = &config.endpoint else {
            return Ok(None);
        };
        Ok(Some(Self {
            channel: endpoint(url, config)?.connect_lazy(),
            headers: headers(config)?,
            resource: resource(config),
            losses: Arc::new(Losses::new(url, config.queue.get())),
            config: config.clone(),
        }))
    }

    /// What doesn't reach the collector.
    pub(super) fn losses(&self) -> &Arc<Losses> {
        &self.losses
    }

    /// An exporter that goes this way.
    fn configured<B: WithExportConfig + WithTonicConfig>(&self, exporter: B) -> B {
        exporter
            .with_channel(self.channel.clone())
            .with_metadata(self.headers.clone())
            .with_timeout(self.config.timeout)
    }

    /// Where spans go, unless they aren't wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`], which can't happen with a channel that is there.
    pub(super) fn traces(&self) -> Result<Option<SdkTracerProvider>, Error> {
        if !self.config.traces {
            return Ok(None);
        }
        let exporter = self.configured(SpanExporter::builder().with_tonic());
        let exporter = exporter.build().map_err(broken)?;
        let signal = &self.losses.traces;
        let batches = batches!(trace::BatchConfigBuilder, self.config.queue.get());
        let processor = BatchSpanProcessor::builder(Watched::new(exporter, signal))
            .with_batch_config(batches)
            .build();
        let ratio = Sampler::TraceIdRatioBased(self.config.sample_ratio);
        Ok(Some(
            SdkTracerProvider::builder()
                .with_resource(self.resource.clone())
                .with_sampler(Sampler::ParentBased(Box::new(ratio)))
                .with_span_processor(Bounded::new(processor, signal))
                .build(),
        ))
    }

    /// What reads the instruments, unless metrics aren't wanted.
    ///
    /// # Errors
    ///
    /// As of [`traces`](Self::traces).
    pub(super) fn metrics(&self) -> Result<Option<PeriodicReader<impl Exporter>>, Error> {
        if !self.config.metrics {
            return Ok(None);
        }
        let exporter = self.configured(MetricExporter::builder().with_tonic());
        let exporter = exporter.build().map_err(broken)?;
        let exporter = Watched::new(exporter, &self.losses.metrics);
        Ok(Some(
            PeriodicReader::builder(exporter)
                .with_interval(self.config.interval)
                .build(),
        ))
    }

    /// Where log lines go, unless they aren't wanted.
    ///
    /// # Errors
    ///
    /// As of [`traces`](Self::traces).
    pub(super) fn logs(&self) -> Result<Option<SdkLoggerProvider>, Error> {
        if !self.config.logs {
            return Ok(None);
        }
        let exporter = self.configured(LogExporter::builder().with_tonic());
        let exporter = exporter.build().map_err(broken)?;
        let signal = &self.losses.logs;
        let batches = batches!(logs::BatchConfigBuilder, self.config.queue.get());
        let processor = BatchLogProcessor::builder(Watched::new(exporter, signal))
            .with_batch_config(batches)
            .build();
        Ok(Some(
            SdkLoggerProvider::builder()
                .with_resource(self.resource.clone())
                .with_log_processor(Bounded::new(processor, signal))
                .build(),
        ))
    }
}

/// An exporter of metrics.
pub(super) use opentelemetry_sdk::metrics::exporter::PushMetricExporter as Exporter;

/// Who sends: what every span, sum and log line says of the server.
pub(super) fn resource(config: &TelemetryConfig) -> Resource {
    let own = config.resource_attributes.iter();
    // One process is one instance, whatever the machine is called.
    let instance = format!("{:032x}", rand::random::<u128>());
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", config.service_name.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance),
        ])
        .with_attributes(own.map(|(key, value)| KeyValue::new(key.clone(), value.clone())))
        .build()
}

/// Everything that is wrong with the way to the collector, if there is to be one.
pub(crate) fn problems(config: &TelemetryConfig) -> Vec<Error> {
    let Some(url) = &config.endpoint else {
        return Vec::new();
    };
    let endpoint = endpoint(url, config).err().into_iter();
    endpoint.chain(headers(config).err()).collect()
}

fn endpoint(url: &str, config: &TelemetryConfig) -> Result<Endpoint, Error> {
    let expected = "expected a URL such as http://127.0.0.1:4317";
    let wrong = |reason: String| {
        Error::config(
            "telemetry.endpoint",
            format!("{url:?}: {reason}; {expected}"),
        )
    };
    let endpoint =
        Endpoint::from_shared(url.to_owned()).map_err(|error| wrong(error.to_string()))?;
    let endpoint = match endpoint.uri().scheme_str() {
        Some("http") => endpoint,
        Some("https") => endpoint
            .tls_config(tls(config.ca.as_deref())?)
            .map_err(|error| wrong(error.to_string()))?,
        _ => return Err(wrong("neither http nor https".to_owned())),
    };
    Ok(endpoint
        .connect_timeout(config.timeout)
        .timeout(config.timeout))
}

fn tls(ca: Option<&Path>) -> Result<ClientTlsConfig, Error> {
    let Some(path) = ca else {
        return Ok(ClientTlsConfig::new().with_native_roots());
    };
    let (key, expected) = ("telemetry.ca", "a file of certificates in PEM");
    let pem = read(path, key, expected)?;
    // The channel takes what holds none, and then trusts nobody.
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let mut roots = RootCertStore::empty();
    let reason = match found {
        Ok(found) if found.is_empty() => Some("no certificate in it".to_owned()),
        Ok(found) => {
            let added = found.into_iter().try_for_each(|one| roots.add(one));
            added.err().map(|error| error.to_string())
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason {
        let reason = format!("{}: {reason}; expected {expected}", path.display());
        return Err(Error::config(key, reason));
    }
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
}

fn headers(config: &TelemetryConfig) -> Result<MetadataMap, Error> {
    let key = "telemetry.headers_file";
    let expected = "expected lines such as authorization: Bearer TOKEN";
    let mut headers = MetadataMap::new();
    let Some(path) = &config.headers_file else {
        return Ok(headers);
    };
    for (at, line) in read(path, key, "a file of headers")?.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // Not the line itself, which may hold a secret.
        let wrong = || {
            Error::config(
                key,
                format!("{}: line {}; {expected}", path.display(), at + 1),
            )
        };
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name: AsciiMetadataKey = name.trim().to_lowercase().parse().map_err(|_| wrong())?;
        let mut value: AsciiMetadataValue = value.trim().parse().map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn read(path: &Path, key: &str, expected: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| {
        let reason = format!("{}: {error}; expected {expected}", path.display());
        Error::config(key, reason)
    })
}

fn broken(error: impl ToString) -> Error {
    Error::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            &file,
            "# the collector's\n\nAuthorization: Bearer a:b\nx-scope:  me \n",
        )
        .unwrap();
        let config = TelemetryConfig {
            headers_file: Some(file.path().to_owned()),
            ..TelemetryConfig::default()
        };
        let read = headers(&config).unwrap();
        assert_eq!(read.get("authorization").unwrap(), "Bearer a:b");
        assert_eq!(read.get("x-scope").unwrap(), "me");
        assert!(!format!("{read:?}").contains("Bearer"), "{read:?}");
        fs::write(&file, "x-scope: me\nsecret\n").unwrap();
        let error = headers(&config).unwrap_err().to_string();
        assert!(error.contains("line 2; expected lines such as"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_ca_file_holds_certificates() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = TelemetryConfig {
            endpoint: Some("https://collector:4317".to_owned()),
            ca: Some(file.path().to_owned()),
            ..TelemetryConfig::default()
        };
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, reason) in [
            ("", "no certificate in it"),
            ("a", "no certificate"),
            (broken, ""),
        ] {
            fs::write(&file, text).unwrap();
            let [error] = &problems(&config)[..] else {
                panic!("{text:?}: expected one problem");
            };
            let error = error.to_string();
            let path = file.path().display();
            let start = format!("configuration: telemetry.ca: {path}: {reason}");
            assert!(error.starts_with(&start), "{error}");
            let end = "expected a file of certificates in PEM";
            assert!(error.ends_with(end), "{error}");
        }
        let ca = crate::listen::tls::tests::Ca::new("a CA").pem();
        fs::write(&file, ca).unwrap();
        assert!(problems(&config).is_empty(), "{:?}", problems(&config));
    }

    #[tokio::test]
    async fn an_endpoint_is_a_url() {
        for (url, reason) in [
            ("collector:4317", "neither http nor https"),
            ("http://[", "invalid"),
        ] {
            let config = TelemetryConfig {
                endpoint: Some(url.to_owned()),
                ..TelemetryConfig::default()
            };
            let error = Collector::new(&config).err().unwrap().to_string();
            assert!(error.contains("telemetry.endpoint: "), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        assert!(
            Collector::new(&TelemetryConfig::default())
                .unwrap()
                .is_none()
        );
    }
}
