//! What is measured is what there was.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_known_delay_is_measured() {
    const DELAY: f64 = 0.25;
    let server = null_server(Behaviour {
        delay: |_| Duration::from_secs_f64(DELAY),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 5 --streams-per-connection 2 --threads 2 --duration 2s";
    let (steps, _) = run(&server.url(), load, 0).await;
    let [step] = &steps[..] else {
        panic!("one step: {steps:?}")
    };

    let lag = times(&step["lag"]);
    assert!(lag.is_sorted(), "{step}");
    assert!(lag[0] >= DELAY, "none comes before its time: {step}");
    assert!(
        lag[0] < 2.0 * DELAY,
        "not every one is held up by something else for so long: {step}"
    );
    // The delay that the server declares puts the sample that makes a result
    // computable into the chunk after the one that it covers, which was due 100 ms
    // before. Histograms keep three digits.
    for (covered, lag) in times(&step["covered_lag"]).into_iter().zip(lag) {
        assert!((covered - lag - 0.1).abs() < 0.002 * covered, "{step}");
    }
    // Each of 5 streams had 20 chunks due in 2 s, and each of them completes a hop.
    assert_eq!(step["results"], 100);
    assert_eq!(step["missing"], 0);
    assert_eq!(step["achieved"], 5);
    assert_eq!(step["connections"], 3);
    assert_eq!(server.traffic.connections(), 3);
    assert_eq!(server.traffic.most_streams(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_listening_cannot_hide_it() {
    // 768 KB a second fill the windows of HTTP/2 within the pause: the client is held
    // up, and sends chunks late that were due long ago.
    let server = null_server(Behaviour {
        pause: Some((Duration::from_millis(500), Duration::from_secs(2))),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--rate 192000 --encoding f32le --duration 3s";
    let (steps, _) = run(&server.url(), load, 0).await;
    // 20 of the 30 results fell due in the pause, and waited for its end.
    let step = &steps[0];
    assert_eq!(step["results"], 30);
    let [_, p50, p90, .., max] = times(&step["lag"]);
    assert!(max >= 1.8 && p90 >= 1.5 && p50 >= 0.4, "{step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_never_come_count_with_what_they_lagged() {
    let server = null_server(Behaviour {
        pause: Some((Duration::from_millis(500), 10 * PATIENCE)),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--duration 1s", 1).await;
    let step = &steps[0];
    assert_eq!(step["errors"], json!({"unfinished": 1}));
    assert_eq!(step["achieved"], 0);
    assert_eq!(end["sustained"], Value::Null);
    let [came, missing] = ["results", "missing"].map(|name| step[name].as_u64().unwrap());
    assert!(missing > 0 && came + missing == 10, "{step}");
    // The streams were given up 10 s after the last chunk was due.
    assert!(times(&step["lag"])[5] >= 10.0, "{step}");
}
