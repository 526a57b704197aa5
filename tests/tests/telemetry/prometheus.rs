//! The metrics, as Prometheus sees them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use ser_proto::v1::Encoding;
use ser_tests::{
    audio,
    program::Program,
    scrape::{get, scrape},
    server::{ServerProcess, until_serving},
    stream::{PATIENCE, config, recognise},
};
use tokio::time::{interval, timeout};

/// A server whose metrics can be read, after a stream; and where its port lies.
async fn measured(folder: &Path) -> (ServerProcess, PathBuf) {
    let port_file = folder.join("metrics-port");
    let server = ServerProcess::start(
        &[],
        &[
            ("SER__METRICS__LISTEN", "127.0.0.1:0"),
            ("SER__METRICS__PORT_FILE", port_file.to_str().unwrap()),
        ],
    );
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    let speech = audio::s16le(&audio::voice(22_050, 3.0, 3));
    let chunks = speech.chunks(4_410).map(Bytes::copy_from_slice);
    let said = recognise(channel, config(Encoding::S16le, 22_050), chunks).await;
    assert_eq!(said.error, None);
    (server, port_file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_shows_what_the_server_did() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port_file) = measured(folder.path()).await;
    let text = scrape(&port_file).await;
    for line in [
        "ser_ready 1",
        "ser_streams_active{principal=\"anonymous\"} 0",
        "ser_streams_ended_total{code=\"OK\"} 1",
        "ser_model_up{model=\"tess-lstm/1\"} 1",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "no {line} in {text}"
        );
    }
    let heard = text
        .lines()
        .find_map(|line| line.strip_prefix("ser_audio_seconds_total{principal=\"anonymous\"} "))
        .expect("seconds of audio");
    // A sum of the chunks' lengths, which are no binary fractions.
    assert!(
        (heard.parse::<f64>().unwrap() - 3.0).abs() < 1e-9,
        "{heard}"
    );
}

/// A query of `ser_streams_ended_total{code="OK"}`.
const ENDED_WELL: &str = "/api/v1/query?query=ser_streams_ended_total%7Bcode=%22OK%22%7D";

/// Where `prometheus` and `promtool` are.
fn programs() -> PathBuf {
    let folder = env::var_os("SER_PROMETHEUS");
    folder
        .expect("SER_PROMETHEUS names the folder of prometheus and promtool")
        .into()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_PROMETHEUS"]
async fn promtool_finds_nothing_wrong_in_real_prometheus_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port_file) = measured(folder.path()).await;
    let mut command = Command::new(programs().join("promtool"));
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut promtool = Program::start(command);
    promtool.write(scrape(&port_file).await.as_bytes()).await;
    promtool.close_stdin();
    let ended = promtool.end().await;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_PROMETHEUS"]
async fn a_real_prometheus_scrapes_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port_file) = measured(folder.path()).await;
    let port = fs::read_to_string(port_file).unwrap();
    let scraping = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n\
         - job_name: ser\n  static_configs: [{{ targets: ['127.0.0.1:{}'] }}]\n",
        port.trim()
    );
    let file = folder.path().join("prometheus.yml");
    fs::write(&file, scraping).unwrap();
    let mut command = Command::new("sh");
    // What it says is read line by line, from its standard output.
    command
        .args(["-c", "exec \"$@\" 2>&1", "sh"])
        .arg(programs().join("prometheus"))
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path().join("data").display()
        ))
        .args(["--web.listen-address=127.0.0.1:0", "--log.format=json"]);
    let mut prometheus = Program::start(command);
    // It listens first, and answers once its storage is open.
    let mut address = None;
    let address = loop {
        let line: serde_json::Value = serde_json::from_str(&prometheus.line().await).unwrap();
        match (line["msg"].as_str(), &address) {
            (Some("Listening on"), _) => address = line["address"].as_str().map(str::to_owned),
            (Some("Server is ready to receive web requests."), Some(address)) => break address,
            _ => {}
        }
    };
    let ended = timeout(PATIENCE, async {
        let mut pause = interval(Duration::from_millis(100));
        loop {
            pause.tick().await;
            let answer = get(address, ENDED_WELL).await;
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            if let Some(series) = answer["data"]["result"].get(0) {
                break series.clone();
            }
        }
    });
    let ended = ended.await.expect("a scrape in time");
    assert_eq!(ended["metric"]["code"], "OK");
    assert_eq!(ended["value"][1], "1");
}
