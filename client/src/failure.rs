//! How the program ends when something went wrong.

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
use ser_client::{Code, Error, FeatureError, TlsFault};

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

/// What to do next about a call to the server or the audio for it.
fn advice(error: &Error) -> Option<&'static str> {
    Some(match error.last() {
        Error::Unreachable { .. } => "start one with `ser-server`, or name another with --server",
        Error::Silent { .. } => {
            "check that --server names the server's gRPC port, or allow more time with \
             --answer-timeout"
        }
        Error::Unavailable {
            code: Code::ResourceExhausted,
            ..
        }
        | Error::Unavailable {
            retry_after: Some(_),
            ..
        } => "try again later, or name more servers with --server",
        Error::Unavailable {
            code: Code::FailedPrecondition,
            ..
        } => "load its model there, or name more servers with --server",
        Error::Unavailable { .. } => {
            "run the command again when `ser-client health --wait 1m` says that it is serving"
        }
        Error::Lost { .. } => {
            "run the command again; `ser-client health` tells when the server is back"
        }
        Error::Protocol { .. } => {
            "check that --server names a speech emotion recognition server of this version"
        }
        Error::Tls { fault, .. } => tls_advice(fault)?,
        Error::TokenInClear { .. } => {
            "name the server with https://, or allow it with --token-over-plaintext"
        }
        Error::Rejected {
            code: Code::Unauthenticated,
            message,
        } => identity_advice(message),
        Error::Rejected { code, message } => match code {
            Code::NotFound => "`ser-client models` lists what is served",
            Code::Unimplemented => "check that --server names a speech emotion recognition server",
            _ if message.starts_with("config.") => "change the option that the message names",
            _ if message.starts_with("audio: sample ") => "check --encoding",
            _ => return None,
        },
        Error::KeptWaiting { message } if message.starts_with("audio:") => {
            "no audio came in all that time; check what feeds standard input, and send silence \
             while nobody speaks"
        }
        Error::KeptWaiting { .. } => "check the network, and that the client isn't held up",
        Error::Failed { .. } => "the server's log says more",
        Error::NotAudio { source, .. } => file_advice(source)?,
        Error::NoInput => "check the command left of the pipe",
        Error::Unwritable { source, .. } => match source.kind() {
            io::ErrorKind::AlreadyExists => {
                "name a new file: what was said before can't be recorded again"
            }
            io::ErrorKind::StorageFull => "make room, or name a file on another disk",
            io::ErrorKind::TimedOut => "name a file on another disk",
            _ => return None,
        },
        Error::NoMicrophone => {
            "plug one in, and let the system's sound settings show it; a container needs the \
             sound server's socket (PULSE_SERVER) or /dev/snd; or name a file"
        }
        Error::UnknownMicrophone { .. } => {
            "name one of them with --device, or leave it out for the system's own choice"
        }
        Error::AmbiguousMicrophone { .. } => "give --device the whole name, or what is in brackets",
        Error::MicrophoneBusy { .. } => {
            "close what else records from it, or choose another of `ser-client devices`"
        }
        Error::MicrophoneDenied { .. } => {
            "allow this program, or the terminal it runs in, the microphone in the system's \
             privacy settings; on Linux, join the group `audio`"
        }
        Error::MicrophoneFormat { .. } => {
            "change its profile in the system's sound settings, choose another of \
             `ser-client devices`, or convert and pipe: ser-client stream - --rate HZ --encoding \
             s16le"
        }
        Error::MicrophoneLost { .. } => {
            "check its cable and that `ser-client devices` lists it, and run the command again"
        }
        Error::MicrophoneSilent { .. } => {
            "unmute it or plug it in anew, or choose another of `ser-client devices`"
        }
        Error::MicrophoneFailed { .. } => {
            "plug it in anew, or choose another of `ser-client devices`"
        }
        Error::SoundSystem { .. } => {
            "restart the sound server, for instance with `systemctl --user restart pipewire-pulse`"
        }
        _ => return None,
    })
}

/// What to do about TLS.
fn tls_advice(fault: &TlsFault) -> Option<&'static str> {
    Some(match fault {
        TlsFault::UnknownAuthority => {
            "name the file with the certificate of the CA that signed it with --ca"
        }
        TlsFault::Expired { .. } => "whoever runs the server has to renew it",
        TlsFault::NotValidYet => "check this machine's clock",
        TlsFault::WrongName { .. } => {
            "use the name that it is for, or expect that name with --server-name"
        }
        TlsFault::ClientCertificateRequired => "give one with --cert and --key",
        TlsFault::ClientCertificateRefused(_) => "give another with --cert and --key",
        TlsFault::Expected => "name the server with https://",
        TlsFault::NotSpoken => "name the server with http://, or check the port",
        TlsFault::NoHttp2 => "check that the address is the server's gRPC port",
        _ => return None,
    })
}

/// What to do when the server doesn't know who asks.
fn identity_advice(message: &str) -> &'static str {
    if message.starts_with("authorization: none") {
        "give a token with --token-file, or in SER_TOKEN"
    } else if message.starts_with("client certificate: ") {
        "give another certificate with --cert and --key"
    } else {
        "check the token; whoever runs the server can make a new one with `ser-server token`"
    }
}

/// What to do with a file that can't be sent.
fn file_advice(error: &FeatureError) -> Option<&'static str> {
    Some(match error {
        FeatureError::NotAudio { .. } => {
            "give a WAV or FLAC file, or pipe raw audio in: \
             ser-client stream - --rate HZ --encoding s16le"
        }
        FeatureError::SampleRate { .. } => {
            "resample it, for instance with `ffmpeg -i FILE -ar 16000 resampled.wav`"
        }
        FeatureError::Channels { .. } => {
            "mix its channels, for instance with `ffmpeg -i FILE -ac 1 mixed.wav`"
        }
        FeatureError::Damaged { .. } => "copy or record it again: a part of it is missing or wrong",
        _ => return None,
    })
}

/// What an operator does next.
fn admin_advice(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Tls { fault, .. } => tls_advice(fault)?,
        Error::TokenInClear { .. } => advice(error)?,
        Error::Unreachable { .. } => {
            "start the server with --admin-listen 127.0.0.1:50052, or name its admin service with \
             --admin-server"
        }
        Error::Silent { .. } => {
            "`ser-client admin list` shows what has become of it; allow more time with --wait or \
             --answer-timeout"
        }
        Error::Unavailable {
            code: Code::ResourceExhausted,
            ..
        } => "another load is under way; try again later",
        Error::Unavailable { .. }
        | Error::Lost { .. }
        | Error::KeptWaiting { .. }
        | Error::Failed { .. } => "`ser-client admin list` shows what has become of it",
        Error::Protocol { .. } => "check that --admin-server names a server of this version",
        Error::Rejected {
            code: Code::Unauthenticated,
            ..
        } => advice(error)?,
        Error::Rejected { code, .. } => match code {
            Code::NotFound => "`ser-client admin list` shows what there is",
            Code::FailedPrecondition => {
                "what was served before goes on; mend the package and load it again"
            }
            Code::Unimplemented => {
                "check that --admin-server names the address of --admin-listen, not of --listen"
            }
            _ => "name a model as NAME/VERSION, as `ser-client admin list` shows it",
        },
        _ => return None,
    })
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
