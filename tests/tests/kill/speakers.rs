//! Streams that speak in real time.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message;
use ser_client::{
    AudioSink, Client, Error, Event, ResultStream, Resumed,
    audio::Clock,
    proto::{
        AudioFormat, EmotionResult, Encoding, Pace, RecognitionOptions, StreamSummary,
        StreamingConfig,
    },
};
use ser_features::AudioClip;
use ser_tests::{audio, evaluation::corpora};

/// Chunks that are sent each second.
const CHUNKS_A_SECOND: u32 = 10;

/// Recordings, which are said over and over.
pub(crate) struct Speech {
    sample_rate: u32,
    recordings: Vec<Vec<u8>>,
}

impl Speech {
    pub(crate) fn synthesised() -> Self {
        let sample_rate = 16_000;
        let voice = |seed| audio::s16le(&audio::voice(sample_rate, 20.0 + seed as f32, seed));
        Self {
            sample_rate,
            recordings: (1..=8).map(voice).collect(),
        }
    }

    /// The clips of TESS, one behind the other.
    pub(crate) fn real() -> Self {
        let mut clips = Vec::new();
        find(&corpora().join("tess"), &mut clips);
        clips.sort();
        let clips = clips.iter().step_by(20);
        let clips: Vec<_> = clips
            .map(|path| AudioClip::read(path).expect("a clip"))
            .collect();
        let sample_rate = clips[0].sample_rate.hz();
        let clips = clips
            .iter()
            .filter(|clip| clip.sample_rate.hz() == sample_rate);
        let clips: Vec<_> = clips.map(|clip| audio::s16le(&clip.mono())).collect();
        Self {
            sample_rate,
            recordings: clips.chunks(10).map(<[_]>::concat).collect(),
        }
    }
}

fn find(folder: &Path, clips: &mut Vec<std::path::PathBuf>) {
    for entry in folder.read_dir().expect("the corpus") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, clips);
        } else if path
            .extension()
            .is_some_and(|end| end == "wav" || end == "flac")
        {
            clips.push(path);
        }
    }
}

/// What one stream says.
#[derive(Clone)]
pub(crate) struct Speaker {
    speech: Arc<Speech>,
    number: usize,
    frames: u64,
}

impl Speaker {
    pub(crate) fn new(speech: &Arc<Speech>, number: usize, duration: Duration) -> Self {
        let frames = duration.as_secs() * u64::from(speech.sample_rate);
        Self {
            speech: Arc::clone(speech),
            number,
            // None ends where another does, nor where a result does.
            frames: frames + 1_009 * (number as u64 % 100),
        }
    }

    /// Speaks in real time, and listens.
    pub(crate) async fn speak(&self, client: &Client) -> Heard {
        self.converse(
            client,
            Pace::Live,
            Some(Clock::new(self.speech.sample_rate)),
        )
        .await
    }

    /// Says the same as fast as the server takes it.
    pub(crate) async fn send(&self, client: &Client) -> Heard {
        self.converse(client, Pace::Bulk, None).await
    }

    async fn converse(&self, client: &Client, pace: Pace, clock: Option<Clock>) -> Heard {
        let (sink, results) = client.stream(self.config(pace)).await.expect("it starts");
        let (sent, heard) = tokio::join!(self.say(sink, clock), listen(results));
        // Whoever listens was told why it ended.
        assert!(matches!(sent, Ok(()) | Err(Error::Ended)), "{sent:?}");
        heard
    }

    /// Every second stream is smoothed.
    fn config(&self, pace: Pace) -> StreamingConfig {
        let smoothing = (self.number % 2 == 1).then_some(prost_types::Duration {
            seconds: 2,
            nanos: 0,
        });
        StreamingConfig {
            audio: Some(AudioFormat {
                encoding: Encoding::S16le.into(),
                sample_rate: self.speech.sample_rate,
                channels: 1,
            }),
            options: Some(RecognitionOptions {
                smoothing,
                ..RecognitionOptions::default()
            }),
            pace: pace.into(),
            ..StreamingConfig::default()
        }
    }

    async fn say(&self, mut sink: AudioSink, mut clock: Option<Clock>) -> Result<(), Error> {
        let chunk = u64::from(self.speech.sample_rate / CHUNKS_A_SECOND);
        let mut said = 0;
        while said < self.frames {
            let frames = chunk.min(self.frames - said);
            sink.send(self.audio(said, frames)).await?;
            said += frames;
            if let Some(clock) = &mut clock {
                clock.wait_for(said).await;
            }
        }
        Ok(())
    }

    /// `frames` from the frame `from` on.
    fn audio(&self, from: u64, frames: u64) -> Bytes {
        let recordings = &self.speech.recordings;
        let recording = &recordings[self.number % recordings.len()];
        // Each begins elsewhere.
        let from = 2 * (from as usize + 7_919 * self.number) % recording.len();
        let audio = recording.iter().cycle().skip(from);
        audio.take(2 * frames as usize).copied().collect()
    }
}

/// What one stream heard.
pub(crate) struct Heard {
    pub(crate) results: Vec<EmotionResult>,
    summaries: Vec<StreamSummary>,
    pub(crate) resumed: Vec<Resumed>,
    error: Option<Error>,
}

impl Heard {
    /// Panics unless every bit is that of the `expected` results and summaries.
    pub(crate) fn assert_equal(&self, expected: &Self, speaker: &Speaker) {
        let number = speaker.number;
        let moved = &self.resumed;
        assert!(expected.error.is_none(), "{:?}", expected.error);
        assert!(expected.results.len() > 1 && expected.summaries.len() == 1);
        assert!(
            self.error.is_none(),
            "stream {number}: {:?} {moved:#?}",
            self.error
        );
        assert!(moved.iter().all(|resumed| resumed.exact), "{moved:#?}");
        for (heard, expected) in self.results.iter().zip(&expected.results) {
            assert_eq!(
                heard.encode_to_vec(),
                expected.encode_to_vec(),
                "stream {number}: {heard:?}; expected {expected:?}; {moved:#?}"
            );
        }
        assert_eq!(
            self.results.len(),
            expected.results.len(),
            "stream {number}: {moved:#?}"
        );
        let bits = |heard: &Self| -> Vec<_> {
            heard.summaries.iter().map(Message::encode_to_vec).collect()
        };
        assert_eq!(
            bits(self),
            bits(expected),
            "stream {number}: {:?}; expected {:?}; {moved:#?}",
            self.summaries,
            expected.summaries
        );
    }
}

async fn listen(mut results: ResultStream) -> Heard {
    let mut heard = Heard {
        results: Vec::new(),
        summaries: Vec::new(),
        resumed: Vec::new(),
        error: None,
    };
    loop {
        match results.next().await {
            Ok(Some(Event::Result(result))) => heard.results.push(result),
            Ok(Some(Event::Summary(summary))) => heard.summaries.push(summary),
            Ok(Some(Event::Resumed(resumed))) => heard.resumed.push(resumed),
            Ok(Some(_)) => {}
            Ok(None) => return heard,
            Err(error) => heard.error = Some(error),
        }
    }
}
