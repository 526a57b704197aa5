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
async fn a_stream_that_fails_is_told_in_one_line() {
    let (mut server, channel) = ServerProcess::ready().await;
    let speech = Bytes::from(audio::s16le(&audio::voice(22_050, 2.0, 3)));
    let config = || config(Encoding::S16le, 22_050);
    let whole = recognise(channel.clone(), config(), [speech.clone()]).await;
    assert_eq!(whole.error, None);
    let odd = recognise(channel, config(), [speech, Bytes::from_static(&[0])]).await;
    let (_, message) = odd.error.expect("half a sample is refused");
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let told: Vec<serde_json::Value> = log
        .iter()
        .filter(|line| line.contains("stream"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [line] = &told[..] else {
        panic!("expected one line, got {told:#?}")
    };
    assert_eq!(line["message"], format!("stream ended: {message}"));
    assert_eq!(line["code"], "InvalidArgument");
    let id = odd.started.expect("a start").stream_id;
    assert_eq!(line["span"]["id"], id);
}

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
