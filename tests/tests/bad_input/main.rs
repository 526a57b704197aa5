//! Bad input is answered with the code and message that the protocol names, and
//! harms nobody else.

mod clips;
mod requests;
mod streams;

use bytes::Bytes;
use ser_proto::v1::{Encoding, StreamingConfig, streaming_recognize_request::Request};
use ser_tests::{
    audio,
    stream::{RawStream, Transcript, config, recognise},
};
use tonic::transport::Channel;

const RATE: u32 = 16_000;

fn good() -> StreamingConfig {
    config(Encoding::S16le, RATE)
}

/// Sends `requests`, half-closes, and returns how the stream ended.
async fn answer(channel: &Channel, requests: Vec<Option<Request>>) -> Transcript {
    let mut stream = RawStream::open(channel.clone()).await;
    for request in requests {
        stream.send(request).await;
    }
    stream.half_close();
    stream.transcript().await
}

fn audio_of(bytes: impl Into<Bytes>) -> Option<Request> {
    Some(Request::Audio(bytes.into()))
}

/// A stream that nothing is wrong with. Only what may differ is taken out.
async fn good_stream(channel: Channel) -> Transcript {
    let samples = audio::voice(RATE, 5.0, 3);
    let chunks: Vec<_> = audio::s16le(&samples)
        .chunks(640)
        .map(Bytes::copy_from_slice)
        .collect();
    let mut transcript = recognise(channel, good(), chunks).await;
    assert_eq!(transcript.error, None);
    assert_eq!(transcript.summaries.len(), 1);
    transcript.started = None;
    transcript
}
