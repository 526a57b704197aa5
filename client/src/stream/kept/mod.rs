//! What a stream keeps, so that another server can go on with it: its last audio, and
//! where its results have come to.

mod reader;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use ser_proto::v1::{AudioFormat, EmotionResult, Resume, StreamingConfig};
use tokio::{sync::Notify, time::Instant};

pub(super) use self::reader::{Hold, Reader};
use super::replay::Replay;
use crate::{
    Error,
    audio::{frame_bytes, frames_in, time_of},
};

/// Audio that is kept at most, beyond the window and the hop of the model.
const MOST: Duration = Duration::from_secs(60);

/// Pieces that wait for the connection. Few, so that flow control reaches whoever
/// feeds the sink.
const UNSENT: usize = 2;

/// Shared by the sink, which fills it, the requests of each attempt, which are read
/// from it, and the results, which release it.
#[derive(Debug)]
pub(super) struct Kept {
    state: Mutex<State>,
    /// There is more to be read.
    more: Notify,
    /// There is more room.
    room: Notify,
}

#[derive(Debug)]
struct State {
    replay: Replay,
    frame_bytes: u64,
    /// Bytes that are kept at most.
    most: u64,
    /// Whether audio is kept after it was sent.
    keeps: bool,
    /// Of the last result.
    resume: Resume,
    /// How far each of the [`Reader`]s has read: one, while a stream moves two.
    readers: Vec<(u64, u64)>,
    next_reader: u64,
    /// How far any has, or the last one had.
    sent: u64,
    muted: bool,
    half_closed: bool,
    over: bool,
    /// When the server took something, or had something to take for the first time.
    moved: Instant,
}

impl Kept {
    /// For a stream that begins with `config`. Without `keeps` nothing outlives its
    /// being sent.
    pub(super) fn new(config: &StreamingConfig, keeps: bool) -> Self {
        let frame_bytes = config.audio.as_ref().map_or(1, frame_bytes) as u64;
        let resume = config.resume.clone().unwrap_or_default();
        let start = resume.replay_from_sample.saturating_mul(frame_bytes);
        let state = State {
            replay: Replay::starting(start),
            frame_bytes,
            most: u64::MAX,
            keeps,
            resume,
            readers: Vec::with_capacity(2),
            next_reader: 0,
            sent: start,
            muted: false,
            half_closed: false,
            over: false,
            moved: Instant::now(),
        };
        Self {
            state: Mutex::new(state),
            more: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Bounds what is kept, for a stream that was accepted as `effective`.
    pub(super) fn bound(&self, effective: &StreamingConfig) {
        let options = effective.options.clone().unwrap_or_default();
        let time = |time: Option<prost_types::Duration>| {
            Duration::try_from(time.unwrap_or_default()).unwrap_or_default()
        };
        let most = MOST
            .saturating_add(time(options.window))
            .saturating_add(time(options.hop));
        let format = effective.audio.unwrap_or_default();
        self.state().most = bytes_in(most, &format);
    }

    /// Keeps `piece` as soon as there is room for it.
    pub(super) async fn push(&self, piece: Bytes) -> Result<(), Error> {
        loop {
            // From here on it notices what changes.
            let room = self.room.notified();
            {
                let mut state = self.state();
                if state.over {
                    return Err(Error::Ended);
                }
                if state.has_room(piece.len() as u64) {
                    state.begin_to_wait();
                    state.muted = false;
                    state.replay.push(piece);
                    break;
                }
            }
            room.await;
        }
        self.more.notify_waiters();
        Ok(())
    }

    pub(super) fn mute(&self) -> Result<(), Error> {
        {
            let mut state = self.state();
            if state.over {
                return Err(Error::Ended);
            }
            state.muted = true;
        }
        self.more.notify_waiters();
        Ok(())
    }

    /// No more audio follows.
    pub(super) fn half_close(&self) {
        {
            let mut state = self.state();
            state.begin_to_wait();
            state.half_closed = true;
        }
        self.more.notify_waiters();
    }

    pub(super) fn is_half_closed(&self) -> bool {
        self.state().half_closed
    }

    /// The stream has ended: what is pushed from now on would reach nobody.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.room.notify_waiters();
    }

    /// `result` has come. What only earlier ones needed is released.
    ///
    /// # Errors
    ///
    /// When no server could go on after it, with what it says that can't be.
    pub(super) fn told(&self, result: &EmotionResult) -> Result<(), &'static str> {
        {
            let mut state = self.state();
            let from = result.replay_from_sample;
            if from < state.resume.replay_from_sample {
                return Err("audio to be replayed that it needed no more");
            }
            if from.saturating_mul(state.frame_bytes) > state.replay.end() {
                return Err("audio to be replayed that it was never sent");
            }
            state.resume = Resume {
                replay_from_sample: from,
                results: result.sequence + 1,
                end_sample: result.end_sample,
                channel: result.channel,
                checkpoint: result.checkpoint.clone(),
            };
            state.release();
        }
        self.room.notify_waiters();
        Ok(())
    }

