//! The one error of the server, and its one mapping to a gRPC status.

mod status;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use ser_backend::{BackendError, PackageError};
use ser_features::FeatureError;

use crate::{
    admission::Refusal,
    config::{Problem, problem},
    session::text::seconds,
};

/// Whatever can go wrong in the server. The texts of request errors are those
/// that the `.proto` files promise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request is not as the protocol says.
    #[error("{field}: {found}; expected {expected}")]
    Invalid {
        /// Path of the field in the request, for instance `config.options.hop`.
        field: String,
        /// The value, or what else is wrong.
        found: String,
        /// What would have been accepted.
        expected: String,
    },
    /// The front end refuses what a request asks for.
    #[error("{parent}.{source}")]
    Setting {
        /// Path of the message that holds the field, for instance
        /// `config.options`.
        parent: String,
        /// The field, its value and what would have been accepted.
        source: FeatureError,
    },
    /// The audio can't be worked with.
    #[error("{what}: {source}")]
    Audio {
        /// Whose audio: `audio` of a stream, or `clip`.
        what: &'static str,
        /// What is wrong.
        source: FeatureError,
    },
    /// A request names a model that isn't served.
    #[error("{field}: {model:?} is not served; expected {}", one_of(.served))]
    UnknownModel {
        /// Path of the field in the request.
        field: String,
        /// The name as requested.
        model: String,
        /// The models that are served, each as `name/version`.
        served: Vec<String>,
    },
    /// A request names no model, and the default isn't served.
    #[error(
        "{field}: none given, and the default {model:?} is not served; expected {}",
        one_of(.served)
    )]
    NoDefaultModel {
        /// Path of the field in the request.
        field: String,
        /// What the default is called.
        model: String,
        /// The models that are served, each as `name/version`.
        served: Vec<String>,
    },
    /// A stream can't go on here, but might on another server.
    #[error(transparent)]
    CantResume(Box<Error>),
    /// An admin request names a package that isn't there.
    #[error("model: {model:?} is not in the repository; expected {}", one_of(.found))]
    UnknownPackage {
        /// The name as requested.
        model: String,
        /// The packages that are there, each as `name/version`.
        found: Vec<String>,
    },
    /// A package can't be served, as an admin request asked for.
    #[error("model {model}: refused: {source}")]
    Refused {
        /// `name/version`.
        model: String,
        /// Why.
        source: Box<Error>,
    },
    /// A package took too long to load.
    #[error("did not load within {after}", after = seconds(*.after))]
    LoadTooLate {
        /// How long it was waited for.
        after: Duration,
    },
    /// A backend panicked while it loaded a package.
    #[error("its backend panicked")]
    LoadPanicked,
    /// Loads that were given up on go on, and there may be no more of them.
    #[error(
        "loading: {} given up on and still running; expected fewer than {limit}, restart the \
         server if they never end",
        .models.join(", ")
    )]
    Abandoned {
        /// What they load, each as `name/version`.
        models: Vec<String>,
        /// How many end all further ones.
        limit: usize,
    },
    /// Something in the directory of packages is against its rules.
    #[error("{}: {reason}", path.display())]
    Repository {
        /// What it is.
        path: PathBuf,
        /// What is wrong with it, and what was expected.
        reason: String,
    },
    /// The client let a deadline pass.
    #[error("{field}: {seen} for {after}; expected {expected}", after = seconds(*.after))]
    TooLate {
        /// What was waited for.
        field: &'static str,
        /// What was seen of it, for instance `none`.
        seen: &'static str,
        /// How long it was waited for.
        after: Duration,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A call comes from nobody who may make it.
    #[error("{what}: {found}; expected {expected}")]
    Unauthenticated {
        /// Which credentials: `authorization` or `client certificate`.
        what: &'static str,
        /// What is wrong with them; never a secret.
        found: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A limit on concurrent work is reached.
    #[error("{what}: {open} open; expected at most {limit}, try again later")]
    TooMany {
        /// What there are too many of.
        what: String,
        /// How many there are.
        open: usize,
        /// How many there may be.
        limit: usize,
        /// Which of the limits, if it is one on streams and clips.
        refusal: Option<Refusal>,
    },
    /// A stream is as old as one may become.
    #[error(
        "stream: open for {age}; expected at most {age}, resume it on a new one",
        age = seconds(*.age)
    )]
    TooOld {
        /// How old this one was to become.
        age: Duration,
    },
    /// The open streams need all that the server has, or soon will.
    #[error("server: {found}; expected {expected}, try again later")]
    Overloaded {
        /// What is wrong.
        found: String,
        /// What would be right.
        expected: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// Whoever asks may not have it done.
    #[error("{what}: on this listener; expected {expected}")]
    NotPermitted {
        /// What was asked for.
        what: &'static str,
        /// Where it would have been done.
        expected: &'static str,
    },
    /// The model failed on this row; others go on.
    #[error("model {model}: inference failed")]
    InferenceFailed {
        /// `name/version`.
        model: String,
    },
    /// The model has stopped.
    #[error("model {model}: not serving")]
    NotServing {
        /// `name/version`.
        model: String,
    },
    /// The models aren't loaded yet.
    #[error("server: loading models")]
    Loading,
    /// The server stops.
    #[error("server: shutting down")]
    ShuttingDown,
    /// Something that the server relies on within itself did not hold.
    #[error("server: {0}")]
    Internal(String),

    /// The configuration is wrong.
    #[error("{}", problem::list(.0))]
    Config(Vec<Problem>),
    /// Several things keep a server from starting.
    #[error("{}", problem::list(.0))]
    Unfit(Vec<Error>),
    /// The listening socket can't be had.
    #[error("can't listen on {address}: {source}{hint}", hint = bind_hint(.source, .flag))]
    Bind {
        /// The flag that names the address.
        flag: &'static str,
        /// Where the server was to listen.
        address: SocketAddr,
        /// Why it can't.
        source: io::Error,
    },
    /// A file or a socket fails.
    #[error("{what}: {source}")]
    Io {
        /// Which one.
        what: String,
        /// How.
        source: io::Error,
    },
    /// A model package can't be served.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The front end of a package can't be built.
    #[error("model {model}: {source}")]
    FrontEnd {
        /// `name/version`.
        model: String,
        /// Why.
        source: FeatureError,
    },
    /// The transport fails.
    #[error("transport: {0}")]
    Transport(#[from] tonic::transport::Error),
}

impl Error {
    /// A request error of `field`.
    pub fn invalid(
        field: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field: field.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// All of `errors` as one, if there are any.
    ///
    /// # Errors
    ///
    /// The only one, or [`Error::Unfit`].
    pub fn unless_none(errors: Vec<Self>) -> Result<(), Self> {
        if errors.is_empty() {
            return Ok(());
        }
        Err(Self::all(errors))
    }

    /// The only one of `errors`, or [`Error::Unfit`].
    #[must_use]
    pub(crate) fn all(errors: Vec<Self>) -> Self {
        let mut errors: Vec<_> = errors.into_iter().flat_map(Self::each).collect();
        match errors.len() {
            1 => errors.remove(0),
            _ => Self::Unfit(errors),
        }
    }

    /// Each of the errors that this one is made of.
    #[must_use]
    pub(crate) fn each(self) -> Vec<Self> {
        match self {
            Self::Unfit(errors) => errors.into_iter().flat_map(Self::each).collect(),
            other => vec![other],
        }
    }

    /// A setting that can't be: what is wrong with the value of `key`, which has its
    /// section before it, and what was expected.
    pub fn config(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config(vec![Problem::new(key, reason)])
    }

    /// The same error, its field seen from outside the message `parent`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        let outside = |field: String| format!("{parent}.{field}");
        match self {
            Self::Invalid {
                field,
                found,
                expected,
            } => Self::Invalid {
                field: outside(field),
                found,
                expected,
            },
            Self::Setting { parent, source } => Self::Setting {
                parent: outside(parent),
                source,
            },
            Self::UnknownModel {
                field,
                model,
                served,
            } => Self::UnknownModel {
                field: outside(field),
                model,
                served,
            },
            Self::NoDefaultModel {
                field,
                model,
                served,
            } => Self::NoDefaultModel {
                field: outside(field),
                model,
                served,
            },
            Self::CantResume(source) => Self::CantResume(Box::new(source.within(parent))),
            other => other,
        }
    }

    /// The same error of a stream that goes on with another: a model that this server
    /// lacks, the one before had.
    pub(crate) fn while_resuming(self) -> Self {
        match self {
            Self::UnknownModel { .. } => Self::CantResume(Box::new(self)),
            other => other,
        }
    }

    /// Whether the server was told what can't be done, rather than having failed at
    /// it.
    #[must_use]
    pub fn is_misconfiguration(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Unfit(_) | Self::Backend(BackendError::Settings { .. })
        )
    }
}

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        Self::Backend(error.into())
    }
}

fn bind_hint(source: &io::Error, flag: &str) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            format!("; another process listens there, choose another {flag}")
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege".to_owned(),
        _ => String::new(),
    }
}

/// What a request may name instead.
fn one_of(models: &[String]) -> String {
    if models.is_empty() {
        return "none, there are no models".to_owned();
    }
    format!("one of {}", models.join(", "))
}
