//! Classifies recordings side by side, going round several servers. One that is down
//! is passed over:
//!
//! ```sh
//! cargo run --example several_servers -- \
//!     http://127.0.0.1:50051,http://127.0.0.1:50061 samples/demo.wav samples/demo.wav
//! ```

use std::{env, error::Error, path::Path, time::Duration};

use ser_client::{Client, Timeouts, audio::Recording, proto::RecognitionOptions};
use tokio::task::JoinSet;

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

    let mut tasks = JoinSet::new();
    for file in arguments {
        let recording = Recording::open(Path::new(&file))?;
        let client = client.clone();
        tasks.spawn(async move {
            let options = RecognitionOptions::default();
            let said = client.classify(&recording, options).await?;
            let label = said.summaries[0].overall_label.as_deref();
            let label = label.unwrap_or("nobody speaks");
            Ok::<_, ser_client::Error>(format!("{file}: {label}, says {}", said.server))
        });
    }
    while let Some(line) = tasks.join_next().await {
        println!("{}", line??);
    }
    Ok(())
}
