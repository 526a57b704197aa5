//! What a process uses, by its id or by the metrics that it shows Prometheus.

use std::{fmt, io, time::Duration};

use http::Uri;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// For an answer with metrics, and the most of it.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_BYTES: u64 = 16 << 20;

/// What a process used over some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Processor time by time: 1 is a whole core.
    pub(crate) cores: f64,
    /// Resident memory at the end, in bytes.
    pub(crate) memory: u64,
}

/// Where to look.
#[derive(Debug)]
pub(super) enum Probe {
    Process(Pid, Box<System>),
    Metrics(Uri),
}

/// What it had used until then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    at: Instant,
    processor: Duration,
    memory: u64,
}

impl Probe {
    pub(super) fn process(id: u32) -> io::Result<Self> {
        let system = System::new().map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self::Process(Pid::from_u32(id), Box::new(system)))
    }

    pub(super) async fn sample(&mut self) -> io::Result<Sample> {
        match self {
            Self::Process(id, system) => sample_process(*id, system)
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such process")),
            Self::Metrics(address) => timeout(PATIENCE, scrape(address)).await?,
        }
    }

    /// What was used since `before`, if the process is still there.
    pub(super) async fn since(&mut self, before: Sample) -> Option<Usage> {
        let now = self.sample().await.ok()?;
        let processor = now.processor.saturating_sub(before.processor);
        Some(Usage {
            cores: processor.as_secs_f64() / (now.at - before.at).as_secs_f64(),
            memory: now.memory,
        })
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(id, _) => write!(f, "process {id}"),
            Self::Metrics(address) => address.fmt(f),
        }
    }
}

fn sample_process(id: Pid, system: &mut System) -> Option<Sample> {
    let what = ProcessRefreshKind::nothing()
        .with_cpu()
        .with_memory()
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, what);
    let process = system.process(id)?;
    Some(Sample {
        at: Instant::now(),
        processor: Duration::from_millis(process.accumulated_cpu_time()),
        memory: process.memory(),
    })
}

/// HTTP/1.0, so that the answer ends with the connection and comes in one piece.
async fn scrape(address: &Uri) -> io::Result<Sample> {
    let host = address.host().unwrap_or_default();
    let port = address.port_u16().unwrap_or(80);
    let path = address.path_and_query().map_or("/", |path| path.as_str());
    let mut connection = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: text/plain\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection
        .take(MOST_BYTES)
        .read_to_string(&mut answer)
        .await?;
    let at = Instant::now();
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let (head, metrics) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| invalid("an answer that is no HTTP".to_owned()))?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(invalid(format!(
            "the answer {status:?}; expected status 200"
        )));
    }
    let metric = |name| metric(metrics, name).ok_or_else(|| invalid(format!("no metric {name}")));
    let processor = metric("process_cpu_seconds_total")?;
    Ok(Sample {
        at,
        processor: Duration::try_from_secs_f64(processor)
            .map_err(|_| invalid(format!("process_cpu_seconds_total {processor}")))?,
        memory: metric("process_resident_memory_bytes")? as u64,
    })
}

/// The value of a metric without labels, as the text format of Prometheus writes it.
fn metric(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines();
    lines.find_map(|line| {
        let mut words = line.strip_prefix(name)?.split_ascii_whitespace();
        line[name.len()..]
            .starts_with([' ', '\t'])
            .then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const METRICS: &str = "# TYPE process_cpu_seconds_total counter\n\
        process_cpu_seconds_total_other 7\n\
        process_cpu_seconds_total 12.5 1700000000\n\
        process_resident_memory_bytes 1.048576e+06\n";

    /// Says `answer` to whoever asks first.
    async fn server(answer: String) -> (Uri, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/metrics?all", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = connection.read(&mut request).await.unwrap();
            connection.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        (address.parse().unwrap(), asked)
    }

    #[tokio::test]
    async fn metrics_are_read_as_prometheus_does() {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{METRICS}");
        let (address, asked) = server(answer).await;
        let sample = Probe::Metrics(address).sample().await.unwrap();
        assert_eq!(sample.processor, Duration::from_millis(12_500));
        assert_eq!(sample.memory, 1 << 20);
        assert!(
            asked
                .await
                .unwrap()
                .starts_with("GET /metrics?all HTTP/1.0\r\nHost: 127.0.0.1:")
        );
    }

    #[tokio::test]
    async fn what_is_no_metrics_says_so() {
        for (answer, said) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
            (
                "HTTP/1.1 200 OK\r\n\r\nup 1\n",
                "no metric process_cpu_seconds_total",
            ),
            ("SSH-2.0-OpenSSH\r\n", "no HTTP"),
        ] {
            let (address, _) = server(answer.to_owned()).await;
            let error = Probe::Metrics(address).sample().await.unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[tokio::test]
    async fn this_process_uses_something() {
        let mut probe = Probe::process(std::process::id()).unwrap();
        let before = probe.sample().await.unwrap();
        let usage = probe.since(before).await.unwrap();
        assert!(usage.memory > 100_000 && usage.cores >= 0.0);
        // Process ids are 22 bits at most on Linux.
        let mut nobody = Probe::process(u32::MAX / 2).unwrap();
        let error = nobody.sample().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
