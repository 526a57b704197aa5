//! What a second of one channel costs before its first frame: decoding,
//! resampling, and the voice detector's share.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ser_features::{
    ChannelCount, ChannelSelection, Encoding, PcmFormat, PcmReader, Resampler, ResamplerTables,
    SampleRate, VoiceDetector,
};

fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).expect("within the range")
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode a second");
    for encoding in [Encoding::S16Le, Encoding::F32Le, Encoding::MuLaw] {
        let format = PcmFormat {
            encoding,
            sample_rate: rate(16_000),
            channels: ChannelCount::MONO,
        };
        let second = vec![0_u8; 16_000 * encoding.bytes_per_sample()];
        let mut reader =
            PcmReader::new(format, ChannelSelection::Mix).expect("no channel is picked");
        group.bench_function(format!("{encoding:?}"), |bencher| {
            bencher.iter(|| {
                reader.push(black_box(&second), &mut |_, samples| {
                    black_box(samples);
                })
            });
        });
    }
}

fn resample(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample a second to 22050 Hz");
    for hz in [8_000, 16_000, 24_414, 44_100, 48_000, 192_000] {
        let second: Vec<f32> = (0..hz).map(|n| (n as f32).sin()).collect();
        let mut resampler = Resampler::new(ResamplerTables::shared(rate(hz), rate(22_050)));
        group.bench_function(hz.to_string(), |bencher| {
            bencher.iter(|| {
                for chunk in second.chunks(hz as usize / 10) {
                    resampler.push(black_box(chunk), &mut |samples| {
                        black_box(samples);
                    });
                }
            });
        });
    }
}

/// 128 bands up to 11,025 Hz, 43 frames a second.
fn detect(criterion: &mut Criterion) {
    let centres: Vec<f32> = (0..128)
        .map(|band| (band as f32 * 86.0).max(10.0))
        .collect();
    let period = Duration::from_secs_f64(512.0 / 22_050.0);
    let mut detector = VoiceDetector::new(&centres, period);
    let row = [-20.0_f32; 128];
    let mut group = criterion.benchmark_group("voice");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a frame", |bencher| {
        bencher.iter(|| detector.row(black_box(&row)))
    });
}

criterion_group!(benches, decode, resample, detect);
criterion_main!(benches);
