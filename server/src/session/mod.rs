//! One stream, from its first request to its status.
//!
//! A stream is one task that owns all of its state: there is no table of streams
//! that somebody must clean up. When the client goes away the task is dropped,
//! and with it the rows that still wait for the model.

mod account;
mod checkpoint;
mod clip;
mod clipping;
mod ending;
mod go_away;
mod grid;
mod hearing;
mod lane;
mod messages;
mod recognizer;
mod record;
mod request;
mod responses;
mod resume;
mod silence;
mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod trail;
mod turn;

pub(crate) use account::Account;
pub(crate) use clip::{
    admit as admit_clip, recognize as recognize_clip, recognize_for as recognize_clip_for,
};
pub(crate) use messages::model as model_message;
pub(crate) use request::{Carried, Recognition};
pub(crate) use responses::{ResponseStream, WAITING};
pub(crate) use stream::open;
pub(crate) use turn::Turn;
#[cfg(feature = "fuzzing")]
pub(crate) use {messages::started as started_message, recognizer::Recognizer, stream::accept};
