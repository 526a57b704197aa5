use std::time::Duration;

use super::{Schedule, ShortWindow, WindowParams, WindowRequest, samples_to_duration};
use crate::{FeatureKind, FrontEndParams, MelNorm, MelScale, Reduction, WindowFunction};

fn seed() -> (FrontEndParams, WindowParams) {
    let front_end = FrontEndParams {
        sample_rate: 22_050,
        n_fft: 2048,
        hop_length: 512,
        window: WindowFunction::Hann,
        n_mels: 128,
        f_min: 0.0,
        f_max: 11_025.0,
        mel_scale: MelScale::Slaney,
        mel_norm: MelNorm::Slaney,
        amin: 1e-10,
        top_db: Some(80.0),
        features: FeatureKind::Mfcc,
        n_mfcc: Some(40),
        reduce: Reduction::Mean,
    };
    let windows = WindowParams {
        window: 129,
        hop: 22,
        shortest_window: 43,
        longest_window: 430,
        shortest_hop: 5,
        short: ShortWindow::Reduce,
    };
    (front_end, windows)
}

fn asked(window: Option<f64>, hop: Option<f64>) -> Result<(u64, u64), String> {
    let (front_end, windows) = seed();
    let request = WindowRequest {
        window: window.map(Duration::from_secs_f64),
        hop: hop.map(Duration::from_secs_f64),
    };
    Schedule::new(&windows, request, &front_end)
        .map(|schedule| (schedule.window(), schedule.hop()))
        .map_err(|error| error.to_string())
}

fn refused(window: Option<f64>, hop: Option<f64>) -> String {
    asked(window, hop).unwrap_err()
}

#[test]
fn windows_grow_from_the_shortest_then_slide() {
    let (front_end, windows) = seed();
    let schedule = Schedule::new(&windows, WindowRequest::default(), &front_end).unwrap();
    let spans: Vec<_> = (0..6)
        .map(|i| (schedule.start(i), schedule.end(i)))
        .collect();
    assert_eq!(
        spans,
        [(0, 44), (0, 66), (0, 88), (0, 110), (3, 132), (25, 154)]
    );
}

#[test]
fn waiting_models_get_full_windows_from_the_start() {
    let (mut front_end, mut windows) = seed();
    front_end.reduce = Reduction::None;
    windows.short = ShortWindow::Wait;
    let schedule = Schedule::new(&windows, WindowRequest::default(), &front_end).unwrap();
    let spans: Vec<_> = (0..3)
        .map(|i| (schedule.start(i), schedule.end(i)))
        .collect();
    assert_eq!(spans, [(0, 129), (22, 151), (44, 173)]);
}

#[test]
fn the_newest_window_that_slid_off_is_found() {
    let (front_end, windows) = seed();
    let schedule = Schedule::new(&windows, WindowRequest::default(), &front_end).unwrap();
    let newest: Vec<_> = [0, 2, 3, 24, 25]
        .map(|frame| schedule.newest_slid(frame))
        .into();
    assert_eq!(newest, [None, None, Some(4), Some(4), Some(5)]);
}

#[test]
fn requests_are_rounded_to_frames() {
    assert_eq!(asked(None, None), Ok((129, 22)));
    assert_eq!(asked(Some(2.0), Some(0.25)), Ok((86, 11)));
    // The limits as messages print them are within reach.
    assert_eq!(asked(Some(9.985), Some(0.116)), Ok((430, 5)));
    assert_eq!(asked(None, Some(1.997)), Ok((129, 86)));
}

#[test]
fn the_default_hop_shrinks_with_the_window() {
    assert_eq!(asked(Some(1.2), None), Ok((52, 9)));
}

#[test]
fn requests_out_of_range_are_refused() {
    let window = "expected 0.998s to 9.985s";
    assert_eq!(
        refused(Some(604_800.0), None),
        format!("window: 604800s; {window}")
    );
    assert_eq!(refused(Some(0.0), None), format!("window: 0s; {window}"));
    assert_eq!(
        refused(Some(0.98), None),
        format!("window: 0.98s; {window}")
    );
    assert_eq!(
        refused(Some(1.0), None),
        "window: 1s; expected at least 1.115s, to leave room for a hop"
    );
    let hop = "expected 0.116s to 1.997s";
    assert_eq!(refused(None, Some(0.0)), format!("hop: 0s; {hop}"));
    assert_eq!(refused(None, Some(2.5)), format!("hop: 2.5s; {hop}"));
    assert_eq!(
        refused(None, Some(604_800.0)),
        format!("hop: 604800s; {hop}")
    );
    assert_eq!(
        refused(Some(2.0), Some(1.1)),
        "hop: 1.1s; expected 0.116s to 0.998s"
    );
}

