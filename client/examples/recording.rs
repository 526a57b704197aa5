//! Streams a recording as if somebody were speaking, and prints emotions as they
//! come:
//!
//! ```sh
//! cargo run --example recording -- http://127.0.0.1:50051 samples/demo.wav
//! ```

use std::{env, error::Error, path::Path, time::Duration};

use ser_client::{
    Client, Event,
    audio::{AudioSource, Pacing},
    proto::StreamingConfig,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, file] = arguments.as_slice() else {
        return Err("expected a server and a WAV or FLAC file".into());
    };
    let chunk = Duration::from_millis(100);
    let mut source = AudioSource::file(Path::new(file), chunk, Pacing::RealTime)?;
    let config = StreamingConfig {
        audio: Some(source.format()),
        ..StreamingConfig::default()
    };
    let client = Client::connect(server).await?;
    let (mut sink, mut results) = client.stream(config).await?;

    // One task sends while this one reads.
    let sending = tokio::spawn(async move {
        while let Some(chunk) = source.next_chunk().await? {
            sink.send(chunk).await?;
        }
        // Dropping the sink asks the server for what is still due.
        Ok::<_, ser_client::Error>(())
    });
    while let Some(event) = results.next().await? {
        match event {
            Event::Result(result) => println!(
                "until {} {}",
                result.end.unwrap_or_default(),
                result.label.as_deref().unwrap_or("nobody speaks")
            ),
            Event::Summary(summary) => println!(
                "overall {}",
                summary.overall_label.as_deref().unwrap_or("nobody spoke")
            ),
            Event::Warning(warning) => eprintln!("warning: {}", warning.message),
            other => eprintln!("{other:?}"),
        }
    }
    sending.await??;
    Ok(())
}
