//! From audio bytes to results, whatever the transport: streams and clips share
//! this, and so give the same results for the same audio.

mod telling;
mod waiting;

use std::{collections::VecDeque, mem, time::Duration};

use prost::bytes::{Buf, Bytes};
use ser_features::PcmReader;
use ser_proto::v1;
use tokio::time::Instant;

use self::waiting::{Waiting, in_order, window};
use super::{
    Recognition,
    account::Account,
    grid::Grid,
    lane::{Lane, Span},
    messages,
    trail::Trail,
};
use crate::{
    Error,
    batcher::{Pace, PendingRow, RowBuffers, RowError, Submitter},
};

/// Rows of one lane of a windowed model that may be on their way at once. Enough
/// for a bulk stream to keep a worker busy, little enough to be fair. Of a
/// recurrent model it is one, which brings the state for the next.
const ROWS_IN_FLIGHT: usize = 8;

/// Works off the audio of one session. The owner calls [`step`](Self::step)
/// while [`can_step`](Self::can_step), and takes what comes out of
/// [`next`](Self::next).
pub(crate) struct Recognizer {
    recognition: Recognition,
    account: Account,
    /// What errors call the audio.
    what: &'static str,
    reader: PcmReader,
    grid: Grid,
    lanes: Vec<Lane>,
    /// Audio that was fed and not yet read.
    audio: Bytes,
    /// When that was.
    fed: Instant,
    /// The way to the model.
    rows: Submitter,
    /// Windows that the front ends have made and that wait for the model.
    waiting: VecDeque<Waiting>,
    /// What is to be told, in the order of the audio.
    in_flight: VecDeque<InFlight>,
    /// Time spent on it since somebody asked.
    work: Duration,
    /// Buffers of rows that have come back.
    spare: Vec<RowBuffers>,
    sequence: u64,
}

enum InFlight {
    Window {
        lane: usize,
        span: Span,
        trail: Trail,
        row: Option<PendingRow>,
    },
    /// The lane is the one that is overdriven, if it is about that.
    Warning {
        lane: Option<usize>,
        warning: v1::StreamWarning,
    },
}

/// What a session tells its client between the start and the summary.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Result(v1::EmotionResult, Trail),
    Warning(v1::StreamWarning),
}

impl Recognizer {
    /// `what` is what errors call the audio, and `account` where the work is written down.
    pub(crate) fn new(
        mut recognition: Recognition,
        what: &'static str,
        account: Account,
    ) -> Result<Self, Error> {
        let reader = PcmReader::new(recognition.format, recognition.selection)
            .map_err(|error| Error::Internal(error.to_string()))?
            .starting_at(recognition.position.from);
        let mut memories = mem::take(&mut recognition.position.memories).into_iter();
        let lanes: Result<_, _> = (0..reader.lanes())
            .map(|lane| Lane::new(&recognition, lane, memories.next()))
            .collect();
        let position = &recognition.position;
        let mut in_flight = VecDeque::new();
        // It comes before any result.
        if position.results == 0
            && let Some(warning) = messages::narrow_band(&recognition)
        {
            in_flight.push_back(InFlight::Warning {
                lane: None,
                warning,
            });
        }
        Ok(Self {
            grid: Grid::new(recognition.format, position.from),
            sequence: position.results,
            lanes: lanes?,
            what,
            reader,
            audio: Bytes::new(),
            fed: Instant::now(),
            rows: recognition.model.batcher().submitter(recognition.pace),
            waiting: VecDeque::new(),
            in_flight,
            spare: Vec::new(),
            work: Duration::ZERO,
            recognition,
            account,
        })
    }

    /// Whether all that was fed has been read and sent to the model.
    pub(crate) fn wants_audio(&self) -> bool {
        self.waiting.is_empty() && self.audio.is_empty()
    }

    /// Measures a result that is about to be handed to the transport, and returns its
    /// lag: none of a recording's, whose results nobody waits for.
    pub(crate) fn told(&self, trail: &Trail, unblocked: Option<Instant>) -> Option<Duration> {
        (self.recognition.pace == Pace::Live).then(|| {
            let lag = trail.lag(unblocked);
            self.recognition.model.metrics().told(lag);
            lag
        })
    }

    /// The processor time that this has taken since it was asked for last: its own, and
    /// its rows' share of their calls of the model.
    pub(crate) fn work_done(&mut self) -> Duration {
        mem::take(&mut self.work)
    }

    /// Whether everything that was fed has been told.
    pub(crate) fn is_idle(&self) -> bool {
        self.wants_audio() && self.in_flight.is_empty()
    }

