//! What is sent.

use bytes::Bytes;
use ser_client::proto::{
    AudioFormat, ChannelPolicy, Encoding, Pace, RecognitionOptions, StreamingConfig,
    streaming_recognize_response::Response,
};
use tokio::sync::mpsc;

use crate::support::{
    fake::FakeServer,
    messages,
    program::{Recording, patiently, run, start, wav_of},
};

/// A server that passes on what it receives.
fn listener() -> (
    FakeServer,
    mpsc::UnboundedReceiver<(StreamingConfig, Vec<Bytes>)>,
) {
    let (heard, all_heard) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |mut call| {
        let heard = heard.clone();
        async move {
            let config = call.accept().await;
            let mut chunks = Vec::new();
            while let Some(chunk) = call.audio().await {
                chunks.push(chunk);
            }
            heard.send((config, chunks)).unwrap();
            call.send(Response::Summary(messages::summary())).await;
        }
    });
    (server, all_heard)
}

fn mono(encoding: Encoding) -> Option<AudioFormat> {
    Some(AudioFormat {
        encoding: encoding.into(),
        sample_rate: 8_000,
        channels: 1,
    })
}

#[tokio::test]
async fn a_16_bit_file_is_sent_bit_by_bit() {
    let samples: Vec<i16> = (0..2_000)
        .map(|i| (i * 7919 % 65_536 - 32_768) as i16)
        .collect();
    let (server, mut heard) = listener();
    let recording = Recording::of(&samples);
    let ended = run(&server.address, &["stream", recording.path()]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (config, chunks) = patiently(heard.recv()).await.unwrap();
    assert_eq!(config.audio, mono(Encoding::S16le));
    assert_eq!(config.pace(), Pace::Live);
    let expected: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    assert_eq!(chunks.concat(), expected);
    // 100 ms each.
    assert_eq!(
        chunks.iter().map(Bytes::len).collect::<Vec<_>>(),
        [1_600, 1_600, 800]
    );
}

#[tokio::test]
async fn a_float_file_is_sent_as_floats() {
    let data: Vec<u8> = [0.1_f32, -0.7, 0.000_001]
        .iter()
        .flat_map(|s| s.to_le_bytes())
        .collect();
    let (server, mut heard) = listener();
    let recording = Recording::write("speech.wav", &wav_of(3, 32, &data));
    let ended = run(&server.address, &["stream", recording.path(), "--fast"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (config, chunks) = patiently(heard.recv()).await.unwrap();
    assert_eq!(config.audio, mono(Encoding::F32le));
    assert_eq!(config.pace(), Pace::Bulk);
    assert_eq!(chunks.concat(), data);
}

#[tokio::test]
async fn no_request_is_larger_than_a_server_takes() {
    let (server, mut heard) = listener();
    let recording = Recording::seconds(60);
    let arguments = ["stream", recording.path(), "--fast", "--chunk", "5s"];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (_, chunks) = patiently(heard.recv()).await.unwrap();
    assert_eq!(chunks.iter().map(Bytes::len).sum::<usize>(), 60 * 16_000);
    assert!(chunks.iter().all(|chunk| chunk.len() <= 128 * 1024));
}

#[tokio::test]
async fn options_reach_the_server() {
    let (server, mut heard) = listener();
    let recording = Recording::seconds(1);
    let arguments = [
        "stream",
        recording.path(),
        "--fast",
        "--pace=live",
        "--model=tess-lstm/1",
        "--window=2s",
        "--hop=500ms",
        "--top-k=2",
        "--smoothing=1.5s",
        "--channel-policy=pick:0",
    ];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (config, _) = patiently(heard.recv()).await.unwrap();
    assert_eq!(config.pace(), Pace::Live);
    assert_eq!(
        config.options,
        Some(RecognitionOptions {
            model: Some("tess-lstm/1".to_owned()),
            channels: ChannelPolicy::Pick.into(),
            picked_channel: Some(0),
            window: messages::milliseconds(2_000),
            hop: messages::milliseconds(500),
            top_k: Some(2),
            smoothing: messages::milliseconds(1_500),
        })
    );
}

#[tokio::test]
async fn raw_audio_is_sent_as_it_arrives() {
    let server = FakeServer::start(|mut call| async move {
        let config = call.accept().await;
        let format = AudioFormat {
            encoding: Encoding::Mulaw.into(),
            sample_rate: 44_100,
            channels: 2,
        };
        assert_eq!(config.audio, Some(format));
        // A result for each piece, so that the test sees it arrive while
        // standard input stays open.
        let mut sequence = 0;
        while let Some(audio) = call.audio().await {
            let label = messages::LABELS[audio.len()];
            call.send(messages::result(messages::emotion(sequence, label, 0.9)))
                .await;
            sequence += 1;
        }
        call.send(Response::Summary(messages::summary())).await;
    });
    let arguments = [
        "stream",
        "-",
        "--rate",
        "44100",
        "--encoding",
        "mulaw",
        "--channels",
        "2",
    ];
    let mut program = start(&server.address, &arguments);
    program.write(b"abc").await;
    // The third byte waits for its other channel.
    assert!(program.line().await.contains("fear 0.900"));
    program.write(b"def").await;
    assert!(program.line().await.contains("neutral 0.900"));
    program.close_stdin();
    assert!(program.line().await.starts_with("summary: "));
    assert_eq!(program.end().await.code, Some(0));
}

#[tokio::test]
async fn raw_audio_that_is_odd_is_sent_with_a_warning() {
    let (server, mut heard) = listener();
    let arguments = ["stream", "-", "--rate", "8000", "--encoding", "s16le"];
    let mut program = start(&server.address, &arguments);
    program.write(b"RIFF1").await;
    program.close_stdin();
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("summary: "), "{ended:?}");
    for warning in ["begins with RIFF", "1 byte left out"] {
        assert!(ended.stderr.contains(warning), "{warning}: {ended:?}");
    }
    let (_, chunks) = patiently(heard.recv()).await.unwrap();
    assert_eq!(chunks.concat(), b"RIFF");
}
