//! The checkpoint that a resumed stream brings.
//!
//! It is the start of a valid one, which belongs to the stream, with the input behind it:
//! in Protocol Buffers, that lays the input over it. Whatever is accepted leaves a stream
//! whose summary is possible.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prost::bytes::Bytes;
use prost_types::Duration;
use ser_fuzz::{client::Client, clock, requests::configs, seeds, server::Small, sound::babble};
use ser_proto::v1::{EmotionResult, Resume, Score, StreamSummary, StreamingConfig};
use ser_server::fuzzing::Sessions;
use tonic::{Code, Status};

/// Seconds.
const ROUNDING: f64 = 1e-6;

/// Samples of a stream's audio, as one channel at 8 kHz.
const SAMPLES: usize = 64_000;

static STREAMS: LazyLock<(Sessions, Vec<Stream>)> = LazyLock::new(|| {
    let small = Small::start();
    let sessions = small.sessions();
    let streams = configs()
        .into_iter()
        .filter(|config| config.resume.is_none())
        .map(|config| Stream::new(&small, &sessions, config))
        .collect();
    (sessions, streams)
});

/// A stream that ended too early.
struct Stream {
    config: StreamingConfig,
    /// Its last result.
    result: EmotionResult,
    results: u64,
}

impl Stream {
    fn new(small: &Small, sessions: &Sessions, config: StreamingConfig) -> Self {
        let config = StreamingConfig {
            checkpoints: true,
            ..config
        };
        let audio = babble(SAMPLES, 0.3, 1);
        let said = clock::run(Client::whole(small, sessions, config, &audio));
        let results = &said.results[..said.results.len() / 2];
        Self {
            config: said.effective().clone(),
            result: results.last().expect("some results").clone(),
            results: results.len() as u64,
        }
    }

    /// What it goes on with.
    fn resumed(&self, checkpoint: Bytes) -> StreamingConfig {
        let last = &self.result;
        StreamingConfig {
            resume: Some(Resume {
                replay_from_sample: last.replay_from_sample,
                results: self.results,
                end_sample: last.end_sample,
                channel: last.channel,
                checkpoint,
            }),
            ..self.config.clone()
        }
    }

    /// The checkpoint without its lanes, and those.
    fn parts(&self) -> (&[u8], &[u8]) {
        let checkpoint = &self.result.checkpoint[..];
        checkpoint.split_at(lane_at(checkpoint).expect("a lane"))
    }
}

/// Where the first lane begins in a checkpoint.
fn lane_at(mut rest: &[u8]) -> Option<usize> {
    use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
    const LANES: u32 = 5;
    let whole = rest.len();
    while !rest.is_empty() {
        let at = whole - rest.len();
        let (tag, wire_type): (u32, WireType) = decode_key(&mut rest).ok()?;
        if tag == LANES {
            return Some(at);
        }
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).ok()?;
    }
    None
}

fn seeds() -> Vec<Vec<u8>> {
    let streams = STREAMS.1.iter().zip(0..);
    streams
        .map(|(stream, at)| [&[at], stream.parts().1].concat())
        .collect()
}

/// What a summary tells can't be more than there was up to the last result, give or take
/// what is rounded.
fn check(summary: &StreamSummary, last: &EmotionResult) {
    let probability = |score: &Score| (0.0..=1.0).contains(&score.probability);
    assert!(
        summary.mean_posterior.iter().all(probability),
        "{summary:?}"
    );
    let seconds = |time: Option<Duration>| {
        let time = time.expect("a time");
        time.seconds as f64 + f64::from(time.nanos) / 1e9
    };
    let classified = seconds(summary.classified);
    let told = classified + seconds(summary.no_speech);
    assert!(told <= seconds(last.end) + ROUNDING, "{summary:?}");
    assert!(
        seconds(summary.uncertain) <= classified + ROUNDING,
        "{summary:?}"
    );
}

fuzz_target!(
    init: seeds::write(seeds()),
    |data: &[u8]| {
        let (sessions, streams) = &*STREAMS;
        let Some((&chosen, lanes)) = data.split_first() else {
            return;
        };
        let stream = &streams[usize::from(chosen) % streams.len()];
        // Now and then all of it is the input's.
        let start = if chosen & 0x80 == 0 { stream.parts().0 } else { &[] };
        let checkpoint = [start, lanes].concat();
        match sessions.accept(stream.resumed(checkpoint.into())) {
            Ok((started, summaries)) => {
                assert!(started.exact.is_some());
                for summary in &summaries {
                    check(summary, &stream.result);
                }
            }
            Err(error) => {
                let status = Status::from(error);
                let expected = [Code::InvalidArgument, Code::FailedPrecondition];
                assert!(expected.contains(&status.code()), "{status:?}");
            }
        }
    }
);
