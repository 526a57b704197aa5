//! What a stream says, held against what the protocol promises.

use prost_types::Duration;
use ser_proto::v1::{
    ChannelPolicy, EmotionResult, StreamStarted, StreamSummary, StreamingConfig,
    StreamingRecognizeResponse, Trigger, Verdict, streaming_recognize_response::Response,
};
use tonic::Status;

/// Bytes of a checkpoint at most.
const LARGEST_CHECKPOINT: usize = 16 << 10;

/// What a stream has said so far.
#[derive(Debug, Default)]
pub struct Said {
    /// The answer to the config.
    pub started: Option<StreamStarted>,
    /// All results.
    pub results: Vec<EmotionResult>,
    /// One for each channel, at the end of a stream that ended well.
    pub summaries: Vec<StreamSummary>,
    /// Its status, once there is one.
    pub end: Option<Result<(), Status>>,
    /// The `sequence` of the first result.
    first: u64,
    /// Whether it may be a stream that was resumed with a lie.
    resumed: bool,
}

impl Said {
    /// Of a stream with this config.
    #[must_use]
    pub fn of(config: &StreamingConfig) -> Self {
        Self {
            first: config.resume.as_ref().map_or(0, |resume| resume.results),
            resumed: config.resume.is_some(),
            ..Self::default()
        }
    }

    /// Whether there is more to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// The config in effect.
    ///
    /// # Panics
    ///
    /// Before there is one.
    #[must_use]
    pub fn effective(&self) -> &StreamingConfig {
        let started = self.started.as_ref().expect("a stream that has started");
        started.effective.as_ref().expect("the config in effect")
    }

    /// Hears a response, or at the end `None`.
    ///
    /// # Panics
    ///
    /// When it breaks a promise.
    pub fn hear(&mut self, response: Option<Result<StreamingRecognizeResponse, Status>>) {
        assert!(self.is_open(), "{response:?} after the end");
        match response {
            None => self.ended(),
            Some(Err(status)) => {
                assert!(!status.message().is_empty());
                self.end = Some(Err(status));
            }
            Some(Ok(response)) => match response.response.expect("one of the responses") {
                Response::Started(started) => {
                    assert!(self.started.is_none(), "started twice");
                    self.started = Some(started);
                }
                Response::Result(result) => {
                    assert!(self.summaries.is_empty(), "a result after a summary");
                    self.check(&result);
                    self.results.push(result);
                }
                Response::Warning(warning) => {
                    assert!(self.started.is_some() && self.summaries.is_empty());
                    assert!(!warning.message.is_empty());
                }
                Response::GoAway(away) => {
                    assert!(self.started.is_some() && !away.reason.is_empty());
                }
                Response::Summary(summary) => {
                    self.check_summary(&summary);
                    self.summaries.push(summary);
                }
            },
        }
    }

    /// How many channels are classified, if each for itself.
    fn lanes(&self) -> (usize, bool) {
        let effective = self.effective();
        let options = effective.options.as_ref().expect("options in effect");
        let channels = effective.audio.expect("a format in effect").channels;
        match options.channels() {
            ChannelPolicy::Separate => (usize::try_from(channels).expect("a few"), true),
            _ => (1, false),
        }
    }

    /// The channel whose turn it is after so many.
    fn channel(&self, count: u64) -> Option<u32> {
        let (lanes, separate) = self.lanes();
        let lane = count % lanes as u64;
        separate.then(|| u32::try_from(lane).expect("a few channels"))
    }

    fn check(&self, result: &EmotionResult) {
        let sequence = self.first + self.results.len() as u64;
        assert_eq!(result.sequence, sequence);
        assert_eq!(result.channel, self.channel(sequence), "{result:?}");
        let [start, new_start, end] =
            [result.start, result.new_start, result.end].map(|time| nanos(time.as_ref()));
        assert!(start <= new_start && new_start <= end, "{result:?}");
        assert!(result.replay_from_sample <= result.end_sample, "{result:?}");
        let before = self.results.len().checked_sub(self.lanes().0);
        if let Some(before) = before.map(|at| &self.results[at]) {
            assert_eq!(nanos(before.end.as_ref()), new_start, "{result:?}");
            assert_ne!(before.trigger(), Trigger::EndOfStream, "{result:?}");
            assert!(before.replay_from_sample <= result.replay_from_sample);
        } else if self.first == 0 {
            assert_eq!(new_start, 0, "{result:?}");
        }
        let effective = self.effective();
        assert!(result.checkpoint.len() <= LARGEST_CHECKPOINT);
        assert_eq!(result.checkpoint.is_empty(), !effective.checkpoints);
        let scores = &result.scores;
        match result.verdict() {
            Verdict::NoSpeech => assert!(scores.is_empty() && result.label.is_none()),
            Verdict::Emotion | Verdict::Uncertain => {
                let options = effective.options.as_ref().expect("options in effect");
                assert_eq!(scores.len(), options.top_k.expect("in effect") as usize);
                assert_eq!(Some(&scores[0].label), result.label.as_ref());
                assert!(scores.is_sorted_by(|a, b| a.probability >= b.probability));
                let possible = 0.0..=1.0;
                assert!(
                    scores
                        .iter()
                        .all(|score| possible.contains(&score.probability))
                );
            }
            Verdict::Unspecified => panic!("{result:?}"),
        }
    }

    fn check_summary(&self, summary: &StreamSummary) {
        assert_eq!(summary.channel, self.channel(self.summaries.len() as u64));
        let mut means = summary.mean_posterior.iter();
        assert!(means.all(|score| (0.0..=1.0).contains(&score.probability)));
        let labelled = summary.time_per_label.iter();
        let labelled: i128 = labelled.map(|label| nanos(label.time.as_ref())).sum();
        assert_eq!(labelled, nanos(summary.classified.as_ref()));
        if !self.resumed {
            let of_channel = |result: &&EmotionResult| result.channel == summary.channel;
            let results = self.results.iter().filter(of_channel).count();
            assert_eq!(summary.results, results as u64);
        }
    }

    fn ended(&mut self) {
        assert_eq!(self.summaries.len(), self.lanes().0);
        self.end = Some(Ok(()));
    }
}

fn nanos(time: Option<&Duration>) -> i128 {
    let time = time.expect("a time");
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}
