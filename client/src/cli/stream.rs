//! `ser-client stream`.

use std::{io::IsTerminal, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, ValueEnum, error::ErrorKind};
use ser_client::{
    audio::Pacing,
    proto::{self, AudioFormat},
};

#[cfg(feature = "microphone")]
use super::MicrophoneArgs;
use super::{
    CommandLine, Recognition, Resumption,
    values::{RawEncoding, chunk_length},
};
use crate::output::Form;

#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    /// WAV or FLAC file, or `-` for raw audio from standard input, which is
    /// sent as it arrives.
    #[cfg_attr(feature = "microphone", arg(required_unless_present = "mic"))]
    #[cfg_attr(not(feature = "microphone"), arg(required = true))]
    file: Option<PathBuf>,
    #[cfg(feature = "microphone")]
    #[command(flatten)]
    microphone: MicrophoneArgs,
    /// Sample rate of raw audio, in Hz.
    #[arg(
        long,
        value_name = "HZ",
        required_if_eq("file", "-"),
        help_heading = "Raw audio"
    )]
    rate: Option<u32>,
    /// How a sample of raw audio is written.
    #[arg(long, required_if_eq("file", "-"), help_heading = "Raw audio")]
    encoding: Option<RawEncoding>,
    /// Interleaved channels of raw audio [default: 1].
    #[arg(long, value_name = "N", help_heading = "Raw audio")]
    channels: Option<u32>,

    #[command(flatten)]
    pub(crate) recognition: Recognition,
    #[command(flatten)]
    pub(crate) resumption: Resumption,

    /// Send a file as fast as the server takes it, not in real time.
    #[arg(long, help_heading = "Sending")]
    fast: bool,
    /// How the server schedules the stream: `live` (results as soon as they can
    /// be had) or `bulk` (in the free places beside live streams) [default:
    /// live, with --fast bulk].
    #[arg(long, help_heading = "Sending")]
    pace: Option<Pace>,
    /// Length of the pieces that a file is sent in, at most 5s. Live audio leaves as
    /// it arrives, in pieces of at most this length. Results don't depend on it.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "100ms",
        value_parser = chunk_length,
        help_heading = "Sending"
    )]
    pub(crate) chunk: Duration,

    /// Keep exactly what was sent in a new WAV file, which gives the same results.
    #[arg(long, value_name = "FILE", help_heading = "Sending")]
    pub(crate) record: Option<PathBuf>,

    /// Print JSON lines, described below (`--help`).
    #[arg(long)]
    json: bool,
    /// Print lines, as a pipe gets them, also on a terminal.
    #[arg(long, conflicts_with = "json")]
    plain: bool,
}

/// What [`StreamArgs`] ask to be sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Input {
    File(PathBuf, Pacing),
    /// From standard input.
    Raw(AudioFormat),
    /// The one that is asked for, or the default.
    #[cfg(feature = "microphone")]
    Microphone(Option<String>),
}

impl StreamArgs {
    /// Where the audio comes from.
    pub(crate) fn input(&self) -> Result<Input, clap::Error> {
        let raw_option = [
            ("--rate", self.rate.is_some()),
            ("--encoding", self.encoding.is_some()),
            ("--channels", self.channels.is_some()),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name));
        let Some(file) = &self.file else {
            #[cfg(feature = "microphone")]
            return Ok(Input::Microphone(self.microphone.device.clone()));
            #[cfg(not(feature = "microphone"))]
            return Err(conflict("a stream needs a file"));
        };
        if file.as_os_str() != "-" {
            return match raw_option {
                Some(option) => Err(conflict(&format!(
                    "{option} describes raw audio; a file says itself what it holds"
                ))),
                None if self.fast => Ok(Input::File(file.clone(), Pacing::Unpaced)),
                None => Ok(Input::File(file.clone(), Pacing::RealTime)),
            };
        }
        if self.fast {
            return Err(conflict(
                "--fast sends a file; raw audio is sent as it arrives",
            ));
        }
        let (Some(sample_rate), Some(encoding)) = (self.rate, self.encoding) else {
            return Err(conflict("raw audio needs --rate and --encoding"));
        };
        if std::io::stdin().is_terminal() {
            return Err(conflict(
                "standard input is a terminal; pipe raw audio in, for instance from `arecord -t raw`",
            ));
        }
        let encoding = proto::Encoding::from(encoding).into();
        let channels = self.channels.unwrap_or(1);
        Ok(Input::Raw(AudioFormat {
            encoding,
            sample_rate,
            channels,
        }))
    }

    /// How the stream is to be shown.
    pub(crate) fn form(&self) -> Form {
        match (self.json, self.plain) {
            (true, _) => Form::Json,
            (false, true) => Form::Plain,
            (false, false) => Form::Suitable,
        }
    }

    pub(crate) fn pace(&self) -> proto::Pace {
        match self.pace {
            Some(Pace::Live) => proto::Pace::Live,
            Some(Pace::Bulk) => proto::Pace::Bulk,
            None if self.fast => proto::Pace::Bulk,
            None => proto::Pace::Live,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pace {
    Live,
    Bulk,
}

fn conflict(message: &str) -> clap::Error {
    CommandLine::command().error(ErrorKind::ArgumentConflict, message)
}
