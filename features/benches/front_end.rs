//! What one second of a stream costs, whole and by stage:
//! `cargo bench -p ser-features --bench front_end`.

#![allow(clippy::unwrap_used, reason = "the settings are constants")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;

use common::signals::signal;
use common::{rate, seed};
use criterion::{Criterion, criterion_group, criterion_main};
use rustfft::{FftPlanner, num_complex::Complex};
use ser_features::{
    FrontEnd, FrontEndPlan, Resampler, ResamplerTables, VoiceDetector, WindowRequest,
};

const MODEL_HZ: u32 = 22_050;

/// Everything, a second of audio in 100 ms chunks, with the stream well under way.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream-second");
    let (front_end, windows) = seed();
    for hz in [MODEL_HZ, 8_000, 16_000, 44_100, 48_000] {
        let request = WindowRequest::default();
        let plan = FrontEndPlan::windowed(&front_end, &windows, request, rate(hz)).unwrap();
        let samples = signal("speech", 4 * hz as usize);
        let mut lane = FrontEnd::new(plan);
        lane.push(&samples, &mut |_| ());
        let chunk = hz as usize / 10;
        let mut chunks = samples.chunks_exact(chunk).cycle();
        group.bench_function(format!("{hz} Hz"), |bencher| {
            bencher.iter(|| {
                for chunk in chunks.by_ref().take(10) {
                    lane.push(chunk, &mut |segment| {
                        black_box(segment.features);
                    });
                }
            });
        });
    }
    group.finish();
}

fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stage");

    for hz in [8_000, 16_000, 48_000] {
        let mut resampler =
            Resampler::new(ResamplerTables::shared(rate(hz), rate(MODEL_HZ)).unwrap());
        let second = signal("speech", hz as usize);
        group.bench_function(format!("resampler from {hz} Hz, 1 s"), |bencher| {
            bencher.iter(|| resampler.push(&second, &mut |samples| _ = black_box(samples)));
        });
    }

    // 22 inner frames a hop, and two at either edge of a window.
    let (front_end, windows) = seed();
    let hop = windows.hop * front_end.hop_length;
    let transforms = (windows.hop + 4) * MODEL_HZ as usize / hop;
    let fft = FftPlanner::<f32>::new().plan_fft_forward(front_end.n_fft / 2);
    let samples: Vec<_> = signal("speech", front_end.n_fft)
        .chunks_exact(2)
        .map(|pair| Complex::new(pair[0], pair[1]))
        .collect();
    let mut frame = samples.clone();
    let mut scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
    group.bench_function(format!("{transforms} transforms, 1 s"), |bencher| {
        bencher.iter(|| {
            for _ in 0..transforms {
                // The transform overwrites its input.
                frame.copy_from_slice(&samples);
                fft.process_with_scratch(&mut frame, &mut scratch);
                black_box(&frame);
            }
        });
    });

    let centres: Vec<f32> = (0..front_end.n_mels)
        .map(|band| 80.0 * band as f32)
        .collect();
    let rows: Vec<f32> = signal("speech", 43 * front_end.n_mels)
        .iter()
        .map(|x| 30.0 * x - 30.0)
        .collect();
    let period = std::time::Duration::from_secs_f64(512.0 / f64::from(MODEL_HZ));
    let mut voice = VoiceDetector::new(&centres, period);
    group.bench_function("voice detector on 43 rows, 1 s", |bencher| {
        bencher.iter(|| {
            for row in rows.chunks_exact(front_end.n_mels) {
                black_box(voice.row(row));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, whole, stages);
criterion_main!(benches);
