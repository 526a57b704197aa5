//! How much memory a server may come to take.

use super::Config;
use crate::{
    services::{LARGEST_CHUNK_REQUEST, LARGEST_CLIP_REQUEST},
    session::WAITING,
    transport,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A server without streams: the program, its threads, and a model like the embedded
/// one, with the tables of all common sample rates and of as many others as may be in use,
/// 44 of at most 1.25 MiB; and talks of reflection, 64 with answers of 128 KiB on their way.
const IDLE: u64 = 104 * MIB;
/// What a session keeps for a classified channel: levels of the longest window (430
/// frames of 128 bands are 215 KiB), eight rows on their way, and the rest.
const LANE: u64 = 384 * KIB;
/// A response that waits to be read: scores, and a checkpoint of at most 16 KiB.
const RESPONSE: u64 = 20 * KIB;
/// What a connection keeps beside its streams: TLS, a frame each way, compressed and
/// plain header fields.
const CONNECTION: u64 = 128 * KIB;
/// A call without audio and a watch of health, of which there may be one for each
/// connection: header fields, and buffers for a request that carries a name at most.
const CALL: u64 = 32 * KIB;
/// A row that waits for a model: as many numbers as a second of an encoder's features.
const ROW: u64 = 16 * KIB;
/// A clip: its request, and what becomes of it. That is values of tensors, as large as the
/// request; or audio, decoded a piece at a time, and results: ten minutes of eight channels
/// are 41,000 at the shortest hop, of 900 bytes each with what is sent of them.
const CLIP: u64 = LARGEST_CLIP_REQUEST as u64 + 48 * MIB;

impl Config {
    /// The most memory that the server takes with this configuration, in bytes, whatever
    /// its clients do; of every model beside one like the embedded one, what it takes
    /// itself has to be added. `docs/reliability.md` explains the terms.
    #[must_use]
    pub fn memory_bound(&self) -> u64 {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let window = u64::from(transport::STREAM_WINDOW);
        let stream = window + wide(LARGEST_CHUNK_REQUEST) + LANE + wide(WAITING) * RESPONSE;
        let connection = CONNECTION + CALL + 2 * u64::from(transport::FRAME + transport::HEADERS);
        [
            wide(self.limits.open_streams.get()).saturating_mul(stream),
            wide(self.server.connections.get()).saturating_mul(connection),
            wide(self.limits.open_clips.get()).saturating_mul(CLIP),
            wide(self.batcher.queue_rows.get()).saturating_mul(2 * ROW),
        ]
        .into_iter()
        .fold(IDLE, u64::saturating_add)
    }
}

impl Config {
    /// The bound as people read it.
    pub(crate) fn memory(&self) -> String {
        let bound = self.memory_bound() / MIB;
        format!("memory: at most {bound} MiB with these limits")
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn every_limit_moves_the_bound() {
        let bound = Config::default().memory_bound();
        let smaller = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            bound - config.memory_bound()
        };
        assert_eq!(
            smaller(|config| config.limits.open_streams = NonZeroUsize::new(9_999).unwrap()),
            64 * KIB + 256 * KIB + LANE + 18 * RESPONSE
        );
        assert_eq!(
            smaller(|config| config.limits.open_clips = NonZeroUsize::new(7).unwrap()),
            CLIP
        );
        assert!(smaller(|config| config.server.connections = NonZeroUsize::MIN) > 0);
        assert!(smaller(|config| config.batcher.queue_rows = NonZeroUsize::MIN) > 0);
    }
}
