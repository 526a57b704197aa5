//! What to do next when a call has failed.

use std::io;

use ser_client::{Code, Error, FeatureError, TlsFault};

/// What to do next about a call to the server or the audio for it.
pub(super) fn advice(error: &Error) -> Option<&'static str> {
    Some(match error.last() {
        Error::Unreachable { reason, .. } if reason.contains("handshake eof") => {
            "it closed the connection before TLS came about: it may already have as many \
             connections as it accepts, or speak something else on that port"
        }
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
            _ if message.contains(" bytes in request ") => {
                "send less at a time with --chunk, at the pace of speech without --fast, or have \
                 the server's limits.chunk_bytes raised"
            }
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
pub(super) fn admin_advice(error: &Error) -> Option<&'static str> {
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
        Error::Rejected { code, message } => match code {
            Code::NotFound => "`ser-client admin list` shows what there is",
            Code::FailedPrecondition => {
                "what was served before goes on; mend the package and load it again"
            }
            Code::Unimplemented => {
                "check that --admin-server names the address of --admin-listen, not of --listen"
            }
            // It lists what there is.
            _ if message.starts_with("level: ") => return None,
            _ => "name a model as NAME/VERSION, as `ser-client admin list` shows it",
        },
        _ => return None,
    })
}
