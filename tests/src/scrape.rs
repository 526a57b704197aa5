//! What Prometheus does: asks over plain HTTP.

use std::{fs, path::Path};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::stream::PATIENCE;

/// The metrics of the server that has written the port of its `/metrics` to `port_file`.
///
/// # Panics
///
/// When it doesn't answer with them.
pub async fn scrape(port_file: &Path) -> String {
    let port = fs::read_to_string(port_file).unwrap();
    get(&format!("127.0.0.1:{}", port.trim()), "/metrics").await
}

/// What is at `path` of the server at `address`.
///
/// # Panics
///
/// When there is nothing, or not in time.
pub async fn get(address: &str, path: &str) -> String {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // HTTP/1.0 answers with nothing but the body, and ends.
        let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    };
    let response = timeout(PATIENCE, ask).await.expect("an answer in time");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1);
    assert_eq!(status, Some("200"), "{head}");
    body.to_owned()
}

/// All series of the metric `name` together.
///
/// # Panics
///
/// When one has no number.
#[must_use]
pub fn sum(text: &str, name: &str) -> f64 {
    let series = text.lines().filter_map(|line| line.strip_prefix(name));
    let values = series.filter(|rest| rest.starts_with(['{', ' ']));
    let values = values.filter_map(|rest| rest.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
}
