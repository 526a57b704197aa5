//! How the program ends when something went wrong.

mod advice;

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use clap::{CommandFactory, error::ErrorKind};
use humantime::format_duration;
use ser_client::Error;

use self::advice::{admin_advice, advice};
use crate::{
    cli::CommandLine,
    commands::Leave,
    output::{notes, printable},
};

/// The part of the help that lists what [`Failure::exit_code`] gives.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  success; also when the reader of standard output went away, and after Ctrl-C
  1  failure: unreadable audio or none, an error of the server, `health` of a server that is not
     serving; some clip that `classify` can't read, classify or draw, while the rest went on; of
     `bench`, some stream that fails, or lag beyond --max-lag, in its first step
  2  usage: the command line is wrong, or a certificate, key or token can't be used
  3  connection: nothing answers, TLS fails, the connection broke, or the server is loading, full
     or stopping
  4  rejected: the server refuses the request, or who makes it
  130  Ctrl-C pressed twice, or before the stream had started, or before `classify` was through
  143, 129  told to terminate; the terminal was closed";

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Client(#[from] Error),
    /// On a stream that had results before.
    #[error(transparent)]
    Midway(Error),
    /// From the admin service.
    #[error(transparent)]
    Admin(Error),
    #[error("can't write: {0}")]
    Output(#[from] io::Error),
    #[error("can't write {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("there is no WAV or FLAC file in what was named")]
    NothingFound,
    /// Each was told before.
    #[error("{failed} of {of} clips can't be classified")]
    Clips { failed: usize, of: usize },
    /// Each was told before.
    #[error("{failed} of {of} pictures can't be written")]
    Pictures { failed: usize, of: usize },
    /// Parsed arguments that don't go together.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error("{server} is not serving (status {status})")]
    NotServing { server: String, status: String },
    #[error("{server} is not serving after {} ({})", format_duration(*waited), said(why.as_deref()))]
    NotServingInTime {
        server: String,
        waited: Duration,
        /// What stood in the way of its answer, unless it answers that it isn't.
        why: Option<Box<Error>>,
    },
    /// On a stream that went on to its summary.
    #[error(transparent)]
    Summarised(Error),
    #[error("{server} is stopping ({reason}); the rest of the audio was not sent")]
    ServerStopping { server: String, reason: String },
    /// Under load.
    #[error("{failed} of {streams} streams failed ({statuses}){}", first_said(first.as_deref()))]
    StreamsFailed {
        failed: usize,
        streams: usize,
        statuses: String,
        /// Why the first of them did, unless the client gave them up.
        first: Option<Box<Error>>,
    },
    #[error(
        "with {streams} streams, 1 of 100 results lags {lag:.1?} or more; expected at most {max_lag:?}"
    )]
    Lagging {
        streams: usize,
        lag: Duration,
        max_lag: Duration,
    },
    #[error("no result fell due while it was measured")]
    NothingMeasured,
    /// To be sent over and over.
    #[error("{}: 0 samples; expected at least 1", path.display())]
    NoSamples { path: PathBuf },
    /// A process whose use of the machine was to be shown.
    #[error("can't look at {what}: {source}")]
    Unseen { what: String, source: io::Error },
    /// Without the summary, and without a word: whoever asked for it knows.
    #[error("left ({0:?})")]
    Left(Leave),
}

impl Failure {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::File { path, source }
    }

    /// What `message` says of the command line.
    pub(crate) fn usage(message: String) -> Self {
        let error = CommandLine::command().error(ErrorKind::ArgumentConflict, message);
        Self::Usage(error)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error)
            | Self::Midway(error)
            | Self::Summarised(error)
            | Self::Admin(error) => exit_code(error),
            Self::NotServingInTime {
                why: Some(error), ..
            } => exit_code(error),
            Self::StreamsFailed {
                failed,
                streams,
                first: Some(error),
                ..
            } if failed == streams => exit_code(error),
            Self::Usage(_) => 2,
            Self::ServerStopping { .. } => 3,
            // 128 and the number of the signal, as a shell tells it.
            Self::Left(Leave::Interrupted) => 130,
            Self::Left(Leave::Terminated) => 143,
            Self::Left(Leave::HungUp) => 129,
            Self::Output(_)
            | Self::File { .. }
            | Self::NothingFound
            | Self::Clips { .. }
            | Self::Pictures { .. }
            | Self::StreamsFailed { .. }
            | Self::Lagging { .. }
            | Self::NothingMeasured
            | Self::NoSamples { .. }
            | Self::Unseen { .. }
            | Self::NotServing { .. }
            | Self::NotServingInTime { why: None, .. } => 1,
        }
    }

    /// What to do next.
    fn advice(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Client(error) => advice(error)?.into(),
            Self::NotServingInTime {
                why: Some(error), ..
            }
            | Self::StreamsFailed {
                first: Some(error), ..
            } => advice(error)?.into(),
            Self::Midway(error) => {
                let next = advice(error)?;
                match error.last() {
                    Error::KeptWaiting { .. } | Error::Failed { .. } => so_far(next),
                    error if error.may_pass() => so_far(next),
                    _ => next.into(),
                }
            }
            Self::Summarised(error) => match error {
                Error::Unwritable { .. } => {
                    "the results are complete; the recording holds what was sent before".into()
                }
                _ => {
                    let next = advice(error)?;
                    format!("the summary is of what was sent; {next}").into()
                }
            },
            Self::Admin(error) => admin_advice(error)?.into(),
            Self::NotServing { .. } => "wait for it with --wait 30s".into(),
            Self::NotServingInTime { why: None, .. } => {
                "the server's log says what it waits for".into()
            }
            Self::Lagging { .. } => {
                "begin with fewer --streams, or allow more with --max-lag".into()
            }
            Self::NothingMeasured => "measure for longer with --duration".into(),
            Self::Unseen { .. } => "check --server-pid or --metrics-url".into(),
            Self::ServerStopping { .. } => {
                "run the command again, here or on another server".into()
            }
            _ => return None,
        })
    }
}

fn exit_code(error: &Error) -> u8 {
    match error.last() {
        Error::Address { .. } | Error::Credential { .. } | Error::TokenInClear { .. } => 2,
        Error::Protocol { .. } | Error::Tls { .. } => 3,
        error if error.may_pass() => 3,
        Error::Rejected { .. } => 4,
        _ => 1,
    }
}

fn so_far(next: &str) -> Cow<'static, str> {
    format!("the results so far are complete; {next}").into()
}

fn said(why: Option<&Error>) -> String {
    why.map_or_else(|| "it answers that it is not".to_owned(), Error::to_string)
}

fn first_said(first: Option<&Error>) -> String {
    first.map_or_else(String::new, |error| format!(": {error}"))
}

/// Tells the user, and says what the process exits with.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    match failure {
        // Whoever read the output has seen enough.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Failure::Usage(error) => error.exit(),
        Failure::Left(_) => return failure.exit_code().into(),
        _ => {}
    }
    let error = AnsiColor::Red.on_default().bold();
    let hint = Style::new().bold();
    let mut text = format!(
        "{error}error{error:#}: {}\n",
        printable(&failure.to_string())
    );
    if let Some(advice) = failure.advice() {
        text += &format!("{hint}hint{hint:#}: {advice}\n");
    }
    notes().say(&text);
    failure.exit_code().into()
}
