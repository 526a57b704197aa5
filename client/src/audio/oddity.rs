//! What a listener of live audio should know.

use std::time::Duration;

/// What is odd about live audio that is sent all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oddity {
    /// It begins with this marker of a file format: a header is heard as sound.
    FileHeader(&'static str),
    /// It ends with so many bytes of an incomplete frame, which are not sent.
    LeftOver(usize),
    /// So much of it was recorded while the network was held up, and is left out:
    /// what comes after it follows what came before.
    Dropped(Duration),
    /// The sound system lost audio so many times before it could be read. ALSA and
    /// the systems of other platforms tell of it, PulseAudio and PipeWire don't.
    Overrun(u64),
    /// The system made another microphone its default, and that is heard from here on.
    OtherMicrophone,
}
