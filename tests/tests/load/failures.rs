//! Streams that fail.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_status() {
    let server = null_server(Behaviour {
        most_streams: 3,
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--streams 5 --duration 500ms", 1).await;
    assert_eq!(steps[0]["errors"], json!({"resource_exhausted": 2}));
    assert_eq!(steps[0]["achieved"], 3);
    assert!(times(&steps[0]["refused"])[0] > 0.0, "{}", steps[0]);
    assert_eq!(steps[0]["asked_back"], 0);
    assert_eq!(steps[0]["within_max_lag"], false);
    assert_eq!(end["sustained"], Value::Null);

    let arguments = "--streams 5 --duration 1ms --warm-up 1ms";
    let ended = program::run(bench(&server.url(), arguments)).await;
    let said = "streams: 3 open; expected at most 3";
    let failed = "2 of 5 streams failed (2 resource_exhausted)";
    ended.assert(1, &[failed, said, "hint: "]);
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    let refused = "5 streams: 2 refused for want of room, after ";
    assert!(ended.stdout.contains(refused), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_is_not_tried_again() {
    let server = null_server(Behaviour {
        refused: |number| number < 2,
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, _) = run(&server.url(), "--streams 5 --duration 500ms", 1).await;
    assert_eq!(steps[0]["errors"], json!({"unavailable": 2}));
    assert_eq!(steps[0]["achieved"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_leave_no_results_out() {
    let server = null_server(Behaviour {
        broken: |number| (number < 2).then_some(Duration::from_millis(800)),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, _) = run(&server.url(), "--streams 4 --duration 2s", 1).await;
    let step = &steps[0];
    assert_eq!(step["errors"], json!({"unavailable": 2}));
    assert_eq!(step["achieved"], 2);
    let [came, missing] = ["results", "missing"].map(|name| step[name].as_u64().unwrap());
    // Each of 4 streams had 20 results due. Before it breaks, one has 7 at most.
    assert!(missing >= 2 * 13 && came + missing == 80, "{step}");
    assert!(times(&step["lag"])[5] >= 1.0, "{step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_resumed_leave_no_results_out() {
    // Each stream breaks once, or is told to leave; the number is of the attempt.
    let breaking = Behaviour {
        broken: |number| (number < 2).then_some(Duration::from_millis(800)),
        goes_away: |number| {
            (2..4)
                .contains(&number)
                .then_some(Duration::from_millis(800))
        },
        ..Behaviour::default()
    };
    let [one, other] = [null_server(breaking).await, null_server(breaking).await];
    let servers = format!("{},{}", one.url(), other.url());
    let load = "--streams 8 --duration 2s --resume";
    let (steps, _) = run(&servers, load, 0).await;
    let step = &steps[0];
    assert_eq!(
        (&step["errors"], &step["achieved"]),
        (&json!({}), &json!(8))
    );
    assert_eq!(
        (&step["results"], &step["missing"]),
        (&json!(160), &json!(0))
    );
    let resumed = step["resumed"].as_u64().expect("a number");
    assert!((1..=8).contains(&resumed), "{step}");

    let breaking = Behaviour {
        goes_away: |_| None,
        ..breaking
    };
    let table = "--streams 2 --duration 1s --warm-up 200ms --resume";
    let ended = program::run(bench(&null_server(breaking).await.url(), table)).await;
    ended.assert(0, &[]);
    let told = "2 streams: 2 resumptions, with no result left out.";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_lost_is_told_from_one_that_is_slow() {
    let server = null_server(Behaviour {
        broken: |_| Some(Duration::from_millis(300)),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 2 --duration 2s --warm-up 1ms";
    let ended = program::run(bench(&server.url(), load)).await;
    let failed = "2 of 2 streams failed (2 unavailable)";
    ended.assert(3, &[failed, "server: shutting down", "hint: "]);
    let told = "2 streams: 0 ran to the end";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_too_many_streams_stays_one() {
    let server = null_server(Behaviour {
        most_streams_per_connection: Some(2),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 5 --streams-per-connection 5 --duration 500ms --answer-timeout 5s";
    let (steps, _) = run(&server.url(), load, 1).await;
    assert_eq!(steps[0]["errors"], json!({"silent": 1, "not_opened": 2}));
    assert_eq!(steps[0]["achieved"], 2);
    assert_eq!(steps[0]["connections"], 1);
    assert_eq!(server.traffic.connections(), 1);
}
