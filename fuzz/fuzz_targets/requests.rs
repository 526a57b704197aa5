//! The first request of a stream, from its bytes to the answer.
//!
//! The effective config is accepted again, and is its own effective config. A refusal is
//! short enough for a trailer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use ser_fuzz::{
    requests::{LONGEST_REFUSAL, at_known_rate, configs},
    seeds,
    server::Small,
};
use ser_proto::v1::{
    StreamingConfig, StreamingRecognizeRequest, streaming_recognize_request::Request,
};
use ser_server::fuzzing::Sessions;
use tonic::{Code, Status};

static SESSIONS: LazyLock<Sessions> = LazyLock::new(|| Small::start().sessions());

fn seeds() -> Vec<Vec<u8>> {
    let request = |config| StreamingRecognizeRequest {
        request: Some(Request::Config(config)),
    };
    let configs = configs().into_iter();
    configs
        .map(|config| request(config).encode_to_vec())
        .collect()
}

fn accept(config: StreamingConfig) {
    let resumes = config.resume.is_some();
    match SESSIONS.accept(at_known_rate(config)) {
        Ok((started, summaries)) => {
            assert_eq!(started.exact.is_some(), resumes);
            assert!(!summaries.is_empty());
            let effective = started.effective.expect("the effective config");
            let again = SESSIONS.accept(effective.clone());
            let (again, _) = again.expect("a config in effect is valid");
            assert_eq!(again.effective, Some(effective));
        }
        Err(error) => {
            let status = Status::from(error);
            let expected = [
                Code::InvalidArgument,
                Code::NotFound,
                Code::FailedPrecondition,
            ];
            assert!(expected.contains(&status.code()), "{status:?}");
            assert!(!status.message().is_empty());
            assert!(status.message().len() <= LONGEST_REFUSAL, "{status:?}");
        }
    }
}

fuzz_target!(
    init: {
        LazyLock::force(&SESSIONS);
        seeds::write(seeds());
    },
    |data: &[u8]| {
        let Ok(request) = StreamingRecognizeRequest::decode(data) else {
            return;
        };
        if let Some(Request::Config(config)) = request.request {
            accept(config);
        }
    }
);
