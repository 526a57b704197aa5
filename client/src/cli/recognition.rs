//! What to recognise and how: the options of every command that sends audio.

use std::{str::FromStr, time::Duration};

use clap::Args;
use ser_client::proto::{ChannelPolicy, RecognitionOptions};

use super::values::{duration, to_proto};

/// What is left out is the model's own default.
#[derive(Debug, Clone, Args)]
pub(crate) struct Recognition {
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
}

impl Recognition {
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