    /// Where a new server goes on, and what it is sent: the audio from there, until the
    /// [`Hold`] is dropped.
    pub(super) fn reader(self: &Arc<Self>) -> (Resume, Reader, Hold) {
        let mut state = self.state();
        let mut resume = state.resume.clone();
        let position = match state.keeps {
            true => state.needed(),
            false => state.replay.start(),
        };
        resume.replay_from_sample = position / state.frame_bytes;
        let id = state.next_reader;
        state.next_reader += 1;
        state.readers.push((id, position));
        state.note_sent();
        state.moved = Instant::now();
        let (reader, hold) = Reader::of(self, id);
        (resume, reader, hold)
    }

    /// Nothing more is read by this reader.
    fn part_with(&self, reader: u64) {
        {
            let mut state = self.state();
            state.readers.retain(|(id, _)| *id != reader);
            state.note_sent();
            if state.keeps {
                state.release();
            }
        }
        self.more.notify_waiters();
        self.room.notify_waiters();
    }

    /// Since when the server owes something: to take what is there, to say what makes
    /// room for more, or after the half-close to say the rest.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.half_closed || state.is_unsent() || state.is_full()).then_some(state.moved)
    }

    /// Audio that no result covers yet.
    pub(super) fn unheard(&self, format: &AudioFormat) -> Duration {
        let state = self.state();
        let heard = state.resume.end_sample.saturating_mul(state.frame_bytes);
        let frames = state.replay.end().saturating_sub(heard) / state.frame_bytes;
        time_of(frames, format.sample_rate.max(1))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is locked here is left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_sent(&mut self) {
        let furthest = self.readers.iter().map(|(_, position)| *position).max();
        self.sent = furthest.unwrap_or(self.sent);
    }

    fn has_room(&self, bytes: u64) -> bool {
        let fits = self.replay.len() + bytes <= self.most || self.replay.len() == 0;
        // While there is no server, audio goes on being kept.
        fits && (self.readers.is_empty() || self.replay.pieces_after(self.sent) < UNSENT)
    }

    fn is_unsent(&self) -> bool {
        self.sent < self.replay.end()
    }

    /// Whether only a result makes room for more.
    fn is_full(&self) -> bool {
        self.replay.len() + super::MAX_REQUEST_BYTES as u64 > self.most
    }

    /// From now on the server is waited for, if it isn't yet.
    fn begin_to_wait(&mut self) {
        if !self.half_closed && !self.is_unsent() && !self.is_full() {
            self.moved = Instant::now();
        }
    }

    /// From where on a new server needs the audio.
    fn needed(&self) -> u64 {
        let from = self.resume.replay_from_sample;
        from.saturating_mul(self.frame_bytes)
    }

    /// Forgets what neither a reader nor a new server needs.
    fn release(&mut self) {
        let read = self.readers.iter().map(|(_, position)| *position).min();
        let needed = match self.keeps {
            true => self.needed(),
            false => u64::MAX,
        };
        let until = read.map_or(needed, |read| read.min(needed));
        // Nothing was sent yet of what lies behind the end.
        self.replay.release(until.min(self.replay.end()));
    }
}

/// Whole frames of `format` in `time`, at least one.
fn bytes_in(time: Duration, format: &AudioFormat) -> u64 {
    let frames = frames_in(time, format.sample_rate);
    (frames as u64).saturating_mul(frame_bytes(format) as u64)
}

#[cfg(test)]
mod tests;
