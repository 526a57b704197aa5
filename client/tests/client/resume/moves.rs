//! Servers that say in time that a stream must leave.

use std::time::Duration;

use super::{
    assert_seamless,
    scene::{Fate, How, Pace, Scene, When},
};

fn goes_away(when: When) -> Fate {
    Fate {
        when,
        how: How::GoesAway {
            after: Duration::from_millis(5),
        },
    }
}

#[tokio::test]
async fn a_stream_moves_before_its_server_stops() {
    for when in [When::Started, When::Given(1), When::Given(7)] {
        let scene = Scene {
            waits_for: 1,
            ..Scene::new(Pace::Live, 2)
        };
        let transcript = assert_seamless(&scene.fated([goes_away(when)]), 1).await;
        let resumed = &transcript.resumed[0];
        assert_eq!(resumed.gap, Duration::ZERO);
        assert_ne!(resumed.left, resumed.server);
        let said = format!("{} asks the stream to leave (upgrade)", resumed.left);
        assert_eq!(resumed.reason, said);
    }
}

#[tokio::test]
async fn a_stream_that_has_ended_its_audio_stays() {
    let scene = Scene::new(Pace::AtOnce, 1);
    for when in [When::HalfClosed, When::Summary(0)] {
        assert_seamless(&scene.fated([goes_away(when)]), 0).await;
    }
}

#[tokio::test]
async fn a_server_may_break_while_a_stream_leaves_it() {
    let breaks = Fate {
        when: When::Given(5),
        how: How::SaysSoTooLate,
    };
    for pace in [Pace::Live, Pace::AtOnce] {
        assert_seamless(&Scene::new(pace, 1).fated([breaks]), 1).await;
    }
}

#[tokio::test]
async fn the_server_that_takes_over_may_break_at_once() {
    let scene = Scene {
        waits_for: 2,
        ..Scene::new(Pace::Live, 1)
    };
    let breaks = Fate {
        when: When::Started,
        how: How::Unavailable,
    };
    let scene = scene.fated([goes_away(When::Given(2)), breaks]);
    assert_seamless(&scene, 2).await;
}
