//! Streams that behave.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ser_client::{LagMeter, audio::Clock};
use ser_proto::v1::{
    EmotionResult, Encoding, Pace, StreamingConfig, StreamingRecognizeRequest,
    speech_emotion_client::SpeechEmotionClient, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use ser_tests::{
    audio,
    stream::{config, recognise},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::{failure::Failure, tally::Tally};

pub(crate) const RATE: u32 = 16_000;
/// 100 ms.
const CHUNK_FRAMES: usize = 1_600;
const VOICES: usize = 8;
/// How long streams speak, in seconds.
const LENGTHS: [f32; 4] = [0.9, 2.7, 8.3, 15.1];
/// A server that says nothing for so long has forgotten the stream.
const SILENCE: Duration = Duration::from_secs(20);

/// What streams say, and what an undisturbed server answers.
pub(crate) struct Voices(Vec<Line>);

/// What one stream says.
pub(crate) struct Line {
    chunks: Vec<Bytes>,
    expected: Vec<EmotionResult>,
}

impl Voices {
    /// Asks the server before anything else happens.
    pub(crate) async fn undisturbed(channel: Channel) -> Self {
        let mut lines = Vec::new();
        for voice in 0..VOICES {
            for seconds in LENGTHS {
                let samples = audio::voice(RATE, seconds, u32::try_from(voice).unwrap());
                let bytes = Bytes::from(audio::s16le(&samples));
                let chunks: Vec<_> = (0..bytes.len())
                    .step_by(2 * CHUNK_FRAMES)
                    .map(|from| bytes.slice(from..bytes.len().min(from + 2 * CHUNK_FRAMES)))
                    .collect();
                let bulk = StreamingConfig {
                    pace: Pace::Bulk.into(),
                    ..config(Encoding::S16le, RATE)
                };
                let said = recognise(channel.clone(), bulk, chunks.clone()).await;
                assert_eq!(said.error, None);
                lines.push(Line {
                    chunks,
                    expected: said.results,
                });
            }
        }
        Self(lines)
    }

    /// That of a place's next stream.
    pub(crate) fn line(&self, place: usize, turn: usize) -> &Line {
        &self.0[(place * 7 + turn * 5) % self.0.len()]
    }

    /// The longest.
    pub(crate) fn long(&self) -> &[Bytes] {
        &self.0[LENGTHS.len() - 1].chunks
    }
}

impl Line {
    /// Speaks in real time, and notes how far results lag behind.
    pub(crate) async fn speak(&self, channel: Channel, tally: &Tally) -> Result<(), Failure> {
        let (requests, queue) = mpsc::channel(4);
        let mut service = SpeechEmotionClient::new(channel);
        let config = config(Encoding::S16le, RATE);
        let format = config.audio.expect("it has one");
        // A server that takes no more says why below.
        let _ = requests.send(request(Request::Config(config))).await;
        let call = timeout(
            SILENCE,
            service.streaming_recognize(ReceiverStream::new(queue)),
        );
        let asked = Instant::now();
        let first = async {
            let mut responses = call.await??.into_inner();
            let first = timeout(SILENCE, responses.message()).await??;
            Ok((first, responses))
        };
        let opened: Result<_, Failure> = first.await;
        if let Err(Failure::Refused { .. }) = &opened {
            tally.refused(asked.elapsed());
        }
        let (first, mut responses) = opened?;
        let Some(Response::Started(started)) = first.and_then(|first| first.response) else {
            return Err(Failure::Other("something else than the start".to_owned()));
        };
        let delay = started.algorithmic_delay.unwrap_or_default();
        let mut meter = LagMeter::new(&format, delay.try_into().unwrap_or_default());

        let mut clock = Clock::new(RATE);
        let mut chunks = self.chunks.iter();
        let mut requests = Some(requests);
        let (mut spoken, mut heard) = (0, Vec::new());
        loop {
            let next = chunks.as_slice().first();
            let frames = next.map_or(0, |chunk| chunk.len() / 2);
            tokio::select! {
                () = clock.wait_for(spoken + frames as u64), if requests.is_some() => {
                    match (next, &requests) {
                        (Some(chunk), Some(sender)) => {
                            chunks.next();
                            meter.sent(chunk.len(), Instant::now());
                            spoken += frames as u64;
                            let _ = sender.send(request(Request::Audio(chunk.clone()))).await;
                        }
                        _ => requests = None,
                    }
                }
                response = timeout(SILENCE, responses.message()) => {
                    match response?? {
                        Some(response) => if let Some(Response::Result(result)) = response.response {
                            if let Some(lag) = meter.received(&result, Instant::now()) {
                                tally.lag(lag.computable);
                            }
                            heard.push(result);
                        },
                        None => break,
                    }
                }
            }
        }
        if heard == self.expected {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "{} results; expected {}, or others",
            heard.len(),
            self.expected.len()
        )))
    }
}

fn request(request: Request) -> StreamingRecognizeRequest {
    StreamingRecognizeRequest {
        request: Some(request),
    }
}
