//! A request with a whole recording, from its bytes to the answer. Files have a target of
//! their own, `audio`.
//!
//! The answer is as a stream would have it. A refusal is short enough for a trailer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use ser_fuzz::{
    clock,
    requests::{LONGEST_REFUSAL, configs, known_rate},
    seeds,
    server::Small,
    sound::babble,
};
use ser_proto::v1::{PcmClip, RecognizeRequest, Trigger, recognize_request::Clip};
use ser_server::fuzzing::Sessions;
use tonic::{Code, Status};

static SERVER: LazyLock<(Small, Sessions)> = LazyLock::new(|| {
    let small = Small::start();
    let sessions = small.sessions();
    (small, sessions)
});

fn seeds() -> Vec<Vec<u8>> {
    let request = |audio: Vec<u8>| {
        move |config: ser_proto::v1::StreamingConfig| RecognizeRequest {
            clip: Some(Clip::Pcm(PcmClip {
                format: config.audio,
                audio: audio.clone().into(),
            })),
            options: config.options,
        }
    };
    let requests = configs().into_iter().map(request(babble(480, 0.3, 1)));
    requests.map(|request| request.encode_to_vec()).collect()
}

fn recognize(request: RecognizeRequest) {
    match clock::run(SERVER.1.recognize(request)) {
        Ok(response) => {
            let ends = response.results.iter();
            let ends = ends.filter(|result| result.trigger() == Trigger::EndOfStream);
            assert!(ends.count() <= response.summaries.len());
            let results: u64 = response
                .summaries
                .iter()
                .map(|summary| summary.results)
                .sum();
            assert_eq!(results, response.results.len() as u64);
        }
        Err(error) => {
            let status = Status::from(error);
            let expected = [Code::InvalidArgument, Code::NotFound, Code::Internal];
            assert!(expected.contains(&status.code()), "{status:?}");
            assert!(!status.message().is_empty());
            assert!(status.message().len() <= LONGEST_REFUSAL, "{status:?}");
        }
    }
}

fuzz_target!(
    init: {
        LazyLock::force(&SERVER);
        seeds::write(seeds());
    },
    |data: &[u8]| {
        let Ok(mut request) = RecognizeRequest::decode(data) else {
            return;
        };
        match &mut request.clip {
            Some(Clip::File(_)) => return,
            Some(Clip::Pcm(pcm)) => {
                if let Some(format) = &mut pcm.format {
                    format.sample_rate = known_rate(format.sample_rate);
                }
            }
            None => {}
        }
        recognize(request);
    }
);
