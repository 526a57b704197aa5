//! Changes take turns, and none of them for ever.

use tokio::task::JoinHandle;

use super::*;
use crate::models::MAX_ABANDONED;

#[tokio::test]
async fn one_version_at_once_is_loaded_once() {
    let bench = Bench::new(&["a/1"]);
    bench.add("a", "2");
    let loads = bench.loads.load(Ordering::Relaxed);
    let load = || bench.repository.load("a/2");
    let (one, two, three) = tokio::join!(load(), load(), load());
    for status in [one, two, three] {
        assert_eq!(status.unwrap().state, ModelState::Serving);
    }
    assert_eq!(bench.loads.load(Ordering::Relaxed), loads + 1);
}

/// Asks for a load that doesn't return, and lets no time pass until the deadline.
async fn hung(bench: &Bench, id: &str) -> Error {
    tokio::time::pause();
    let error = bench.repository.load(id).await.unwrap_err();
    tokio::time::resume();
    error
}

#[tokio::test]
async fn a_load_that_hangs_is_given_up_on() {
    let mut bench = Bench::new(&["a/1", "b/1"]);
    bench.add("slow", "1");
    let (alive, made) = (*bench.alive.borrow(), bench.made.load(Ordering::Relaxed));
    let error = hung(&bench, "slow/1").await;
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (
            Code::DeadlineExceeded,
            "model slow/1: refused: did not load within 300s"
        )
    );
    assert_promised(&error.to_string());
    let status = bench.status("slow/1").await;
    assert_eq!(
        (status.state, status.refusal.as_deref()),
        (ModelState::Refused, Some("did not load within 300s"))
    );

    // It is others' turn.
    bench.repository.unload("b/1").await.unwrap();
    bench.repository.load("b/1").await.unwrap();
    bench.until_alive(alive).await;
    let made_meanwhile = bench.made.load(Ordering::Relaxed);
    assert!(made_meanwhile > made);

    // Nobody asked for it any more when it came.
    drop(bench.go.take());
    let gone = |&now: &usize| now == alive && bench.made.load(Ordering::Relaxed) > made_meanwhile;
    let gone = tokio::time::timeout(PATIENCE, bench.alive.wait_for(gone)).await;
    drop(gone.unwrap().unwrap());
    assert_eq!(bench.status("slow/1").await.state, ModelState::Refused);
    let error = bench.resolve(Some("slow")).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);

    let loaded = bench.repository.load("slow/1").await.unwrap();
    assert_eq!((loaded.state, loaded.refusal), (ModelState::Serving, None));
}

#[tokio::test]
async fn a_reload_that_hangs_leaves_what_was_served() {
    let mut bench = Bench::new(&["a/1"]);
    bench.add("slow", "1");
    bench.go.as_ref().unwrap().send(()).unwrap();
    bench.repository.load("slow/1").await.unwrap();
    let before = bench.resolve(Some("slow")).unwrap();

    tokio::time::pause();
    let error = bench.repository.reload("slow/1").await.unwrap_err();
    tokio::time::resume();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let status = bench.status("slow/1").await;
    assert_eq!(
        (status.state, status.refusal.as_deref()),
        (ModelState::Serving, Some("did not load within 300s"))
    );
    drop(bench.go.take());
    bench.repository.load("slow/1").await.unwrap();
    assert!(Arc::ptr_eq(&before, &bench.resolve(Some("slow")).unwrap()));
}

#[tokio::test]
async fn only_so_many_loads_may_hang() {
    let bench = Bench::new(&["a/1", "b/1"]);
    let slow: Vec<_> = (1..=MAX_ABANDONED).map(|at| format!("slow/{at}")).collect();
    for id in &slow {
        bench.add("slow", id.trim_start_matches("slow/"));
        assert_eq!(hung(&bench, id).await.code(), Code::DeadlineExceeded);
    }
    bench.add("a", "2");
    let error = bench.repository.load("a/2").await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        (
            Code::ResourceExhausted,
            format!(
                "loading: {} given up on and still running; expected fewer than {MAX_ABANDONED}, \
                 restart the server if they never end",
                slow.join(", ")
            )
        )
    );
    assert_promised(&error.to_string());
    // That is nothing against the package, and unloading needs no room.
    let status = bench.status("a/2").await;
    assert_eq!(
        (status.state, status.refusal),
        (ModelState::NotLoaded, None)
    );
    bench.repository.unload("b/1").await.unwrap();

    // There is room again a moment after one has ended.
    bench.go.as_ref().unwrap().send(()).unwrap();
    let loaded = loop {
        match bench.repository.load("a/2").await {
            Err(Error::Abandoned { .. }) => tokio::task::yield_now().await,
            ended => break ended.unwrap(),
        }
    };
    assert_eq!(loaded.state, ModelState::Serving);
}

/// A load that has begun and doesn't return.
async fn begun(bench: &Bench, id: &'static str) -> JoinHandle<Result<ModelStatus, Error>> {
    let before = bench.loads.load(Ordering::Relaxed);
    let repository = Arc::clone(&bench.repository);
    let load = tokio::spawn(async move { repository.load(id).await });
    while bench.loads.load(Ordering::Relaxed) == before {
        tokio::task::yield_now().await;
    }
    load
}

#[tokio::test]
async fn a_caller_who_goes_away_ends_nothing() {
    let mut bench = Bench::new(&["a/1"]);
    bench.add("slow", "1");
    begun(&bench, "slow/1").await.abort();
    assert_eq!(bench.status("slow/1").await.state, ModelState::Loading);

    let mut changes = bench.repository.registry().changes();
    drop(bench.go.take());
    let slow = |served: &Vec<Arc<crate::models::ServedModel>>| {
        served.iter().any(|model| model.id() == "slow/1")
    };
    let loaded = tokio::time::timeout(PATIENCE, changes.wait_for(slow)).await;
    drop(loaded.unwrap().unwrap());
}

#[tokio::test]
async fn a_change_waits_for_its_turn_no_longer_than_the_deadline() {
    let bench = Bench::new(&["a/1"]);
    bench.add("slow", "1");
    bench.add("slow", "2");
    let first = begun(&bench, "slow/1").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    // The second waits for the first, and the third for both.
    let repository = &bench.repository;
    let (first, second, third) =
        tokio::join!(first, repository.load("slow/2"), repository.unload("a/1"));
    for late in [first.unwrap(), second] {
        assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
    }
    let error = third.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (
            Code::ResourceExhausted,
            "repository changes: 1 open; expected at most 1, try again later"
        )
    );
    assert_promised(&error.to_string());
    assert_eq!(bench.id(None), "a/1");
}
