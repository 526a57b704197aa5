//! Replicas are killed and stopped while streams run, and no stream notices.
//!
//! A short run by itself; `SER_TEST_STREAMS` streams for `SER_TEST_DURATION` seconds if
//! these are set:
//!
//! ```sh
//! SER_TEST_STREAMS=200 SER_TEST_DURATION=300 cargo test --workspace --test kill -- --nocapture
//! ```

mod replicas;
mod speakers;

use std::{env, fs, path::Path, sync::Arc, time::Duration};

use ser_client::Client;
use tokio::task::JoinSet;

use self::{
    replicas::{REPLICAS, Replicas},
    speakers::{Speaker, Speech},
};

/// Streams that share a client, and so the connections to all replicas.
const SHARE: usize = 8;

/// How long streams run, and how many of them.
fn size() -> (usize, Duration) {
    let number = |name: &str, default| match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {text}; expected a number")),
        Err(_) => default,
    };
    let seconds = Duration::from_secs(number("SER_TEST_DURATION", 15));
    let streams = usize::try_from(number("SER_TEST_STREAMS", 24)).expect("a number of streams");
    (streams, seconds)
}

/// Runs streams of `speech`, half of them smoothed, while the replicas, started with
/// `flags`, come and go; then compares what they said with what an undisturbed server
/// says.
async fn nothing_is_lost_repeated_or_different(flags: &[&str], speech: Speech) {
    let (streams, duration) = size();
    let speech = Arc::new(speech);
    let speakers: Vec<_> = (0..streams)
        .map(|number| Speaker::new(&speech, number, duration))
        .collect();
    let replicas = Replicas::start(flags).await;
    let mut conversations = JoinSet::new();
    for share in speakers.chunks(SHARE) {
        let client = Client::builder(replicas.urls()).connect();
        let client = client.await.expect("a replica that answers");
        for speaker in share {
            let (client, speaker) = (client.clone(), speaker.clone());
            conversations.spawn(async move { (speaker.clone(), speaker.speak(&client).await) });
        }
    }
    let (heard, kills) = replicas.come_and_go(conversations.join_all()).await;

    let undisturbed = Replicas::start(flags).await;
    let client = Client::builder(undisturbed.urls()).connect();
    let client = client.await.expect("a replica that answers");
    let mut results = 0;
    for (speaker, heard) in &heard {
        let expected = speaker.send(&client).await;
        results += expected.results.len();
        heard.assert_equal(&expected, speaker);
    }
    let resumed: Vec<_> = heard.iter().flat_map(|(_, heard)| &heard.resumed).collect();
    let without_gap = resumed
        .iter()
        .filter(|resumed| resumed.gap.is_zero())
        .count();
    let longest = resumed.iter().max_by_key(|resumed| resumed.gap);
    println!(
        "{streams} streams of {duration:?} over {REPLICAS} replicas, {} killed, {} stopped: {} \
         resumptions, {without_gap} of them without a gap; of {results} results 0 lost, 0 repeated, \
         0 different; the longest gap: {longest:?}",
        kills.killed,
        kills.stopped,
        resumed.len(),
    );
    assert!(kills.killed > 0 && kills.stopped > 0, "{kills:?}");
    assert!(!resumed.is_empty(), "no stream was disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_model() {
    nothing_is_lost_repeated_or_different(&[], Speech::synthesised()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_CORPORA"]
async fn the_seed_model_hears_real_speech() {
    nothing_is_lost_repeated_or_different(&[], Speech::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recurrent_model() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../backends/core/tests/packages/tiny-recurrent/1");
    let models = tempfile::tempdir().expect("a folder");
    let copy = models.path().join("tiny-recurrent/1");
    fs::create_dir_all(&copy).expect("a folder");
    for file in package.read_dir().expect("a package") {
        let file = file.expect("an entry");
        fs::copy(file.path(), copy.join(file.file_name())).expect("a copy");
    }
    let folder = models.path().to_str().expect("UTF-8");
    let flags = ["--models-dir", folder, "--model", "tiny-recurrent"];
    nothing_is_lost_repeated_or_different(&flags, Speech::synthesised()).await;
}
