//! HTTP/2: what a connection may hold and ask for, whoever is at its other end.
//!
//! h2 itself answers the floods that are known: it closes a connection that sends more
//! than 100 empty DATA frames, small ones in a number out of proportion to its window,
//! CONTINUATION frames without an end, or header fields beyond the limit, and it keeps
//! one answer at most to PING and SETTINGS, so that whoever sends more waits for its own
//! reading. `tests/tests/hostile.rs` tries them all.

use tonic::transport::Server;

use crate::config::ServerConfig;

/// Bytes that a client may send on one stream before the server has read them: two
/// seconds of 16-bit PCM at 16 kHz, so that a network's delay never holds up speech.
pub(crate) const STREAM_WINDOW: u32 = 64 << 10;
/// The largest window of HTTP/2 (RFC 9113, 6.9.1).
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// Bytes of a request's header fields: a bearer token of 8 KiB, trace context and what
/// proxies add fit.
pub(crate) const HEADERS: u32 = 16 << 10;
/// Bytes of one frame. The smallest limit that HTTP/2 knows (RFC 9113, 4.2): a frame is
/// buffered whole, and a larger one would delay other streams on its connection.
pub(crate) const FRAME: u32 = 16 << 10;
/// Streams that a client has reset before the server got to see them. Honest clients
/// cancel one at a time; a connection with more is closed (CVE-2023-44487).
const RESET_UNSEEN: usize = 20;
/// Streams that the server has reset for a client's errors, in the whole life of a
/// connection; one with more is closed (CVE-2025-8671). A gateway's connection lives
/// long, and audio that is under way when many streams are refused counts as an error,
/// while a stream that is reset leaves no work behind here: so this is generous.
const RESET_FOR_ERRORS: usize = 10_000;

/// HTTP/2 with these limits.
pub(crate) fn transport(config: &ServerConfig) -> Server {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(connection_window(config))
        .max_concurrent_streams(config.streams_per_connection)
        .http2_max_header_list_size(HEADERS)
        .max_frame_size(FRAME)
        .http2_max_pending_accept_reset_streams(Some(RESET_UNSEEN))
        .http2_max_local_error_reset_streams(Some(RESET_FOR_ERRORS))
        .http2_keepalive_interval(Some(config.keepalive_interval))
        .http2_keepalive_timeout(Some(config.keepalive_timeout))
}

/// A session that doesn't read leaves its stream's window full. The connection's must
/// hold all of them, or one such stream would stop others.
fn connection_window(config: &ServerConfig) -> u32 {
    STREAM_WINDOW
        .saturating_mul(config.streams_per_connection)
        .min(LARGEST_WINDOW)
}
