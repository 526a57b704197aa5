//! What comes back from the model, as it is told.

use std::{
    future::{self, Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use ser_proto::v1;

use super::{Event, InFlight, Recognizer};
use crate::{
    Error,
    batcher::RowBuffers,
    session::{Carried, checkpoint, lane::Span, resume},
};

impl Recognizer {
    /// What comes next in the order of the audio; waits forever if nothing is on
    /// its way. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// [`Error::NotServing`] and [`Error::InferenceFailed`].
    pub(crate) async fn next(&mut self) -> Result<Event, Error> {
        let row = poll_fn(|context| match self.in_flight.front_mut() {
            None => Poll::Pending,
            Some(InFlight::Window { row: Some(row), .. }) => {
                Pin::new(row).poll(context).map_ok(Some)
            }
            Some(_) => Poll::Ready(Ok(None)),
        })
        .await
        .map_err(|error| self.model_error(error))?;
        match self.in_flight.pop_front() {
            Some(InFlight::Window {
                lane, span, trail, ..
            }) => {
                let result = trail.step("decide", || self.decide(lane, span, row));
                Ok(Event::Result(result, trail))
            }
            Some(InFlight::Warning { lane, warning }) => {
                if let Some(lane) = lane {
                    self.lanes[lane].clipping_told = true;
                }
                Ok(Event::Warning(warning))
            }
            None => future::pending().await,
        }
    }

    fn decide(
        &mut self,
        index: usize,
        span: Span,
        mut row: Option<RowBuffers>,
    ) -> v1::EmotionResult {
        let lane = &mut self.lanes[index];
        if let Some(row) = &mut row {
            lane.receive(row);
            self.work += row.share;
        }
        let posteriors = row.as_ref().map(|row| row.posteriors.as_slice());
        let result = v1::EmotionResult {
            sequence: self.sequence,
            channel: self.recognition.channel(index),
            ..lane.decide(&self.recognition, span, posteriors)
        };
        self.sequence += 1;
        let result = self.carry(result);
        self.spare.extend(row);
        result
    }

    /// The summary of each lane, after everything was told.
    pub(crate) fn into_summaries(self) -> Vec<v1::StreamSummary> {
        let Self {
            recognition, lanes, ..
        } = self;
        lanes
            .into_iter()
            .enumerate()
            .map(|(index, lane)| v1::StreamSummary {
                channel: recognition.channel(index),
                ..lane.finish(&recognition)
            })
            .collect()
    }

    /// A result that was just decided on, with what a stream needs that goes on after
    /// it.
    fn carry(&self, mut result: v1::EmotionResult) -> v1::EmotionResult {
        let told = self.recognition.told(self.sequence);
        let replay_from = || resume::replay_from(&self.recognition, told, result.end_sample);
        match self.recognition.carried {
            Carried::Nothing => {}
            Carried::Position => result.replay_from_sample = replay_from(),
            Carried::Checkpoint(seal) => {
                result.replay_from_sample = replay_from();
                result.checkpoint = checkpoint::write(seal, told, &self.lanes);
            }
        }
        result
    }
}