#[test]
fn the_longest_duration_is_refused_not_wrapped() {
    let (front_end, windows) = seed();
    let request = WindowRequest {
        window: Some(Duration::MAX),
        hop: None,
    };
    assert!(Schedule::new(&windows, request, &front_end).is_err());
}

type Change = fn(&mut FrontEndParams, &mut WindowParams);

#[test]
fn package_errors_name_table_key_and_range() {
    let check = |change: Change| {
        let (mut front_end, mut windows) = seed();
        change(&mut front_end, &mut windows);
        windows.validate(&front_end).unwrap_err().to_string()
    };
    let table: [(Change, &str); 18] = [
        (
            |f, _| f.sample_rate = 4000,
            "front_end.sample_rate: 4000 Hz; expected 8000 to 192000 Hz",
        ),
        (
            |f, _| f.n_fft = 2047,
            "front_end.n_fft: 2047; expected an even number, 64 to 16384",
        ),
        (
            |f, _| f.hop_length = 0,
            "front_end.hop_length: 0; expected 1 to 1024, half of n_fft",
        ),
        (
            |f, _| f.n_mels = 0,
            "front_end.n_mels: 0; expected 1 to 512",
        ),
        (
            |f, _| f.f_min = -1.0,
            "front_end.f_min: -1; expected 0 to less than 11025 Hz",
        ),
        (
            |f, _| f.f_max = 12e3,
            "front_end.f_max: 12000; expected more than 0, at most 11025 Hz",
        ),
        (
            |f, _| f.f_max = f64::NAN,
            "front_end.f_max: NaN; expected more than 0, at most 11025 Hz",
        ),
        (
            |f, _| f.amin = 0.0,
            "front_end.amin: 0; expected a finite number above 0",
        ),
        (
            |f, _| f.top_db = Some(-1.0),
            "front_end.top_db: -1; expected a finite number above 0",
        ),
        (
            |f, _| f.n_mfcc = Some(129),
            "front_end.n_mfcc: 129; expected 1 to 128, n_mels",
        ),
        (
            |f, _| f.n_mfcc = None,
            "front_end.n_mfcc: missing; expected 1 to 128 with features = \"mfcc\"",
        ),
        (
            |f, _| f.features = FeatureKind::LogMel,
            "front_end.n_mfcc: 40; expected none with features = \"log-mel\"",
        ),
        (
            |_, w| w.window = 43,
            "windows.window: 43; expected 44 to 430",
        ),
        (|_, w| w.hop = 87, "windows.hop: 87; expected 5 to 86"),
        (
            |_, w| w.longest_window = 9000,
            "windows.longest_window: 9000; expected 2 to 8192",
        ),
        (
            |f, w| (f.hop_length, w.longest_window, w.shortest_hop) = (8, 8192, 1),
            "windows.longest_window: 8192; expected a shorter one or a longer shortest_hop: a stream \
             would hold 135299200 levels, more than 4194304",
        ),
        (
            |_, w| w.short = ShortWindow::PadLeft,
            "windows.short: \"pad-left\"; expected \"reduce\" or \"wait\" with reduce = \"mean\"",
        ),
        (
            |f, _| f.reduce = Reduction::None,
            "windows.short: \"reduce\"; expected \"pad-left\" or \"wait\" with reduce = \"none\"",
        ),
    ];
    for (change, message) in table {
        assert_eq!(check(change), message);
    }
}

#[test]
fn recurrent_models_are_checked() {
    let refused = |front_end: FrontEndParams, steps| {
        front_end.validate_recurrent(steps).unwrap_err().to_string()
    };
    let (mut front_end, _) = seed();
    assert_eq!(
        refused(front_end.clone(), 4),
        "front_end.top_db: 80; expected none, the model is recurrent"
    );
    front_end.top_db = None;
    assert_eq!(
        refused(front_end.clone(), 4),
        "front_end.reduce: \"mean\"; expected \"none\", the model is recurrent"
    );
    front_end.reduce = Reduction::None;
    assert_eq!(
        refused(front_end.clone(), 0),
        "input.steps: 0; expected 1 to 8192"
    );
    assert_eq!(front_end.validate_recurrent(4), Ok(()));
}

#[test]
fn times_are_rounded_to_the_nearest_nanosecond() {
    assert_eq!(samples_to_duration(1, 22_050), Duration::from_nanos(45_351));
    assert_eq!(
        samples_to_duration(11_264, 22_050),
        Duration::from_nanos(510_839_002)
    );
    // 100 years: far from overflow.
    let century = 100 * 365 * 86_400 * 22_050_u64;
    assert_eq!(
        samples_to_duration(century, 22_050),
        Duration::from_secs(100 * 365 * 86_400)
    );
}
