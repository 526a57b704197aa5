//! Streams audio that arrives piece by piece from somewhere that must not be held
//! up, such as the callback of a sound card or packets of a phone call. Here a
//! thread plays a tone for so many seconds:
//!
//! ```sh
//! cargo run --example live -- http://127.0.0.1:50051 3
//! ```

use std::{env, error::Error, f32::consts::TAU, thread, time::Duration};

use ser_client::{
    Client, Event,
    proto::{AudioFormat, Encoding, StreamingConfig},
};
use tokio::sync::mpsc;

const SAMPLE_RATE: u16 = 16_000;
const CHUNK: Duration = Duration::from_millis(20);
const CHUNK_SAMPLES: usize = 320;

/// Two seconds. What comes while it is full is lost.
const QUEUE_LENGTH: usize = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, seconds] = arguments.as_slice() else {
        return Err("expected a server and a number of seconds".into());
    };
    let length = Duration::from_secs(seconds.parse()?);
    let format = AudioFormat {
        encoding: Encoding::S16le.into(),
        sample_rate: SAMPLE_RATE.into(),
        channels: 1,
    };
    let config = StreamingConfig {
        audio: Some(format),
        ..StreamingConfig::default()
    };
    let client = Client::connect(server).await?;
    let (mut sink, mut results) = client.stream(config).await?;

    let (callback, mut chunks) = mpsc::channel(QUEUE_LENGTH);
    thread::spawn(move || play(length, &callback));
    let sending = tokio::spawn(async move {
        // Ends, and with it the stream, when the callback is dropped.
        while let Some(chunk) = chunks.recv().await {
            sink.send(chunk).await?;
        }
        Ok::<_, ser_client::Error>(())
    });
    while let Some(event) = results.next().await? {
        match event {
            Event::Result(result) => println!("{:?} {:?}", result.verdict(), result.label),
            Event::Summary(summary) => println!(
                "{} heard, {} of it speech",
                summary.received.unwrap_or_default(),
                summary.classified.unwrap_or_default()
            ),
            Event::Warning(warning) => eprintln!("warning: {}", warning.message),
            other => eprintln!("{other:?}"),
        }
    }
    sending.await??;
    Ok(())
}

/// Stands for the device: hands over a chunk whenever it has one.
fn play(length: Duration, callback: &mpsc::Sender<bytes::Bytes>) {
    let mut samples = (0_u16..SAMPLE_RATE).cycle().map(|index| {
        let tone = (TAU * 440.0 * f32::from(index) / f32::from(SAMPLE_RATE)).sin();
        (tone * 8_192.0) as i16
    });
    for _ in 0..length.as_millis() / CHUNK.as_millis() {
        thread::sleep(CHUNK);
        let chunk = samples.by_ref().take(CHUNK_SAMPLES);
        let bytes: Vec<u8> = chunk.flat_map(i16::to_le_bytes).collect();
        if let Err(lost) = callback.try_send(bytes.into()) {
            eprintln!("20 ms of audio lost: {lost}");
        }
    }
}
