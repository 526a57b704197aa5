//! What is refused changes nothing.

use super::*;

#[tokio::test]
async fn wrong_names_are_refused_as_the_protocol_says() {
    let bench = Bench::new(&["a/1"]);
    for malformed in ["", "a", "a/", "A/1", "a/1/2", "../a/1"] {
        for error in [
            bench.repository.load(malformed).await.unwrap_err(),
            bench.repository.reload(malformed).await.unwrap_err(),
            bench.repository.unload(malformed).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::InvalidArgument);
            let expected = "name/version, of [a-z0-9][a-z0-9._-]*";
            assert_eq!(
                error.to_string(),
                format!("model: {malformed:?}; expected {expected}")
            );
            assert_promised(&error.to_string());
        }
    }
    let unknown = "model: \"a/9\" is not in the repository; expected one of a/1";
    for error in [
        bench.repository.load("a/9").await.unwrap_err(),
        bench.repository.reload("a/9").await.unwrap_err(),
    ] {
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (Code::NotFound, unknown)
        );
    }
    assert_promised(unknown);
    let error = bench.repository.unload("a/9").await.unwrap_err();
    let not_served = "model: \"a/9\" is not served; expected one of a/1";
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (Code::NotFound, not_served)
    );
    assert_promised(not_served);
}

#[tokio::test]
async fn a_broken_version_is_refused_and_the_old_one_goes_on() {
    let bench = Bench::new(&["a/1"]);
    bench.write(&package_with(manifest("a", "2"), |audio| {
        audio.rows[1].features[7] += 1.0;
    }));
    let error = bench.repository.load("a/2").await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    let text = error.to_string();
    let refusal = text.strip_prefix("model a/2: refused: ").unwrap();
    assert!(
        refusal.starts_with("feature 7 of row 1 of golden audio 0 of a/2 gives "),
        "{text}"
    );
    let status = bench.status("a/2").await;
    assert_eq!(
        (status.state, status.refusal.as_deref()),
        (ModelState::Refused, Some(refusal))
    );
    assert_eq!(bench.id(Some("a")), "a/1");

    bench.add("a", "2");
    let mended = bench.repository.load("a/2").await.unwrap();
    assert_eq!((mended.state, mended.refusal), (ModelState::Serving, None));
    assert_eq!(bench.id(Some("a")), "a/2");
}

#[tokio::test]
async fn a_reload_of_a_broken_package_changes_nothing() {
    let bench = Bench::new(&["a/1"]);
    let before = bench.resolve(None).unwrap();
    fs::write(
        bench.directory.path().join("a/1/model.toml"),
        "format = 7\n",
    )
    .unwrap();
    let error = bench.repository.reload("a/1").await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(Arc::ptr_eq(&before, &bench.resolve(None).unwrap()));
    let status = bench.status("a/1").await;
    assert_eq!(status.state, ModelState::Serving);
    let refusal = status.refusal.unwrap();
    assert!(
        refusal.ends_with("a/1/model.toml: format: 7; expected 1"),
        "{refusal}"
    );
}

#[tokio::test]
async fn what_lies_where_it_may_not_is_listed_as_refused() {
    let bench = Bench::new(&["a/1"]);
    let elsewhere = directory(&["b/1"]);
    std::os::unix::fs::symlink(elsewhere.path().join("b"), bench.directory.path().join("b"))
        .unwrap();
    let status = bench.status("b/").await;
    assert_eq!(status.state, ModelState::Refused);
    assert!(status.refusal.unwrap().contains("expected no link out of"));
    let error = bench.repository.load("b/1").await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

#[tokio::test]
async fn a_backend_that_panics_refuses() {
    let bench = Bench::new(&["a/1"]);
    bench.add("panicking", "1");
    let error = bench.repository.load("panicking/1").await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert_promised(&error.to_string());
    let status = bench.status("panicking/1").await;
    let refusal = Some("its backend panicked".to_owned());
    assert_eq!(
        (status.state, status.refusal),
        (ModelState::Refused, refusal)
    );
    assert_eq!(bench.id(None), "a/1");
}
