//! What statuses mean to callers.

use tonic::{ConnectError, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::*;

fn classify(code: Code) -> Error {
    Error::from_status("http://here:1", &Status::new(code, "config.audio: missing"))
}

#[test]
fn a_status_of_the_request_is_a_rejection() {
    for code in [Code::InvalidArgument, Code::NotFound] {
        let error = classify(code);
        assert!(matches!(error, Error::Rejected { code: kept, .. } if kept == code));
        assert!(error.to_string().contains("config.audio: missing"));
        assert!(!error.may_pass());
    }
}

#[test]
fn what_is_loading_or_full_can_be_tried_again() {
    for code in [Code::Unavailable, Code::ResourceExhausted] {
        let error = classify(code);
        assert!(matches!(error, Error::Unavailable { code: kept, .. } if kept == code));
        assert!(error.may_pass());
    }
}

#[test]
fn a_broken_connection_names_its_root_cause() {
    let inner = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
    let mut status = Status::unknown("h2 protocol error");
    status.set_source(std::sync::Arc::new(io::Error::other(inner)));
    let error = Error::from_status("http://here:1", &status);
    assert_eq!(error.to_string(), "lost http://here:1: reset by peer");
}

#[test]
fn a_connection_that_tls_did_not_see_end_has_no_link_in_it() {
    let said = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls";
    let mut status = Status::unknown("h2 protocol error");
    let end = io::Error::new(io::ErrorKind::UnexpectedEof, said);
    status.set_source(std::sync::Arc::new(end));
    let error = Error::from_status("https://here:1", &status);
    assert_eq!(
        error.to_string(),
        "lost https://here:1: the connection ended"
    );
}

#[test]
fn a_call_that_a_proxy_cut_off_is_lost() {
    let error = classify(Code::Unknown);
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
    assert!(error.may_pass());
}

#[test]
fn a_server_may_say_when_to_try_again() {
    let delay = Duration::from_millis(1_500);
    let details = ErrorDetails::with_retry_info(Some(delay));
    for code in [Code::ResourceExhausted, Code::Unavailable] {
        let status = Status::with_error_details(code, "streams: 8 open", details.clone());
        let error = Error::from_status("http://here:1", &status);
        let Error::Unavailable { retry_after, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(retry_after, Some(delay));
    }
    let status = Status::with_error_details(Code::NotFound, "model", details);
    let error = Error::from_status("http://here:1", &status);
    assert!(matches!(error, Error::Rejected { .. }), "{error:?}");
}

#[test]
fn a_call_that_got_nowhere_is_told_from_one_that_broke() {
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    let mut status = Status::unavailable("tcp connect error");
    status.set_source(std::sync::Arc::new(ConnectError(refused.into())));
    let error = Error::from_status("http://here:1", &status);
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[test]
fn a_deadline_was_the_clients() {
    let error = classify(Code::DeadlineExceeded);
    assert!(matches!(error, Error::KeptWaiting { .. }));
}

#[test]
fn internal_is_a_failure_of_the_server() {
    assert!(matches!(classify(Code::Internal), Error::Failed { .. }));
}
