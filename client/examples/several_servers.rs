//! Classifies recordings side by side, going round several servers. One that is down
//! is passed over:
//!
//! ```sh
//! cargo run --example several_servers -- \
//!     http://127.0.0.1:50051,http://127.0.0.1:50061 samples/demo.wav samples/demo.wav
//! ```

use std::{env, error::Error, path::Path, time::Duration};

use ser_client::{
    Client, Event, Timeouts,
    audio::Recording,
    proto::{Pace, StreamingConfig},
};
use tokio::task::JoinSet;
use tokio_stream::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let servers = arguments.next().ok_or("expected servers and files")?;
    let client = Client::builder(servers.split(','))
        .timeouts(Timeouts {
            connect: Duration::from_secs(30),
            ..Timeouts::default()
        })
        .connect()
        .await?;

    let mut streams = JoinSet::new();
    for file in arguments {
        let recording = Recording::open(Path::new(&file))?;
        let client = client.clone();
        streams.spawn(async move {
            let (server, label) = classify(&client, &recording).await?;
            Ok::<_, ser_client::Error>(format!("{file}: {label}, says {server}"))
        });
    }
    while let Some(line) = streams.join_next().await {
        println!("{}", line??);
    }
    Ok(())
}

/// The server that took `recording`, and what it says of the whole of it.
async fn classify(
    client: &Client,
    recording: &Recording,
) -> Result<(String, String), ser_client::Error> {
    let config = StreamingConfig {
        audio: Some(recording.format()),
        pace: Pace::Bulk.into(),
        ..StreamingConfig::default()
    };
    let (mut sink, results) = client.stream(config).await?;
    let server = results.server().to_owned();
    let audio = recording.audio().clone();
    let send = async move { sink.send(audio).await };
    let summary = results.filter_map(|event| match event {
        Ok(Event::Summary(summary)) => Some(Ok(summary)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let (_, summaries) = tokio::try_join!(send, summary.collect::<Result<Vec<_>, _>>())?;
    let label = summaries.into_iter().find_map(|s| s.overall_label);
    Ok((server, label.unwrap_or_else(|| "nobody speaks".to_owned())))
}
