//! Streams that outlive their servers.

mod ends;
mod moves;
mod program;
mod scene;

use std::time::Duration;

use proptest::prelude::*;

use self::scene::{Fate, How, Pace, Scene, Transcript, When};
use crate::support::{program::patiently, recogniser::WARNING};

/// What an undisturbed stream gives.
async fn undisturbed(scene: &Scene) -> Transcript {
    let transcript = patiently(scene.undisturbed().play()).await;
    assert_eq!(transcript.error, None);
    assert!(transcript.resumed.is_empty());
    assert_eq!(transcript.warnings, 1);
    transcript
}

/// Plays `scene`, and asserts that its user notices nothing but so many resumptions.
async fn assert_seamless(scene: &Scene, resumed: usize) -> Transcript {
    let transcript = patiently(scene.play()).await;
    assert_eq!(transcript.error, None, "{scene:?}");
    assert_eq!(transcript.resumed.len(), resumed, "{scene:?}");
    let expected = undisturbed(scene).await;
    assert_eq!(transcript.results, expected.results, "{scene:?}");
    assert_eq!(transcript.summaries, expected.summaries, "{scene:?}");
    assert_eq!(transcript.warnings, expected.warnings, "{scene:?}");
    assert!(transcript.resumed.iter().all(|resumed| resumed.exact));
    transcript
}

#[tokio::test]
async fn a_stream_may_lose_its_server_at_any_time() {
    for pace in [Pace::Live, Pace::AtOnce] {
        for when in [
            When::Started,
            When::Heard(1),
            When::Heard(1_000),
            When::Given(1),
            When::Given(WARNING),
            When::Given(13),
            When::HalfClosed,
            When::Summary(0),
        ] {
            for how in [How::Unavailable, How::Killed] {
                let scene = Scene::new(pace, 1).fated([Fate { when, how }]);
                assert_seamless(&scene, 1).await;
            }
        }
    }
}

#[tokio::test]
async fn a_stream_may_lose_one_server_after_the_other() {
    for pace in [Pace::Live, Pace::AtOnce] {
        for second in [When::Started, When::Heard(100), When::Given(7)] {
            let first = Fate {
                when: When::Given(6),
                how: How::Killed,
            };
            let second = Fate {
                when: second,
                how: How::Unavailable,
            };
            let scene = Scene::new(pace, 1).fated([first, second]);
            assert_seamless(&scene, 2).await;
        }
    }
}

#[tokio::test]
async fn a_stream_may_be_cut_between_the_results_of_two_channels() {
    for given in [1, 2, 5, 8, 41, 42] {
        for pace in [Pace::Live, Pace::AtOnce] {
            let fate = Fate {
                when: When::Given(given),
                how: How::Unavailable,
            };
            let scene = Scene::new(pace, 2).fated([fate]);
            assert_seamless(&scene, 1).await;
        }
    }
}

#[tokio::test]
async fn a_summary_is_given_once() {
    let fate = Fate {
        when: When::Summary(1),
        how: How::Killed,
    };
    let transcript = assert_seamless(&Scene::new(Pace::AtOnce, 2).fated([fate]), 1).await;
    let channels: Vec<_> = transcript.summaries.iter().map(|s| s.channel).collect();
    assert_eq!(channels, [Some(0), Some(1)]);
}

#[tokio::test]
async fn a_stream_whose_summary_was_given_has_ended() {
    let fate = Fate {
        when: When::Summary(1),
        how: How::Unavailable,
    };
    assert_seamless(&Scene::new(Pace::AtOnce, 1).fated([fate]), 0).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left() {
    for when in [When::Started, When::Given(5), When::HalfClosed] {
        let fate = Fate {
            when,
            how: How::Silent,
        };
        let scene = Scene {
            silence: Duration::from_secs(1),
            ..Scene::new(Pace::AtOnce, 1)
        };
        let transcript = assert_seamless(&scene.fated([fate]), 1).await;
        let resumed = &transcript.resumed[0];
        assert!(resumed.reason.contains("said nothing"), "{resumed:?}");
        assert_ne!(resumed.left, resumed.server);
    }
}

#[tokio::test]
async fn a_server_without_the_model_is_passed_over() {
    let broken = Fate {
        when: When::Given(4),
        how: How::Killed,
    };
    let without = Fate {
        when: When::Config,
        how: How::WithoutModel,
    };
    let scene = Scene::new(Pace::Live, 1).fated([broken, without, without]);
    assert_seamless(&scene, 1).await;
}

#[tokio::test]
async fn a_user_may_want_the_checkpoints() {
    for wanted in [false, true] {
        let mut scene = Scene::new(Pace::AtOnce, 1).fated([Fate {
            when: When::Given(4),
            how: How::Unavailable,
        }]);
        scene.checkpoints = wanted;
        let transcript = assert_seamless(&scene, 1).await;
        let mut checkpoints = transcript.results.iter().map(|r| !r.checkpoint.is_empty());
        assert!(checkpoints.all(|given| given == wanted));
        assert_eq!(transcript.effective.checkpoints, wanted);
    }
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let when = prop_oneof![
        Just(When::Started),
        (0..6_000_u64).prop_map(When::Heard),
        (0..23_u64).prop_map(When::Given),
        Just(When::HalfClosed),
        Just(When::Summary(0)),
    ];
    let how = prop_oneof![
        Just(How::Unavailable),
        Just(How::Killed),
        (0..30_u64).prop_map(|after| How::GoesAway {
            after: Duration::from_millis(after)
        }),
    ];
    let fate = (when, how).prop_map(|(when, how)| Fate { when, how });
    prop::collection::vec(fate, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever becomes of the servers, results and summaries are those of one that
    /// nothing happens to.
    #[test]
    fn nothing_is_lost_repeated_or_different(
        fates in fates(),
        live in any::<bool>(),
        channels in 1..=2_u32,
        chunk in 1..5_000_usize,
    ) {
        let pace = if live { Pace::Live } else { Pace::AtOnce };
        let scene = Scene { chunk, ..Scene::new(pace, channels) }.fated(fates);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let transcript = patiently(scene.play()).await;
            let expected = undisturbed(&scene).await;
            assert_eq!(transcript.error, None);
            assert_eq!(transcript.results, expected.results);
            assert_eq!(transcript.summaries, expected.summaries);
            assert_eq!(transcript.warnings, expected.warnings);
        });
    }
}
