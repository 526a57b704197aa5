//! Client of the speech emotion recognition server.
//!
//! A [`Client`] is a connection. [`Client::stream`] opens a stream on it: an
//! [`AudioSink`] that takes raw audio and a [`ResultStream`] that gives emotions
//! while the audio is still being sent. The two halves are independent, so one
//! task can send while another reads.
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
//! An [`AdminClient`] is a connection to a server's admin service, which loads and
//! unloads models.
//!
//! A [`LagMeter`] measures how far results lag behind their audio.
//!
//! [`audio`] reads recordings and standard input as a server takes them.

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
pub use connection::{Resolution, Resolver};
pub use error::Error;
pub use lag::{Lag, LagMeter};
pub use ser_features::FeatureError;
pub use ser_proto::{admin::v1 as admin_proto, v1 as proto};
pub use stream::{AudioSink, Event, ResultStream};
pub use tonic::Code;
pub use tonic_health::pb::health_check_response::ServingStatus;
