//! Results don't depend on how the client cut the audio, nor on what else the
//! server does meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use ser_proto::v1::{AudioFormat, ChannelPolicy, Encoding, RecognitionOptions, StreamingConfig};
use ser_tests::{
    audio,
    server::ServerProcess,
    stream::{self, Transcript},
};
use tokio::runtime::Runtime;
use tonic::transport::Channel;

/// Two channels at a rate that the server has to resample, each recognised on
/// its own.
fn stereo() -> (StreamingConfig, Vec<u8>) {
    let rate = 24_414;
    let config = StreamingConfig {
        audio: Some(AudioFormat {
            encoding: Encoding::S16le.into(),
            sample_rate: rate,
            channels: 2,
        }),
        options: Some(RecognitionOptions {
            channels: ChannelPolicy::Separate.into(),
            smoothing: Some(prost_types::Duration {
                seconds: 2,
                nanos: 0,
            }),
            ..RecognitionOptions::default()
        }),
        pace: 0,
        ..StreamingConfig::default()
    };
    let (left, right) = (audio::voice(rate, 4.3, 1), audio::voice(rate, 4.3, 5));
    let interleaved: Vec<f32> = left
        .into_iter()
        .zip(right)
        .flat_map(|(l, r)| [l, r])
        .collect();
    (config, audio::s16le(&interleaved))
}

fn recognise(runtime: &Runtime, channel: &Channel, chunks: Vec<Bytes>) -> Transcript {
    let (config, _) = stereo();
    let mut transcript = runtime.block_on(stream::recognise(channel.clone(), config, chunks));
    transcript.started = None;
    transcript
}

/// Cuts `bytes` into pieces of the given lengths, over and over.
fn cut(bytes: &[u8], lengths: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(bytes);
    let mut chunks = Vec::new();
    for &length in lengths.iter().cycle() {
        if rest.is_empty() {
            return chunks;
        }
        chunks.push(rest.split_to(length.min(rest.len())));
    }
    chunks
}

/// Keeps 16 other streams busy until dropped, so that rows share batches with
/// strangers.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start(runtime: &Runtime, channel: &Channel) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for seed in 0..16 {
            let (channel, stop) = (channel.clone(), Arc::clone(&stop));
            runtime.spawn(async move {
                let rate = 22_050;
                let chunks = cut(&audio::s16le(&audio::voice(rate, 3.0, seed)), &[2_205]);
                while !stop.load(Ordering::Relaxed) {
                    let config = stream::config(Encoding::S16le, rate);
                    stream::recognise(channel.clone(), config, chunks.clone()).await;
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn byte_by_byte_gives_the_same_bits() {
    let runtime = Runtime::new().expect("a runtime");
    let (_server, channel) = runtime.block_on(ServerProcess::ready());
    let bytes = audio::s16le(&audio::voice(8_000, 1.7, 3));
    let recognise = |chunks| {
        let config = stream::config(Encoding::S16le, 8_000);
        let mut transcript = runtime.block_on(stream::recognise(channel.clone(), config, chunks));
        transcript.started = None;
        transcript
    };
    let whole = recognise(cut(&bytes, &[100_000]));
    assert_eq!(whole.error, None);
    assert!(whole.results.len() > 2, "{whole:?}");
    assert_eq!(recognise(cut(&bytes, &[1])), whole);
}

#[test]
fn any_partition_gives_the_same_bits() {
    let runtime = Runtime::new().expect("a runtime");
    let (_server, channel) = runtime.block_on(ServerProcess::ready());
    let (_, bytes) = stereo();
    let whole = recognise(&runtime, &channel, cut(&bytes, &[100_000]));
    assert_eq!(whole.error, None);
    assert!(whole.results.len() > 10, "{whole:?}");
    assert_eq!(whole.summaries.len(), 2);

    let _load = Load::start(&runtime, &channel);
    let length = prop_oneof![1_usize..16, 1_usize..5_000, 5_000_usize..100_000];
    let mut runner = TestRunner::new(Config {
        cases: 24,
        ..Config::default()
    });
    runner
        .run(&vec(length, 1..40), |lengths| {
            let transcript = recognise(&runtime, &channel, cut(&bytes, &lengths));
            prop_assert_eq!(&transcript, &whole);
            Ok(())
        })
        .expect("any partition gives the same");
}
