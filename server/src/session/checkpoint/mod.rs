//! What audio can't restore of a stream, as its results carry it.
//!
//! Clients keep checkpoints and send one back; they are opaque to them, but nothing
//! keeps anybody from making one up. So all of it is checked. What passes and is
//! false can only spoil the results of the stream that brought it.

mod lane;
#[cfg(test)]
mod tests;

use std::time::Duration;

use prost::{Message, bytes::Bytes};
use sha2::{Digest, Sha256};

use self::lane::{LaneMemory, Limits};
use super::{Recognition, lane::Lane, messages, resume::Told};
use crate::{
    Error,
    decision::{Smoothed, Totals},
};

/// The largest checkpoint, in bytes. A stream whose checkpoints could be larger has
/// none.
pub(super) const LARGEST: usize = 16 << 10;
/// The version of this format.
const VERSION: u32 = 1;

/// What a checkpoint belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// The start of a SHA-256 of model, front end and config.
    settings: [u8; 16],
    /// The start of a SHA-256 of `numerics`; 0 of a stream that isn't exact.
    numerics: u64,
}

impl Seal {
    /// The seal of a stream that has one: of all checkpoints that it may give, the
    /// largest must not be too large.
    pub(super) fn of(recognition: &Recognition) -> Option<Self> {
        (Checkpoint::largest(recognition) <= LARGEST).then(|| Self {
            settings: digest(&settings(recognition)),
            numerics: u64::from_le_bytes(digest(messages::numerics(&recognition.model).as_bytes())),
        })
    }

    /// The seal of a stream that isn't exact: what goes on with it won't be either.
    pub(super) fn inexact(self) -> Self {
        Self {
            numerics: 0,
            ..self
        }
    }
}

/// The first bytes of a SHA-256.
fn digest<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let digest = Sha256::digest(bytes);
    std::array::from_fn(|at| digest[at])
}

/// Everything that the meaning of a checkpoint depends on.
fn settings(recognition: &Recognition) -> Vec<u8> {
    let manifest = recognition.model.manifest();
    let package = serde_json::json!({
        "graph": recognition.model.graph_sha256(),
        "front_end": manifest.front_end,
        "windows": manifest.windows,
        "labels": manifest.labels,
        "decision": manifest.decision,
    });
    let config = messages::effective(recognition);
    [config.encode_to_vec(), package.to_string().into_bytes()].concat()
}

/// What audio can't restore of one lane.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Whether the client knows that the audio is overdriven.
    pub(super) clipping_told: bool,
    /// Of a stream with smoothing.
    pub(super) smoothed: Option<Smoothed>,
    pub(super) totals: Totals,
    /// What a recurrent model remembers.
    pub(super) state: Vec<f32>,
}

/// The checkpoint after the results `told`, as the lanes are now.
pub(super) fn write(seal: Seal, told: Told, lanes: &[Lane]) -> Bytes {
    let checkpoint = Checkpoint {
        version: VERSION,
        settings: seal.settings.to_vec(),
        numerics: seal.numerics,
        results: told.results,
        lanes: lanes.iter().map(LaneMemory::of).collect(),
    };
    checkpoint.encode_to_vec().into()
}

/// What a checkpoint remembers of each lane after the results `told`, the last of
/// which ended at `end`; and whether it was written with the same numerics.
///
/// # Errors
///
/// [`Error::Invalid`] of the field `checkpoint`, [`Error::CantResume`] of one that
/// another server may know.
pub(super) fn read(
    bytes: &[u8],
    seal: Seal,
    recognition: &Recognition,
    told: Told,
    end: Duration,
) -> Result<(Vec<Memory>, bool), Error> {
    let refuse = |found: String, expected: String| Error::invalid("checkpoint", found, expected);
    let damaged = || refuse("damaged".into(), "that of the last result".into());
    if bytes.len() > LARGEST {
        let expected = format!("at most {LARGEST}");
        return Err(refuse(format!("{} bytes", bytes.len()), expected));
    }
    let checkpoint = Checkpoint::decode(bytes).map_err(|_| damaged())?;
    let Checkpoint {
        version,
        settings,
        numerics,
        results,
        lanes,
    } = checkpoint;
    if version != VERSION {
        let error = refuse(format!("version {version}"), VERSION.to_string());
        return Err(Error::CantResume(Box::new(error)));
    }
    if settings != seal.settings {
        let expected = "that of the stream that ended";
        let error = refuse("of another model or config".into(), expected.into());
        return Err(Error::CantResume(Box::new(error)));
    }
    if results != told.results {
        let expected = format!("after {}", told.results);
        return Err(refuse(format!("after {results} results"), expected));
    }
    if lanes.len() as u64 != told.lanes {
        return Err(damaged());
    }
    let shape = recognition.model.info().shape;
    let memories = lanes.into_iter().enumerate().map(|(lane, memory)| {
        memory.check(Limits {
            labels: shape.classes,
            state: shape.state,
            smooths: recognition.smoothing.is_some(),
            rows: told.rows(lane),
            end,
        })
    });
    let memories: Option<Vec<_>> = memories.collect();
    Ok((memories.ok_or_else(damaged)?, numerics == seal.numerics))
}

/// How a checkpoint is written.
#[derive(Clone, PartialEq, Message)]
struct Checkpoint {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(bytes = "vec", tag = "2")]
    settings: Vec<u8>,
    #[prost(fixed64, tag = "3")]
    numerics: u64,
    #[prost(uint64, tag = "4")]
    results: u64,
    #[prost(message, repeated, tag = "5")]
    lanes: Vec<LaneMemory>,
}

impl Checkpoint {
    /// Bytes of the largest that a stream may give.
    fn largest(recognition: &Recognition) -> usize {
        let shape = recognition.model.info().shape;
        let whole = Self {
            version: VERSION,
            settings: vec![1; 16],
            numerics: u64::MAX,
            results: u64::MAX,
            lanes: vec![LaneMemory::longest(shape.classes, shape.state)],
        };
        whole.encoded_len() * recognition.lanes()
    }
}