    /// Takes a chunk of audio. Only when it [wants](Self::wants_audio) one.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.wants_audio(), "fed too early");
        self.account.audio_received(&chunk, &self.recognition);
        self.audio = chunk;
        self.fed = Instant::now();
    }

    /// Ends the audio: the last windows are on their way. Only when it
    /// [wants](Self::wants_audio) audio.
    ///
    /// # Errors
    ///
    /// [`Error::Audio`] when it ended inside a sample.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        debug_assert!(self.wants_audio(), "finished too early");
        let what = self.what;
        self.reader
            .finish()
            .map_err(|source| Error::Audio { what, source })?;
        self.fed = Instant::now();
        let Self {
            recognition,
            account,
            lanes,
            fed,
            waiting,
            spare,
            ..
        } = self;
        for (index, lane) in lanes.iter_mut().enumerate() {
            lane.front_end.finish(&mut |segment| {
                waiting.push_back(window(
                    recognition,
                    spare,
                    index,
                    &segment,
                    trail(account, *fed),
                ));
            });
        }
        in_order(waiting);
        Ok(())
    }

    /// Whether [`step`](Self::step) has something to do that needn't wait for
    /// the model.
    pub(crate) fn can_step(&self) -> bool {
        match self.waiting.front() {
            None => !self.audio.is_empty(),
            Some(Waiting::Window {
                lane, row: Some(_), ..
            }) => {
                let rows = if self.recognition.model.info().shape.state > 0 {
                    1
                } else {
                    ROWS_IN_FLIGHT
                };
                self.lanes[*lane].rows_in_flight < rows
            }
            // Bounded all the same, since these keep their place in the order.
            Some(_) => self.in_flight.len() < ROWS_IN_FLIGHT * self.lanes.len(),
        }
    }

    /// Sends one window to the model, or reads audio up to the next line of the
    /// session's grid. Must not be dropped before it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Audio`] at a sample that is not finite; what came before it goes
    /// on. [`Error::NotServing`] and
    /// [`Error::InferenceFailed`].
    pub(crate) async fn step(&mut self) -> Result<(), Error> {
        match self.waiting.pop_front() {
            None => {
                self.read()?;
                if !self.audio.is_empty() {
                    tokio::task::yield_now().await;
                }
            }
            Some(Waiting::Warning { lane, warning }) => {
                let lane = Some(lane);
                self.in_flight
                    .push_back(InFlight::Warning { lane, warning });
            }
            Some(Waiting::Window {
                lane,
                span,
                trail,
                row,
            }) => {
                let row = match row {
                    None => None,
                    Some(mut row) => {
                        self.lanes[lane].send(&mut row);
                        let pending = self.rows.submit(row, trail.span()).await;
                        Some(pending.map_err(|error| {
                            self.audio.clear();
                            self.waiting.clear();
                            self.model_error(error)
                        })?)
                    }
                };
                self.in_flight.push_back(InFlight::Window {
                    lane,
                    span,
                    trail,
                    row,
                });
            }
        }
        Ok(())
    }

    /// Reads audio up to the next line of the grid.
    fn read(&mut self) -> Result<(), Error> {
        let Self {
            recognition,
            account,
            reader,
            grid,
            lanes,
            audio,
            fed,
            waiting,
            work,
            spare,
            ..
        } = self;
        let (bytes, cell_ends) = grid.advance(audio.len());
        let began = Instant::now();
        let read = reader.push(&audio[..bytes], &mut |index, samples| {
            let lane = &mut lanes[index];
            lane.clipping.push(samples);
            lane.front_end.push(samples, &mut |segment| {
                waiting.push_back(window(
                    recognition,
                    spare,
                    index,
                    &segment,
                    trail(account, *fed),
                ));
            });
        });
        audio.advance(bytes);
        let ran = began.elapsed();
        recognition.model.metrics().front_end_ran(ran);
        *work += ran;
        in_order(waiting);
        if let Err(source) = read {
            audio.clear();
            return Err(Error::Audio {
                what: self.what,
                source,
            });
        }
        if cell_ends {
            for (index, lane) in lanes.iter_mut().enumerate() {
                if let Some(share) = lane.clipping.end_cell() {
                    let warning = messages::clipped_audio(recognition, index, share);
                    waiting.push_back(Waiting::Warning {
                        lane: index,
                        warning,
                    });
                }
            }
        }
        Ok(())
    }

    fn model_error(&self, error: RowError) -> Error {
        error.of_model(self.recognition.model.id())
    }
}

/// Of a window that the chunk fed at `computable` has completed.
fn trail(account: &Account, computable: Instant) -> Trail {
    Trail::new(computable, account.span().map(|span| &**span))
}
