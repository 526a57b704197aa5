//! More and more streams, until it is too many.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_ends_where_the_lag_passes_the_limit() {
    let server = null_server(Behaviour {
        delay: |streams| Duration::from_secs(if streams > 2 { 3 } else { 0 }),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--ramp 1:8 --duration 500ms --max-lag 2s", 0).await;
    let of_all = |name: &str| -> Value { steps.iter().map(|step| step[name].clone()).collect() };
    assert_eq!(of_all("streams"), json!([1, 2, 4]));
    assert_eq!(of_all("within_max_lag"), json!([true, true, false]));
    assert_eq!(end["sustained"], 2);
    assert_eq!(server.traffic.most_streams(), 4);

    // Where not even the first step is within the limit, the run has failed.
    let load = "--streams 3 --duration 500ms --warm-up 200ms --max-lag 2s";
    let ended = program::run(bench(&server.url(), load)).await;
    ended.assert(1, &["with 3 streams", "--max-lag"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_ends_where_streams_fail() {
    let server = null_server(Behaviour {
        most_streams: 3,
        ..Behaviour::default()
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("lag.svg");
    let load = format!("--ramp 1:8 --duration 500ms --plot {}", picture.display());
    let (steps, end) = run(&server.url(), &load, 0).await;
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[2]["errors"], json!({"resource_exhausted": 1}));
    assert_eq!(end["sustained"], 2);
    // On each of four curves, two steps: the third is that of three streams.
    let picture = std::fs::read_to_string(picture).unwrap();
    assert_eq!(picture.matches("<circle").count(), 4 * 2, "{picture}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_whose_server_is_lost_has_failed() {
    let server = null_server(Behaviour {
        refused: |number| number > 0,
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--ramp 1:8 --duration 500ms", 3).await;
    assert_eq!(steps[1]["errors"], json!({"unavailable": 2}));
    assert_eq!(end["sustained"], 1);
}
