//! What lies between the audio callback, which must never wait, and the network,
//! which may.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossbeam_queue::ArrayQueue;

use super::losses::Losses;

/// Blocks of audio on their way, and emptied ones on their way back.
#[derive(Debug)]
struct Ring {
    filled: ArrayQueue<Vec<u8>>,
    empty: ArrayQueue<Vec<u8>>,
    block_bytes: usize,
    /// Whether the last block is in the ring.
    over: AtomicBool,
}

/// The callback's end. Writing neither waits nor allocates. Dropping it hands over the
/// last block, full or not.
#[derive(Debug)]
pub(super) struct Writer {
    ring: Arc<Ring>,
    losses: Arc<Losses>,
    /// The block that is being filled.
    block: Vec<u8>,
}

/// The network's end.
#[derive(Debug)]
pub(super) struct Reader(Arc<Ring>);

/// A ring of `blocks` blocks, all allocated here. When it is full, a new block takes
/// the place of the oldest, which `losses` count.
pub(super) fn ring(block_bytes: usize, blocks: usize, losses: Arc<Losses>) -> (Writer, Reader) {
    // Beside those in the ring, the writer fills one and the reader empties one.
    let empty = ArrayQueue::new(blocks + 2);
    while empty.push(Vec::with_capacity(block_bytes)).is_ok() {}
    let block = empty.pop().expect("the queue was just filled");
    let ring = Arc::new(Ring {
        filled: ArrayQueue::new(blocks),
        empty,
        block_bytes,
        over: AtomicBool::new(false),
    });
    let writer = Writer {
        ring: Arc::clone(&ring),
        losses,
        block,
    };
    (writer, Reader(ring))
}

impl Writer {
    /// Takes over `audio`, whatever its length. The reader sees whole blocks.
    pub(super) fn write(&mut self, mut audio: &[u8]) {
        while !audio.is_empty() {
            let room = self.ring.block_bytes - self.block.len();
            let (fits, rest) = audio.split_at(room.min(audio.len()));
            self.block.extend_from_slice(fits);
            audio = rest;
            if self.block.len() == self.ring.block_bytes {
                self.hand_over();
            }
        }
    }

    fn hand_over(&mut self) {
        let full = mem::take(&mut self.block);
        self.block = match self.ring.filled.force_push(full) {
            Some(oldest) => {
                self.losses.dropped.fetch_add(1, Ordering::Relaxed);
                oldest
            }
            None => self
                .ring
                .empty
                .pop()
                .expect("there are two blocks more than the ring holds"),
        };
        self.block.clear();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.block.is_empty() {
            self.hand_over();
        }
        self.ring.over.store(true, Ordering::Release);
    }
}

impl Reader {
    /// Whether nothing comes any more beside what is in the ring.
    pub(super) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Acquire)
    }

    /// The oldest audio, at most `most` bytes but at least one block; empty when
    /// there is none.
    pub(super) fn read(&mut self, most: usize) -> Vec<u8> {
        let ring = &self.0;
        let mut audio = Vec::new();
        while audio.is_empty() || audio.len() + ring.block_bytes <= most {
            let Some(block) = ring.filled.pop() else {
                break;
            };
            audio.extend_from_slice(&block);
            ring.empty
                .push(block)
                .expect("the queue has a place for every block");
        }
        audio
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn dropped(losses: &Losses) -> u64 {
        losses.dropped.load(Ordering::Relaxed)
    }

    #[test]
    fn audio_of_any_length_leaves_in_order() {
        let losses = Arc::default();
        let (mut writer, mut reader) = ring(4, 3, Arc::clone(&losses));
        writer.write(&[0, 1, 2]);
        assert_eq!(reader.read(100), []);
        writer.write(&[3, 4, 5, 6, 7, 8]);
        assert_eq!(reader.read(7), [0, 1, 2, 3]);
        writer.write(&[9]);
        writer.write(&[10, 11]);
        assert_eq!(reader.read(8), [4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(reader.read(8), []);
        assert_eq!(dropped(&losses), 0);
    }

    #[test]
    fn a_full_ring_drops_the_oldest() {
        let losses = Arc::default();
        let (mut writer, mut reader) = ring(2, 3, Arc::clone(&losses));
        writer.write(&(0..10).collect::<Vec<_>>());
        assert_eq!(dropped(&losses), 2);
        assert_eq!(reader.read(100), [4, 5, 6, 7, 8, 9]);
        writer.write(&[10, 11]);
        assert_eq!(reader.read(100), [10, 11]);
        assert_eq!(dropped(&losses), 2);
    }

    #[test]
    fn the_last_block_need_not_be_full() {
        let (mut writer, mut reader) = ring(4, 3, Arc::default());
        writer.write(&[0, 1, 2, 3, 4]);
        assert!(!reader.is_over());
        drop(writer);
        assert!(reader.is_over());
        assert_eq!(reader.read(100), [0, 1, 2, 3, 4]);
        assert_eq!(reader.read(100), []);
    }

    #[test]
    fn the_callback_does_not_allocate() {
        let (mut writer, mut reader) = ring(960, 5, Arc::default());
        let period = [7; 1_000];
        for _ in 0..3 {
            let allocations = allocation_counter::measure(|| {
                for _ in 0..20 {
                    writer.write(&period);
                }
            });
            assert_eq!(allocations.count_total, 0);
            assert_eq!(reader.read(2_000).len(), 1_920);
        }
    }

    /// Nothing is torn, turned round or repeated when both ends are busy, and what
    /// is missing was counted.
    #[test]
    fn two_threads_share_it() {
        const BLOCKS: u32 = 10_000;
        let losses = Arc::default();
        let (mut writer, mut reader) = ring(8, 4, Arc::clone(&losses));
        let writing = thread::spawn(move || {
            for number in 0..2 * BLOCKS {
                writer.write(&number.to_le_bytes());
            }
        });
        let mut read = 0;
        let mut next = 0;
        loop {
            let over = writing.is_finished();
            let audio = reader.read(16);
            if audio.is_empty() && over {
                break;
            }
            for block in audio.as_chunks::<8>().0 {
                let [first, second] = [0, 4].map(|at| {
                    let bytes = block[at..at + 4].try_into().unwrap();
                    u32::from_le_bytes(bytes)
                });
                assert!(first >= next && first.is_multiple_of(2));
                assert_eq!(second, first + 1);
                next = second + 1;
                read += 1;
            }
        }
        writing.join().unwrap();
        assert_eq!(next, 2 * BLOCKS);
        assert_eq!(read + dropped(&losses), u64::from(BLOCKS));
    }
}
