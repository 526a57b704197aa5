//! Options about sound devices.

use clap::Args;

/// Audio from a microphone, for `stream`.
#[derive(Debug, Args)]
pub(crate) struct MicrophoneArgs {
    /// Send what a microphone hears, until Ctrl-C.
    #[arg(
        long,
        conflicts_with_all = ["file", "rate", "encoding", "channels", "fast"],
        help_heading = "Microphone"
    )]
    mic: bool,
    /// Which microphone, as `ser-client devices` lists it: its name or identifier, a
    /// part of it, or its number [default: the system's]. What a loudspeaker plays is
    /// heard by whole name, identifier or number only.
    #[arg(
        long,
        value_name = "NAME",
        requires = "mic",
        conflicts_with = "file",
        help_heading = "Microphone"
    )]
    pub(super) device: Option<String>,
}

/// `ser-client devices`.
#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Print one JSON object a line for each device, of `type` "device": index, name,
    /// id, is_default, is_monitor (it hears what a loudspeaker plays), state (ready,
    /// busy, denied), and when it is ready sample, sample_rate, channels.
    #[arg(long)]
    pub(crate) json: bool,
}
