//! A running stream allocates nothing, and a lane is small.

mod common;

use allocation_counter::measure;
use common::signals::signal;
use common::{rate, seed};
use ser_features::{FrontEnd, FrontEndPlan, Reduction, WindowRequest};

#[test]
fn a_running_stream_does_not_allocate() {
    let (front_end, windows) = seed();
    let mut frames = front_end.clone();
    frames.top_db = None;
    frames.reduce = Reduction::None;
    for hz in [22_050, 8_000, 24_414, 48_000] {
        let request = WindowRequest::default();
        let windowed = FrontEndPlan::windowed(&front_end, &windows, request, rate(hz)).unwrap();
        let recurrent = FrontEndPlan::recurrent(&frames, 8, rate(hz)).unwrap();
        for plan in [windowed, recurrent] {
            // The first frame of a thread brings its workspace.
            FrontEnd::new(plan.clone()).push(&[0.0; 48_000], &mut |_| ());
            let samples = signal("speech", 6 * hz as usize);
            let mut lane = FrontEnd::new(plan);
            let mut segments = 0;
            let allocations = measure(|| {
                for chunk in samples.chunks(hz as usize / 10 + 1) {
                    lane.push(chunk, &mut |_| segments += 1);
                }
                lane.finish(&mut |_| segments += 1);
            });
            assert!(segments > 5);
            assert_eq!(allocations.count_total, 0, "{hz} Hz");
        }
    }
}

#[test]
fn a_lane_of_the_seed_model_stays_within_100_kib() {
    let (front_end, windows) = seed();
    for hz in [22_050, 8_000, 16_000, 48_000] {
        let request = WindowRequest::default();
        let plan = FrontEndPlan::windowed(&front_end, &windows, request, rate(hz)).unwrap();
        let mut lane = None;
        let allocations = measure(|| lane = Some(Box::new(FrontEnd::new(plan))));
        assert!(lane.is_some());
        let bytes = allocations.bytes_current;
        println!("{hz} Hz: {bytes} bytes");
        assert!(bytes <= 100 * 1024, "{hz} Hz: {bytes} bytes");
    }
}
