//! Going on with a stream that ended too early, on this server or another.

use std::time::Duration;

use ser_proto::v1;

use super::{
    Carried, Recognition,
    checkpoint::{self, Memory, Seal},
    clipping,
    grid::Grid,
    messages,
};
use crate::Error;

/// Most samples of a channel before a stream is resumed: 70 years at 8 kHz. No sum of
/// positions and rates overflows.
const MOST_SAMPLES: u64 = 1 << 44;

/// Where a session begins.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// The client's first sample.
    pub(super) from: u64,
    /// Results that the client has.
    pub(super) results: u64,
    /// What a checkpoint remembers of each lane, if there is one.
    pub(super) memories: Vec<Memory>,
    /// Whether results will be those of the undisturbed stream, unless this one is
    /// new.
    pub(super) exact: Option<bool>,
}

/// Results that a client has of a stream.
///
/// All lanes hear the same samples, and so have the same rows at the same times:
/// result n is row n / lanes of lane n % lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) results: u64,
    pub(super) lanes: u64,
}

impl Told {
    /// Rows of a lane.
    pub(super) fn rows(self, lane: usize) -> u64 {
        self.results
            .saturating_sub(lane as u64)
            .div_ceil(self.lanes)
    }

    /// Rows of the lane that has fewest.
    fn whole_rows(self) -> u64 {
        self.results / self.lanes
    }

    /// Row and lane of the last result.
    fn last(self) -> Option<(u64, usize)> {
        let last = self.results.checked_sub(1)?;
        Some((last / self.lanes, (last % self.lanes) as usize))
    }
}

/// The first of the client's samples that is needed to go on after these results, the
/// last of which ended with sample `end`.
pub(super) fn replay_from(recognition: &Recognition, told: Told, end: u64) -> u64 {
    let plan = &recognition.plan;
    let Some((last, _)) = told.last() else {
        return 0;
    };
    let cell = Grid::cell_of(recognition.format, plan.complete_at(last));
    plan.replay_from(told.whole_rows())
        .min(clipping::first_heard(cell) * Grid::cell_frames(recognition.format))
        // Behind the end of the audio there is nothing to replay.
        .min(end)
}

/// Cells of the session's grid at whose end clipping was looked for before the last of
/// these results was told.
pub(super) fn cells_told(recognition: &Recognition, told: Told) -> u64 {
    told.last().map_or(0, |(row, _)| {
        Grid::cell_of(recognition.format, recognition.plan.complete_at(row))
    })
}

impl Recognition {
    /// The same in a stream, whose results carry checkpoints if they are asked for, and
    /// don't become too large.
    pub(super) fn streamed(self, checkpoints: bool) -> Self {
        let seal = checkpoints.then(|| Seal::of(&self)).flatten();
        Self {
            carried: seal.map_or(Carried::Position, Carried::Checkpoint),
            ..self
        }
    }

    /// The same in a stream that goes on with one that ended too early.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::CantResume`], with fields as seen from the
    /// [`v1::Resume`].
    pub(super) fn resumed(self, resume: &v1::Resume) -> Result<Self, Error> {
        let position = Position::new(&self, resume)?;
        let carried = match self.carried {
            Carried::Checkpoint(seal) if position.exact == Some(false) => {
                Carried::Checkpoint(seal.inexact())
            }
            carried => carried,
        };
        Ok(Self {
            carried,
            position,
            ..self
        })
    }

    /// So many results of this stream.
    pub(super) fn told(&self, results: u64) -> Told {
        let lanes = self.lanes() as u64;
        Told { results, lanes }
    }
}

/// Checks that a stream that goes on after a result asks for the very model that it had: the newest
/// version may be another one by now.
///
/// # Errors
///
/// [`Error::Invalid`] with the field as seen from the [`v1::RecognitionOptions`].
pub(super) fn check_model(options: &v1::RecognitionOptions) -> Result<(), Error> {
    let named = options.model.as_deref().unwrap_or_default();
    if named.contains('/') {
        return Ok(());
    }
    let found = match named {
        "" => "missing".to_owned(),
        named => format!("{named:?}"),
    };
    let expected = "name/version, as in the effective config";
    Err(Error::invalid("model", found, expected))
}

impl Position {
    fn new(recognition: &Recognition, resume: &v1::Resume) -> Result<Self, Error> {
        let told = recognition.told(resume.results);
        check_end(recognition, told, resume)?;
        check_channel(recognition, told, resume)?;
        let from = resume.replay_from_sample;
        let latest = replay_from(recognition, told, resume.end_sample);
        if from > latest {
            let expected = format!("at most {latest} after {} results", told.results);
            let found = from.to_string();
            return Err(Error::invalid("replay_from_sample", found, expected));
        }
        let mut position = Self {
            from,
            results: told.results,
            memories: Vec::new(),
            // The client has nothing yet that could differ.
            exact: Some(told.results == 0),
        };
        if !resume.checkpoint.is_empty() {
            position.remember(recognition, told, resume)?;
        }
        Ok(position)
    }

    fn remember(
        &mut self,
        recognition: &Recognition,
        told: Told,
        resume: &v1::Resume,
    ) -> Result<(), Error> {
        let bytes = &resume.checkpoint;
        let seal = Seal::of(recognition).filter(|_| told.results > 0);
        let Some(seal) = seal else {
            let found = format!("{} bytes", bytes.len());
            let expected = "none, no result of this stream has one";
            return Err(Error::invalid("checkpoint", found, expected));
        };
        let end: Duration = messages::samples(resume.end_sample, recognition.format);
        let (memories, same) = checkpoint::read(bytes, seal, recognition, told, end)?;
        self.memories = memories;
        self.exact = Some(same && recognition.model.info().batch_invariant);
        Ok(())
    }
}

/// Checks that the last result ended where one can end.
fn check_end(recognition: &Recognition, told: Told, resume: &v1::Resume) -> Result<(), Error> {
    let end = resume.end_sample;
    let possible = match told.last() {
        None => 0..=0,
        Some((row, _)) => recognition.plan.end_samples(row),
    };
    if possible.contains(&end) && end <= MOST_SAMPLES {
        return Ok(());
    }
    let (first, last) = (possible.start(), possible.end());
    let expected = format!("{first} to {last} after {} results", told.results);
    Err(Error::invalid("end_sample", end.to_string(), expected))
}

/// Checks that the last result was one of the channel whose turn it was.
fn check_channel(recognition: &Recognition, told: Told, resume: &v1::Resume) -> Result<(), Error> {
    let channel = told.last().and_then(|(_, lane)| recognition.channel(lane));
    if resume.channel == channel {
        return Ok(());
    }
    let or = |channel: Option<u32>, none: &str| {
        channel.map_or_else(|| none.to_owned(), |channel| channel.to_string())
    };
    let expected = format!("{} after {} results", or(channel, "none"), told.results);
    Err(Error::invalid(
        "channel",
        or(resume.channel, "missing"),
        expected,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_go_round_the_lanes() {
        let told = |results| Told { results, lanes: 3 };
        let rows = |results| [0, 1, 2].map(|lane| told(results).rows(lane));
        assert_eq!(rows(0), [0, 0, 0]);
        assert_eq!(rows(1), [1, 0, 0]);
        assert_eq!(rows(5), [2, 2, 1]);
        assert_eq!(rows(6), [2, 2, 2]);
        assert_eq!(told(5).whole_rows(), 1);
        assert_eq!(told(5).last(), Some((1, 1)));
        assert_eq!(told(6).last(), Some((1, 2)));
        assert_eq!(told(0).last(), None);
    }
}
