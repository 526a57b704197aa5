//! What people say, and what was made of it, stays out of the log.

use bytes::Bytes;
use rustix::process::Signal;
use ser_proto::v1::Encoding;
use ser_tests::{
    audio,
    server::{ServerProcess, until_serving},
    stream::{config, recognise},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_labels_and_no_scores() {
    let mut server = ServerProcess::start(&["--log-level", "trace"], &[]);
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    let samples = audio::voice(22_050, 4.0, 3);
    let chunks: Vec<_> = audio::s16le(&samples)
        .chunks(4_410)
        .map(Bytes::copy_from_slice)
        .collect();
    let transcript = recognise(channel, config(Encoding::S16le, 22_050), chunks).await;
    assert_eq!(transcript.error, None);
    server.signal(Signal::TERM);
    let (_, log) = server.wait();

    let model = transcript
        .started
        .and_then(|started| started.model)
        .expect("a model");
    let scores = transcript.results.iter().flat_map(|result| &result.scores);
    let secrets: Vec<_> = model
        .labels
        .into_iter()
        .map(|label| format!("\"{label}\""))
        .chain(
            scores
                .map(|score| score.probability.to_string())
                .filter(|text| text.len() > 5),
        )
        .collect();
    assert!(secrets.len() > 20);
    for line in &log {
        for secret in &secrets {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}
