//! The audio that may have to be sent again.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Shorter pieces are joined, so that audio in tiny chunks costs no more memory than
/// other audio.
const SHORT: usize = 1024;

/// The last part of a stream's audio, by the byte. Positions count from the stream's
/// first byte.
#[derive(Debug)]
pub(super) struct Replay {
    /// Each with its position, one behind the other.
    pieces: VecDeque<(u64, Bytes)>,
    end: u64,
}

impl Replay {
    /// Of a stream whose next byte is that at `start`.
    pub(super) fn starting(start: u64) -> Self {
        Self {
            pieces: VecDeque::new(),
            end: start,
        }
    }

    /// Where the audio begins that is kept.
    pub(super) fn start(&self) -> u64 {
        self.pieces.front().map_or(self.end, |(at, _)| *at)
    }

    /// Where the next piece will begin.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are kept.
    pub(super) fn len(&self) -> u64 {
        self.end - self.start()
    }

    /// Keeps `audio`, which follows what is kept already.
    pub(super) fn push(&mut self, audio: Bytes) {
        let at = self.end;
        self.end += audio.len() as u64;
        match self.pieces.back_mut() {
            Some((_, last)) if last.len() + audio.len() <= SHORT => {
                let mut joined = BytesMut::with_capacity(last.len() + audio.len());
                joined.extend_from_slice(last);
                joined.extend_from_slice(&audio);
                *last = joined.freeze();
            }
            _ if audio.is_empty() => {}
            _ => self.pieces.push_back((at, audio)),
        }
    }

    /// The audio from `position` to the end of its piece; `None` where there is none, yet
    /// or any more.
    pub(super) fn get(&self, position: u64) -> Option<Bytes> {
        let (at, piece) = &self.pieces[self.index(position)?];
        let within = usize::try_from(position - at).expect("less than the piece is long");
        Some(piece.slice(within..))
    }

    /// The pieces that hold what follows `position`.
    pub(super) fn pieces_after(&self, position: u64) -> usize {
        let index = self.index(position.max(self.start()));
        index.map_or(0, |index| self.pieces.len() - index)
    }

    /// Forgets what lies before `position`.
    pub(super) fn release(&mut self, position: u64) {
        while let Some((at, piece)) = self.pieces.front_mut() {
            let end = *at + piece.len() as u64;
            if position < end {
                let released = position.saturating_sub(*at);
                let released = usize::try_from(released).expect("less than the piece is long");
                *piece = piece.slice(released..);
                *at += released as u64;
                break;
            }
            self.pieces.pop_front();
        }
    }

    /// The piece that holds the byte at `position`.
    fn index(&self, position: u64) -> Option<usize> {
        if position >= self.end {
            return None;
        }
        let behind = self.pieces.partition_point(|(at, _)| *at <= position);
        behind.checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes of a stream: what is where can be told.
    fn byte(position: u64) -> u8 {
        (position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
    }

    fn bytes(from: u64, until: u64) -> Bytes {
        (from..until).map(byte).collect()
    }

    fn read(replay: &Replay, mut position: u64) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(audio) = replay.get(position) {
            position += audio.len() as u64;
            all.extend_from_slice(&audio);
        }
        all
    }

    #[test]
    fn tiny_chunks_are_joined() {
        let mut replay = Replay::starting(0);
        for position in 0..1_000_000 {
            replay.push(bytes(position, position + 1));
        }
        assert_eq!(replay.pieces_after(0), 1_000_000_usize.div_ceil(SHORT));
        assert_eq!(read(&replay, 0), bytes(0, 1_000_000));
    }

    #[test]
    fn nothing_lies_beyond_what_is_kept() {
        let mut replay = Replay::starting(100);
        assert_eq!((replay.get(100), replay.pieces_after(100)), (None, 0));
        replay.push(bytes(100, 200));
        replay.release(150);
        assert_eq!((replay.start(), replay.len()), (150, 50));
        assert_eq!((replay.get(149), replay.get(200)), (None, None));
        replay.release(1_000);
        assert_eq!((replay.start(), replay.end(), replay.len()), (200, 200, 0));
        replay.push(bytes(200, 210));
        assert_eq!(read(&replay, 200), bytes(200, 210));
    }

    proptest! {
        /// Whatever was pushed and not released can be read from anywhere.
        #[test]
        fn what_is_kept_is_what_was_pushed(
            start in 0..1_000_u64,
            steps in prop::collection::vec((0..3_000_u64, 0.0..1.0), 1..60),
            from in 0.0..1.0,
        ) {
            let mut replay = Replay::starting(start);
            let (mut end, mut released) = (start, start);
            for (length, share) in steps {
                replay.push(bytes(end, end + length));
                end += length;
                released += ((end - released) as f64 * share) as u64;
                replay.release(released);
            }
            prop_assert_eq!((replay.start(), replay.end()), (released, end));
            let from = released + ((end - released) as f64 * from) as u64;
            prop_assert_eq!(read(&replay, from), bytes(from, end));
        }
    }
}
