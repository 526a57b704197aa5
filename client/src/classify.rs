//! Whole recordings at once.

use std::time::Duration;

use ser_proto::v1::{
    EmotionResult, Pace, RecognitionOptions, StreamStarted, StreamSummary, StreamWarning,
    StreamingConfig,
};

use crate::{AudioSink, Client, Error, Event, ResultStream, audio::Recording};

/// Everything that a server says of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Which server gave the summaries, as [`ResultStream::server`] names it.
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
    /// When its stream breaks, it goes on elsewhere, as any [`stream`](Self::stream) does.
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
    /// much of the recording is done.
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
        let (sink, results) = self.stream(config).await?;
        let (said, ()) = tokio::try_join!(listen(results, &mut progress), send(sink, recording))?;
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
            Event::Resumed(resumed) => said.server = resumed.server,
            // All audio has been sent, or is about to be.
            Event::GoAway(_) => {}
        }
    }
    Ok(said)
}
