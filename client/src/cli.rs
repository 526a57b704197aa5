//! The command line, parsed and then checked into the types of the domain.

use std::{io::IsTerminal, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use ser_client::{
    Timeouts,
    audio::Pacing,
    proto::{self, AudioFormat, ChannelPolicy, RecognitionOptions},
};

use crate::{failure::EXIT_CODES, output::JSON_HELP};

/// Recognise the emotion of speech while the person is still speaking.
#[derive(Debug, Parser)]
#[command(name = "ser-client", version, after_help = EXIT_CODES)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the server is, and how long to wait for it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// Address of the server.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SER_CLIENT_SERVER",
        default_value = "http://127.0.0.1:50051"
    )]
    pub(crate) server: String,
    /// How long to wait for a server that is starting: for a connection, and for it
    /// to load its models.
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration)]
    connect_timeout: Duration,
    /// How long to wait for the server's first answer.
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = duration)]
    answer_timeout: Duration,
}

impl Connection {
    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            answer: self.answer_timeout,
            ..Timeouts::default()
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stream a recording or live audio, and show emotions as they come.
    ///
    /// A terminal gets a timeline; a pipe one line a result (start, end, verdict,
    /// scores) and the summary, with notes about the stream on standard error;
    /// --json gives JSON lines. Ctrl-C stops sending and still shows the summary.
    #[command(after_long_help = JSON_HELP)]
    Stream(StreamArgs),
    /// Show the models that the server has.
    Models(ModelsArgs),
    /// Ask whether the server is serving; success only if it is.
    Health(HealthArgs),
    /// Load and unload models while the server runs.
    ///
    /// Asks the admin service, which has an address of its own and is off unless
    /// the server was started with --admin-listen. Open streams stay with the model
    /// that they began with.
    Admin(AdminArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    /// WAV or FLAC file, or `-` for raw audio from standard input, which is
    /// sent as it arrives.
    pub(crate) file: PathBuf,
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

    /// Model, as NAME or NAME/VERSION [default: the server's].
    #[arg(long, help_heading = "Recognition")]
    model: Option<String>,
    /// What is classified of several channels: `mix` (their mean), `pick:N` (one,
    /// counted from 0) or `separate` (each on its own).
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "mix",
        help_heading = "Recognition"
    )]
    channel_policy: Channels,
    /// Audio that one result is computed on [default: the model's].
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Recognition")]
    window: Option<Duration>,
    /// Time from one result to the next [default: the model's].
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Recognition")]
    hop: Option<Duration>,
    /// How many emotions a result names, best first [default: all].
    #[arg(long, value_name = "N", help_heading = "Recognition")]
    top_k: Option<u32>,
    /// Time constant of the smoothing from result to result [default: off].
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Recognition")]
    smoothing: Option<Duration>,

    /// Send a file as fast as the server takes it, not in real time.
    #[arg(long, help_heading = "Sending")]
    fast: bool,
    /// How the server schedules the stream: `live` (results as soon as they can
    /// be had) or `bulk` (in the free places beside live streams) [default:
    /// live, with --fast bulk].
    #[arg(long, help_heading = "Sending")]
    pace: Option<Pace>,
    /// Length of the pieces that audio is sent in, at most 5s. Results don't
    /// depend on it.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "100ms",
        value_parser = chunk_length,
        help_heading = "Sending"
    )]
    pub(crate) chunk: Duration,

    /// Print JSON lines, described below (`--help`).
    #[arg(long)]
    pub(crate) json: bool,
}

