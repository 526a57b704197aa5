//! Limits on what is open, and places that come free.

use tonic::Code;

use crate::admission::*;
use crate::{auth::Principal, batcher::Pace, shutdown::Shutdown};

fn caller(port: u16) -> Caller {
    Caller {
        connection: Some(SocketAddr::from(([127, 0, 0, 1], port))),
        ..Caller::default()
    }
}

pub(super) fn admission(change: impl FnOnce(&mut Config)) -> (Shutdown, Admission) {
    let mut config = Config::default();
    change(&mut config);
    let (shutdown, drain) = Shutdown::new();
    (shutdown, Admission::new(&config, drain))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>, refusal: Refusal, message: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(Refusal::of(&error), Some(refusal));
    assert_eq!(error.code(), Code::ResourceExhausted);
}

#[test]
fn places_come_back_when_dropped() {
    let (_server, admission) = admission(|config| {
        config.limits.open_streams = NonZeroUsize::new(3).unwrap();
    });
    let mut two = admission.stream(&caller(1)).unwrap();
    two.begin(&admission, 2, Pace::Live).unwrap();
    let mut third = admission.stream(&caller(2)).unwrap();
    let message = "streams: 3 open; expected at most 3, try again later";
    refused(admission.stream(&caller(3)), Refusal::Streams, message);
    refused(
        third.begin(&admission, 2, Pace::Live),
        Refusal::Streams,
        message,
    );
    drop(two);
    third.begin(&admission, 3, Pace::Live).unwrap();
    drop(third);
    assert_eq!(admission.streams.open(), 0);
}

#[test]
fn a_caller_has_a_limit_of_its_own() {
    let (_server, admission) = admission(|config| {
        config.limits.streams_per_principal = NonZeroUsize::new(2);
    });
    let first = admission.stream(&caller(1)).unwrap();
    let mut second = admission.stream(&caller(2)).unwrap();
    let message = "streams of \"anonymous\": 2 open; expected at most 2, try again later";
    refused(
        admission.stream(&caller(3)),
        Refusal::PrincipalStreams,
        message,
    );
    refused(
        second.begin(&admission, 2, Pace::Live),
        Refusal::PrincipalStreams,
        message,
    );
    drop(first);
    second.begin(&admission, 2, Pace::Live).unwrap();

    let of_its_own = Caller {
        principal: Principal::new("ward", NonZeroUsize::new(3)),
        ..caller(4)
    };
    let clip = admission.clip(&of_its_own).unwrap();
    clip.begin(&admission, 3).unwrap();
    let message = "streams of \"ward\": 3 open; expected at most 3, try again later";
    refused(
        admission.stream(&of_its_own),
        Refusal::PrincipalStreams,
        message,
    );
}

#[test]
fn a_connection_has_a_limit_of_its_own() {
    let (_server, admission) = admission(|config| config.server.streams_per_connection = 8);
    let mut wide = admission.stream(&caller(1)).unwrap();
    wide.begin(&admission, 8, Pace::Live).unwrap();
    let message = "streams of this connection: 8 open; expected at most 8, try again later";
    refused(
        admission.stream(&caller(1)),
        Refusal::ConnectionStreams,
        message,
    );
    admission.stream(&caller(2)).unwrap();
    // A refusal by one limit takes nothing of the others.
    assert_eq!(admission.streams.open(), 8);
}

#[test]
fn whoever_has_nothing_open_is_forgotten() {
    let (_server, admission) = admission(|config| {
        config.overload.burst = NonZeroUsize::new(100).unwrap();
    });
    let permits: Vec<_> = (1..=100)
        .map(|port| admission.stream(&caller(port)).unwrap())
        .collect();
    assert_eq!(admission.connections.holders(), 100);
    assert_eq!(admission.principals.holders(), 1);
    drop(permits);
    assert_eq!(admission.connections.holders(), 0);
    assert_eq!(admission.principals.holders(), 0);
}

#[test]
fn clips_are_limited() {
    let (_server, admission) = admission(|config| {
        config.limits.open_clips = NonZeroUsize::new(1).unwrap();
    });
    let clip = admission.clip(&caller(1)).unwrap();
    let message = "clips: 1 open; expected at most 1, try again later";
    refused(admission.clip(&caller(2)), Refusal::Clips, message);
    drop(clip);
    admission.clip(&caller(2)).unwrap();
}

#[test]
fn nobody_takes_all_places_of_clips_whose_requests_never_end() {
    let (_server, admission) = admission(|config| {
        config.limits.streams_per_principal = NonZeroUsize::new(2);
        config.server.streams_per_connection = 3;
    });
    let _two = [1, 2].map(|port| admission.clip(&caller(port)).unwrap());
    let message = "streams of \"anonymous\": 2 open; expected at most 2, try again later";
    refused(
        admission.clip(&caller(3)),
        Refusal::PrincipalStreams,
        message,
    );
    let ward = Caller {
        principal: Principal::new("ward", NonZeroUsize::new(9)),
        ..caller(4)
    };
    let _three = [(); 3].map(|()| admission.clip(&ward).unwrap());
    let message = "streams of this connection: 3 open; expected at most 3, try again later";
    refused(admission.clip(&ward), Refusal::ConnectionStreams, message);
    assert_eq!(admission.clips.open(), 5);
}

#[test]
fn a_server_that_stops_takes_nothing_new() {
    let (server, admission) = admission(|_| {});
    let open = admission.stream(&caller(1)).unwrap();
    server.begin(std::time::Duration::from_secs(20));
    for error in [
        admission.stream(&caller(1)).unwrap_err(),
        admission.clip(&caller(1)).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "server: shutting down");
        assert_eq!(Refusal::of(&error), Some(Refusal::Draining));
    }
    drop(open);
}
