//! A running stream allocates nothing, and a lane is small.

mod common;

use allocation_counter::measure;
use common::signals::signal;
use common::{recurrent_plan, seed_plan};
use ser_features::FrontEnd;

#[test]
fn a_running_stream_does_not_allocate() {
    for hz in [22_050, 8_000, 24_414, 48_000] {
        for plan in [seed_plan(hz), recurrent_plan(hz, 8)] {
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
    for hz in [22_050, 8_000, 16_000, 48_000] {
        let plan = seed_plan(hz);
        let mut lane = None;
        let allocations = measure(|| lane = Some(Box::new(FrontEnd::new(plan))));
        assert!(lane.is_some());
        let bytes = allocations.bytes_current;
        println!("{hz} Hz: {bytes} bytes");
        assert!(bytes <= 100 * 1024, "{hz} Hz: {bytes} bytes");
    }
}
