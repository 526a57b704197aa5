//! Whole recordings at once.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use ser_proto::v1::{
    EmotionResult, Pace, RecognitionOptions, StreamStarted, StreamSummary, StreamWarning,
    StreamingConfig,
};
use tokio::time::sleep;

use crate::{AudioSink, Client, Error, Event, ResultStream, audio::Recording};

/// How often a recording is sent again when its stream breaks.
const RETRIES: usize = 2;
/// The pause before the first time; before the second it is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Everything that a server says of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Which server classified it, as [`ResultStream::server`] names it.
    pub server: String,
    /// The model, and the settings in effect.
    pub started: StreamStarted,
    /// In the order of their ends, those of all classified channels.
    pub results: Vec<EmotionResult>,
    /// What isn't as it should be.
    pub warnings: Vec<StreamWarning>,
    /// One for each classified channel, at least one.
    pub summaries: Vec<StreamSummary>,
}

impl Client {
    /// Classifies a whole recording, in a stream of the pace `BULK`: as fast as the
    /// server takes it beside live streams. Any number of recordings can be under
    /// way at once, on one connection.
    ///
    /// A recording can be sent again without harm, so when its stream fails in a way
    /// that [may pass](Error::may_pass), or because it was held up, it is, twice at most.
    ///
    /// ```no_run
    /// use std::path::Path;
    ///
    /// use ser_client::{Client, Error, audio::Recording, proto::RecognitionOptions};
    ///
    /// # async fn run() -> Result<(), Error> {
    /// let client = Client::connect("http://127.0.0.1:50051").await?;
    /// let recording = Recording::open(Path::new("speech.wav"))?;
    /// let said = client.classify(&recording, RecognitionOptions::default()).await?;
    /// for result in &said.results {
    ///     println!("{:?} {:?}", result.end, result.label);
    /// }
    /// println!("overall {:?}", said.summaries[0].overall_label);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`stream`](Self::stream), [`AudioSink::send`] and [`ResultStream::next`].
    pub async fn classify(
        &self,
        recording: &Recording,
        options: RecognitionOptions,
    ) -> Result<Classification, Error> {
        self.classify_with(recording, options, |_| ()).await
    }

    /// Like [`classify`](Self::classify), and tells `progress` with every result how
    /// much of the recording is done; 0 when it is sent again.
    ///
    /// # Errors
    ///
    /// As [`classify`](Self::classify).
    pub async fn classify_with(
        &self,
        recording: &Recording,
        options: RecognitionOptions,
        mut progress: impl FnMut(Duration),
    ) -> Result<Classification, Error> {
        let config = StreamingConfig {
            audio: Some(recording.format()),
            options: Some(options),
            pace: Pace::Bulk.into(),
            ..StreamingConfig::default()
        };
        let pauses = ExponentialBuilder::default().with_min_delay(PAUSE);
        let mut pauses = pauses.with_max_times(RETRIES).with_jitter().build();
        loop {
            let outcome = self.attempt(recording, config.clone(), &mut progress).await;
            match outcome {
                Err(error) if may_pass(&error) => {
                    let Some(pause) = pauses.next() else {
                        return Err(error);
                    };
                    progress(Duration::ZERO);
                    sleep(pause).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(
        &self,
        recording: &Recording,
        config: StreamingConfig,
        progress: &mut impl FnMut(Duration),
    ) -> Result<Classification, Error> {
        let (sink, results) = self.stream(config).await?;
        let (said, ()) = tokio::try_join!(listen(results, progress), send(sink, recording))?;
        Ok(said)
    }
}

/// Sends everything and half-closes.
async fn send(mut sink: AudioSink, recording: &Recording) -> Result<(), Error> {
    match sink.send(recording.audio().clone()).await {
        // The stream of results knows why.
        Err(Error::Ended) => Ok(()),
        outcome => outcome,
    }
}

/// Everything until the end of the stream.
async fn listen(
    mut results: ResultStream,
    progress: &mut impl FnMut(Duration),
) -> Result<Classification, Error> {
    let mut said = Classification {
        server: results.server().to_owned(),
        started: results.started().clone(),
        results: Vec::new(),
        warnings: Vec::new(),
        summaries: Vec::new(),
    };
    while let Some(event) = results.next().await? {
        match event {
            Event::Result(result) => {
                // No sensible server sends a time that can't be told.
                let end = result.end.and_then(|end| end.try_into().ok());
                progress(end.unwrap_or_default());
                said.results.push(result);
            }
            Event::Warning(warning) => said.warnings.push(warning),
            Event::Summary(summary) => said.summaries.push(summary),
            // All audio has been sent, or is about to be.
            Event::GoAway(_) => {}
        }
    }
    Ok(said)
}

/// Whether the same recording may be classified the next time.
fn may_pass(error: &Error) -> bool {
    // All of its audio was there: what kept the server waiting was the network.
    error.may_pass() || matches!(error, Error::KeptWaiting { .. })
}
