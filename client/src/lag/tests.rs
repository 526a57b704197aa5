use proptest::prelude::*;
use ser_proto::v1::Encoding;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// One byte a sample, 1,000 samples a second: a sample is a millisecond.
const FORMAT: AudioFormat = AudioFormat {
    encoding: Encoding::Mulaw as i32,
    sample_rate: 1_000,
    channels: 1,
};

fn duration(time: Duration) -> Option<prost_types::Duration> {
    Some(time.try_into().unwrap())
}

/// What is said of the milliseconds from `new_start` to `end`.
fn result(new_start: u32, end: u32) -> EmotionResult {
    EmotionResult {
        new_start: duration(new_start * MS),
        end: duration(end * MS),
        end_sample: end.into(),
        trigger: Trigger::Interval.into(),
        ..EmotionResult::default()
    }
}

fn last(result: EmotionResult) -> EmotionResult {
    EmotionResult {
        trigger: Trigger::EndOfStream.into(),
        ..result
    }
}

/// A meter of `chunks` of 100 ms, each due at its end, and when the first began.
fn meter(delay: Duration, chunks: u32) -> (LagMeter, Instant) {
    let mut meter = LagMeter::new(&FORMAT, delay);
    let start = Instant::now();
    for chunk in 1..=chunks {
        meter.sent(100, start + chunk * 100 * MS);
    }
    (meter, start)
}

#[test]
fn lag_counts_from_the_chunk_that_holds_the_sample() {
    let (mut meter, start) = meter(Duration::ZERO, 10);
    // 250 ms of audio had left with the third chunk, at 300 ms.
    let lag = meter.received(&result(0, 250), start + 340 * MS).unwrap();
    assert_eq!(lag.computable, 40 * MS);
    assert_eq!(lag.covered, 40 * MS);
}

#[test]
fn an_end_between_two_chunks_needs_only_the_first() {
    let (mut meter, start) = meter(Duration::ZERO, 10);
    let lag = meter.received(&result(0, 300), start + 340 * MS).unwrap();
    assert_eq!(lag.computable, 40 * MS);
}

#[test]
fn the_delay_of_the_algorithm_is_not_the_servers_lag() {
    let (mut meter, start) = meter(10 * MS, 10);
    let lag = meter.received(&result(0, 295), start + 440 * MS).unwrap();
    assert_eq!(lag.computable, 40 * MS, "305 ms had left at 400 ms");
    assert_eq!(lag.covered, 140 * MS, "295 ms had left at 300 ms");
}

#[test]
fn a_rounded_end_is_not_a_sample_more() {
    // A third of a second is 11,025 samples at 33,075 Hz, to the nanosecond; 441 samples
    // are 13.333333 ms.
    let format = AudioFormat {
        sample_rate: 33_075,
        ..FORMAT
    };
    let mut meter = LagMeter::new(&format, Duration::from_nanos(13_333_334));
    let start = Instant::now();
    meter.sent(11_025 + 441, start);
    meter.sent(11_025, start + MS);
    let third = EmotionResult {
        end_sample: 11_025,
        ..result(0, 333)
    };
    assert_eq!(meter.received(&third, start + MS).unwrap().computable, MS);
}

#[test]
fn channels_share_a_frame() {
    let format = AudioFormat {
        encoding: Encoding::S16le.into(),
        channels: 2,
        ..FORMAT
    };
    let mut meter = LagMeter::new(&format, Duration::ZERO);
    let start = Instant::now();
    // Cut inside a frame: the hundredth is whole with the second chunk.
    meter.sent(399, start);
    meter.sent(1, start + MS);
    for _channel in 0..2 {
        let lag = meter.received(&result(0, 100), start + 3 * MS).unwrap();
        assert_eq!(lag.computable, 2 * MS);
    }
}

#[test]
fn the_half_close_makes_the_last_result_computable() {
    let (mut meter, start) = meter(10 * MS, 3);
    assert_eq!(meter.received(&result(0, 295), start + 350 * MS), None);
    meter.half_closed(start + 310 * MS);
    // What the delay held back needs the half-close, what ends the stream, too.
    for result in [result(0, 295), last(result(295, 300))] {
        let lag = meter.received(&result, start + 350 * MS).unwrap();
        assert_eq!(lag.computable, 40 * MS);
    }
}

#[test]
fn a_result_about_audio_that_never_left_has_no_lag() {
    let (mut meter, start) = meter(Duration::ZERO, 3);
    assert_eq!(meter.received(&result(0, 301), start), None);
    meter.half_closed(start);
    assert_eq!(meter.received(&last(result(0, 301)), start), None);
}

#[test]
fn what_comes_before_it_was_due_has_a_lag_of_zero() {
    let (mut meter, start) = meter(Duration::ZERO, 3);
    let lag = meter.received(&result(0, 100), start).unwrap();
    assert_eq!(
        (lag.computable, lag.covered),
        (Duration::ZERO, Duration::ZERO)
    );
}

#[test]
fn a_server_without_results_costs_bounded_memory() {
    let (mut meter, start) = meter(Duration::ZERO, 20_000);
    assert_eq!(meter.chunks.len(), MOST_CHUNKS);
    assert_eq!(meter.received(&result(0, 200_000), start), None);
    assert!(meter.received(&result(0, 200_001), start).is_some());
}

proptest! {
    /// However the audio is cut, lag is what a search through all chunks finds, and what
    /// is kept is the audio from the last result on.
    #[test]
    fn cuts_and_forgetting_do_not_matter(
        chunks in prop::collection::vec(1_u32..400, 1..60),
        delay in 0_u32..30,
        hop in 30_u32..700,
    ) {
        let mut meter = LagMeter::new(&FORMAT, delay * MS);
        let start = Instant::now();
        let (mut sent, mut end, mut cuts) = (0, hop, Vec::new());
        for chunk in chunks {
            sent += chunk;
            cuts.push(sent);
            meter.sent(chunk as usize, start + sent * MS);
            while end + delay <= sent {
                let at = |sample| *cuts.iter().find(|cut| **cut >= sample).unwrap();
                let received = start + (sent + 7) * MS;
                let lag = meter.received(&result(end - hop, end), received).unwrap();
                prop_assert_eq!(lag.computable, (sent + 7 - at(end + delay)) * MS);
                prop_assert_eq!(lag.covered, (sent + 7 - at(end)) * MS);
                let kept = cuts.iter().filter(|cut| **cut > end - hop).count();
                prop_assert_eq!(meter.chunks.len(), kept);
                end += hop;
            }
        }
    }
}
