//! What new requests get after a change, and open streams keep.

use super::*;

#[tokio::test]
async fn a_new_version_serves_new_requests() {
    let bench = Bench::new(&["a/1", "b/1"]);
    bench.add("a", "2");
    bench.add("c", "1");
    assert_eq!(bench.id(Some("a")), "a/1");
    assert_eq!(bench.status("a/2").await.state, ModelState::NotLoaded);

    let loaded = bench.repository.load("a/2").await.unwrap();
    assert_eq!(
        (loaded.state, loaded.is_default),
        (ModelState::Serving, true)
    );
    assert_eq!(
        loaded.origin,
        bench.directory.path().join("a/2").display().to_string()
    );
    for (named, id) in [(None, "a/2"), (Some("a"), "a/2"), (Some("a/1"), "a/1")] {
        assert_eq!(bench.id(named), id);
    }
    assert!(!bench.status("a/1").await.is_default);
    let state = |id: &str, state| (id.to_owned(), state);
    assert_eq!(
        bench.states().await,
        [
            state("a/2", ModelState::Serving),
            state("a/1", ModelState::Serving),
            state("b/1", ModelState::Serving),
            state("c/1", ModelState::NotLoaded),
        ]
    );
}

#[tokio::test]
async fn an_older_version_leaves_the_newest_in_place() {
    let bench = Bench::new(&["a/2"]);
    bench.add("a", "1");
    let loaded = bench.repository.load("a/1").await.unwrap();
    assert_eq!(
        (loaded.state, loaded.is_default),
        (ModelState::Serving, false)
    );
    assert_eq!(bench.id(None), "a/2");
}

#[tokio::test]
async fn a_default_with_a_version_stays_with_it() {
    let bench = Bench::with(&["a/1"], |config| {
        config.models.default = Some("a/1".to_owned());
    });
    bench.add("a", "2");
    bench.repository.load("a/2").await.unwrap();
    assert_eq!(bench.id(None), "a/1");
    assert_eq!(bench.id(Some("a")), "a/2");
}

#[tokio::test]
async fn an_unloaded_model_goes_with_its_last_stream() {
    let mut bench = Bench::with(&["a/1", "b/1"], |config| {
        config.models.instances = std::num::NonZeroUsize::new(3);
    });
    // Of each the one it was loaded as, and three instances.
    bench.until_alive(8).await;
    let streams = [bench.open("a"), bench.open("a")];
    let weak = Arc::downgrade(&bench.resolve(Some("a")).unwrap());
    assert_eq!(bench.status("a/1").await.open_streams, 2);

    let unloaded = bench.repository.unload("a/1").await.unwrap();
    assert_eq!(
        (unloaded.state, unloaded.open_streams),
        (ModelState::NotLoaded, 2)
    );
    let [first, second] = streams;
    drop(first);
    assert_eq!(bench.status("a/1").await.open_streams, 1);
    assert!(second.batcher().is_serving());
    assert_eq!(*bench.alive.borrow(), 8);

    drop(second);
    bench.until_alive(4).await;
    assert!(weak.upgrade().is_none());
    assert_eq!(bench.status("a/1").await.open_streams, 0);
}

#[tokio::test]
async fn requests_say_that_the_default_is_gone() {
    let bench = Bench::new(&["a/1", "b/1"]);
    bench.repository.unload("a/1").await.unwrap();
    let error = bench.resolve(None).unwrap_err().within("options");
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!(
        error.to_string(),
        "options.model: none given, and the default \"a\" is not served; expected one of b/1"
    );
    assert_promised(&error.to_string());
    let error = bench.resolve(Some("a")).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(ids(bench.repository.registry()), ["b/1"]);

    bench.repository.unload("b/1").await.unwrap();
    assert_eq!(
        bench.resolve(Some("b")).unwrap_err().to_string(),
        "model: \"b\" is not served; expected none, there are no models"
    );
    bench.repository.load("a/1").await.unwrap();
    assert_eq!(bench.id(None), "a/1");
}

#[tokio::test]
async fn a_reload_serves_what_is_there_now() {
    let mut bench = Bench::new(&["a/1"]);
    let alive = *bench.alive.borrow();
    let stream = bench.open("a/1");
    let mut changed = manifest("a", "1");
    changed.description = "Another calibration".to_owned();
    bench.write(&package_with(changed, |_| {}));

    // What is served already is left alone.
    bench.repository.load("a/1").await.unwrap();
    assert_eq!(
        bench.resolve(None).unwrap().manifest().description,
        "For tests"
    );
    let reloaded = bench.repository.reload("a/1").await.unwrap();
    assert_eq!(
        (reloaded.state, reloaded.open_streams),
        (ModelState::Serving, 1)
    );
    assert_eq!(
        bench.resolve(None).unwrap().manifest().description,
        "Another calibration"
    );
    assert_eq!(stream.manifest().description, "For tests");
    bench.until_alive(2 * alive).await;
    drop(stream);
    bench.until_alive(alive).await;
}
