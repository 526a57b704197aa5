//! Streams that misbehave, and how they should end.

use std::time::Duration;

use bytes::Bytes;
use ser_proto::v1::{Encoding, streaming_recognize_response::Response};
use ser_tests::{
    server::channel_to,
    stream::{RawStream, config},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};
use tonic::Code;

use crate::{
    failure::Failure,
    good::{RATE, Voices},
};

/// Chunks of 100 ms that are sent at once, more than a live stream may be ahead.
const BURST: usize = 150;

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misfit {
    /// Goes away in the middle, without a word.
    Cancel,
    /// Stops to send, and stays.
    Stall,
    /// Sends samples that are no numbers.
    Garbage,
    /// Sends bytes that aren't HTTP/2.
    Noise,
    /// Sends as fast as it can, and goes away.
    Burst,
}

impl Misfit {
    /// One after the other.
    pub(crate) fn of(turn: usize) -> Self {
        let all = [
            Self::Cancel,
            Self::Stall,
            Self::Garbage,
            Self::Noise,
            Self::Burst,
        ];
        all[turn % all.len()]
    }

    /// Runs on a connection of its own, and ends as it should or fails.
    pub(crate) async fn run(self, server: &str, voices: &Voices) -> Result<(), Failure> {
        if self == Self::Noise {
            return noise(server).await;
        }
        let encoding = match self {
            Self::Garbage => Encoding::F32le,
            _ => Encoding::S16le,
        };
        let mut stream = RawStream::open(channel_to(server).await).await;
        stream.config(config(encoding, RATE)).await;
        match stream.next().await {
            Ok(Some(Response::Started(_))) => {}
            Err(status) => return Err(status.into()),
            other => return Err(Failure::Other(format!("{other:?} instead of the start"))),
        }
        match self {
            Self::Cancel => {
                for chunk in &voices.long()[..25] {
                    stream.audio(chunk.clone()).await;
                    sleep(Duration::from_millis(100)).await;
                }
                Ok(())
            }
            Self::Burst => {
                for chunk in voices.long().iter().take(BURST) {
                    tokio::select! {
                        () = stream.audio(chunk.clone()) => {}
                        // Flow control holds it back.
                        () = sleep(Duration::from_secs(1)) => break,
                    }
                }
                Ok(())
            }
            Self::Stall => {
                stream.audio(voices.long()[0].clone()).await;
                ended(&mut stream, Code::DeadlineExceeded).await
            }
            Self::Garbage | Self::Noise => {
                let nonsense: Vec<u8> = f32::NAN.to_le_bytes().repeat(100);
                stream.audio(Bytes::from(nonsense)).await;
                ended(&mut stream, Code::InvalidArgument).await
            }
        }
    }
}

async fn ended(stream: &mut RawStream, expected: Code) -> Result<(), Failure> {
    match stream.transcript().await.error {
        Some((code, _)) if code == expected => Ok(()),
        other => Err(Failure::Other(format!("{other:?}; expected {expected:?}"))),
    }
}

async fn noise(server: &str) -> Result<(), Failure> {
    let connected = TcpStream::connect(server).await;
    let mut connection = connected.map_err(|error| Failure::Other(error.to_string()))?;
    // Whether it is taken or cut off doesn't matter.
    let _ = connection.write_all(&[0x5a; 4_096]).await;
    sleep(Duration::from_millis(500)).await;
    Ok(())
}
