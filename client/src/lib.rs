//! Client of the speech emotion recognition server: emotions while somebody is still
//! speaking.
//!
//! # Streams
//!
//! [`Client::connect`] connects to a server. [`Client::stream`] opens a stream: an
//! [`AudioSink`] that takes raw audio, cut anywhere, and a [`ResultStream`] that gives
//! emotions while the audio is still being sent. The two halves are independent, so
//! one task can send while another reads.
//!
//! ```no_run
//! use ser_client::{
//!     Client, Event,
//!     proto::{AudioFormat, Encoding, StreamingConfig},
//! };
//!
//! # async fn run(recording: bytes::Bytes) -> Result<(), ser_client::Error> {
//! let client = Client::connect("http://127.0.0.1:50051").await?;
//! let format = AudioFormat {
//!     encoding: Encoding::S16le.into(),
//!     sample_rate: 16_000,
//!     channels: 1,
//! };
//! let config = StreamingConfig { audio: Some(format), ..StreamingConfig::default() };
//! let (mut sink, mut results) = client.stream(config).await?;
//! tokio::spawn(async move {
//!     sink.send(recording).await
//!     // Dropping the sink half-closes the stream: the server sends the summary.
//! });
//! while let Some(event) = results.next().await? {
//!     if let Event::Result(result) = event {
//!         println!("{:?} {:?}", result.end, result.label);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`ResultStream`] is a [`Stream`](tokio_stream::Stream) as well, for whoever wants
//! its combinators:
//!
//! ```no_run
//! use ser_client::{Error, Event, ResultStream};
//! use tokio_stream::StreamExt;
//!
//! # async fn run(results: ResultStream) -> Result<(), ser_client::Error> {
//! let events: Result<Vec<Event>, Error> = results.collect().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`proto`] holds what goes over the wire: every option of a stream, every field of
//! a result, and what the server refuses with which words.
//!
//! # Several servers
//!
//! [`Client::builder`] takes the addresses of many servers. Calls and streams go round
//! them and round all IP addresses of a host name, such as that of a headless
//! Kubernetes service:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use ser_client::{Client, Timeouts};
//!
//! # async fn run() -> Result<(), ser_client::Error> {
//! let client = Client::builder(["http://ser-server:50051", "http://10.0.0.7:50051"])
//!     .timeouts(Timeouts { connect: Duration::from_secs(30), ..Timeouts::default() })
//!     .connect()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! Servers that fail are passed over until they can be reached again, and names are
//! resolved again while the client lives. What happens to a call that fails is
//! written at [`Client`]. Every wait ends: [`Timeouts`] says when.
//!
//! # Servers that stop
//!
//! A stream outlives its server. When the server is lost, stops or can't serve any more,
//! the next one goes on with it, and [`Event::Resumed`] says so; every result is given
//! once, in its order. For that the client keeps the last seconds of the audio, and asks
//! for checkpoints. [`Timeouts::resume`] says for how long a stream is tried to be resumed,
//! and [`ClientBuilder::resume`] turns it off.
//!
//! # TLS and tokens
//!
//! Servers at `https://` are believed if the operating system believes their
//! certificates, or as [`Tls`] says. A [`Token`] goes with each call:
//!
//! ```no_run
//! use ser_client::{Client, Tls, Token};
//!
//! # async fn run() -> Result<(), ser_client::Error> {
//! let client = Client::builder(["https://ser.example:50051"])
//!     .tls(Tls::new().ca("ca.crt").identity("client.crt", "client.key"))
//!     .token(Token::file("/run/secrets/ser-token"))
//!     .connect()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Audio
//!
//! [`audio`] reads recordings, standard input and microphones as a server takes them,
//! sends them in real time if need be, and keeps what was sent. [`Client::classify`]
//! takes a whole recording in one call.
//!
//! # Operators
//!
//! An [`AdminClient`] is a connection to a server's admin service, which loads and
//! unloads models. A [`LagMeter`] measures how far results lag behind their audio.

mod admin;
pub mod audio;
mod builder;
mod classify;
mod client;
mod connection;
mod error;
mod lag;
mod stream;

pub use admin::AdminClient;
pub use builder::{ClientBuilder, Timeouts};
pub use classify::Classification;
pub use client::Client;
pub use connection::{Resolution, Resolver, Tls, TlsFault, Token};
pub use error::Error;
pub use lag::{Lag, LagMeter};
pub use ser_features::FeatureError;
pub use ser_proto::{admin::v1 as admin_proto, v1 as proto};
pub use stream::{AudioSink, Event, ResultStream, Resumed};
pub use tonic::Code;
pub use tonic_health::pb::health_check_response::ServingStatus;