/// What [`StreamArgs`] ask to be sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Input {
    File(PathBuf, Pacing),
    StandardInput(AudioFormat),
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
        if self.file.as_os_str() != "-" {
            return match raw_option {
                Some(option) => Err(conflict(&format!(
                    "{option} describes raw audio; a file says itself what it holds"
                ))),
                None if self.fast => Ok(Input::File(self.file.clone(), Pacing::Unpaced)),
                None => Ok(Input::File(self.file.clone(), Pacing::RealTime)),
            };
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
        Ok(Input::StandardInput(AudioFormat {
            encoding,
            sample_rate,
            channels,
        }))
    }

    pub(crate) fn options(&self) -> RecognitionOptions {
        let (policy, picked_channel) = match self.channel_policy {
            Channels::Mix => (ChannelPolicy::Mix, None),
            Channels::Pick(channel) => (ChannelPolicy::Pick, Some(channel)),
            Channels::Separate => (ChannelPolicy::Separate, None),
        };
        RecognitionOptions {
            model: self.model.clone(),
            channels: policy.into(),
            picked_channel,
            window: self.window.map(to_proto),
            hop: self.hop.map(to_proto),
            top_k: self.top_k,
            smoothing: self.smoothing.map(to_proto),
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

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// One model, as NAME or NAME/VERSION [default: all].
    pub(crate) name: Option<String>,
    /// Print one JSON object a line for each model, of `type` "model".
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Wait until the server is serving, at most so long.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Print a JSON object of `type` "health": `server`, `status` (serving,
    /// not_serving, service_unknown, unknown, or unreachable without an answer),
    /// and `reason` unless it is serving.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// Address of the admin service.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SER_CLIENT_ADMIN_SERVER",
        default_value = "http://127.0.0.1:50052"
    )]
    pub(crate) admin_server: String,
    /// Print one JSON object a line for each model, of `type` "repository_model":
    /// name, version, state (serving, not_loaded, loading, refused, down), refusal,
    /// open_streams, is_default, origin.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: AdminAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminAction {
    /// Show every model that the server finds or serves.
    List,
    /// Load a model and serve it to new streams.
    Load(LoadArgs),
    /// Take a model from new streams.
    Unload {
        /// NAME/VERSION.
        model: String,
    },
    /// Load a model again, in place of what is served under its name and version.
    Reload(LoadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// NAME/VERSION.
    pub(crate) model: String,
    /// How long to wait until the model is loaded and checked.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) wait: Duration,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pace {
    Live,
    Bulk,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RawEncoding {
    /// Signed 16-bit integers, little-endian
    S16le,
    /// 32-bit floats, little-endian
    F32le,
    /// G.711 µ-law
    Mulaw,
    /// G.711 A-law
    Alaw,
}

impl From<RawEncoding> for proto::Encoding {
    fn from(encoding: RawEncoding) -> Self {
        match encoding {
            RawEncoding::S16le => Self::S16le,
            RawEncoding::F32le => Self::F32le,
            RawEncoding::Mulaw => Self::Mulaw,
            RawEncoding::Alaw => Self::Alaw,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Mix,
    Pick(u32),
    Separate,
}

impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || "expected mix, pick:N or separate".to_owned();
        match text.split_once(':') {
            None if text == "mix" => Ok(Self::Mix),
            None if text == "separate" => Ok(Self::Separate),
            Some(("pick", channel)) => channel.parse().map(Self::Pick).map_err(|_| expected()),
            _ => Err(expected()),
        }
    }
}

/// A time with its unit, such as `100ms` or `1.5s`, more than 0.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected more than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("expected a time with its unit, such as 100ms or 0.5s".to_owned()),
    }
}

/// A server takes a stream for dead that says nothing for long.
const LONGEST_CHUNK: Duration = Duration::from_secs(5);

fn chunk_length(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time > LONGEST_CHUNK => Err(format!("expected at most {LONGEST_CHUNK:?}")),
        time => Ok(time),
    }
}

/// No longer than the message can hold; a server refuses far less.
fn to_proto(time: Duration) -> prost_types::Duration {
    time.try_into().unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

fn conflict(message: &str) -> clap::Error {
    CommandLine::command().error(ErrorKind::ArgumentConflict, message)
}

#[cfg(test)]
mod tests;
