//! `ser-client bench`.

use std::{num::NonZeroUsize, path::PathBuf, str::FromStr, time::Duration};

use clap::{
    Args,
    builder::{PathBufValueParser, TypedValueParser},
};
use http::Uri;
use ser_client::proto;

use super::{
    Recognition,
    values::{RawEncoding, chunk_length, duration, is_svg},
};

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Concurrent streams, in real time.
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        value_parser = streams,
        conflicts_with = "ramp",
        help_heading = "Load"
    )]
    streams: usize,
    /// Numbers of streams, one after the other, until the lag passes --max-lag or
    /// streams fail: FROM:TO:STEP, or FROM:TO for twice as many each time.
    #[arg(long, value_name = "FROM:TO[:STEP]", help_heading = "Load")]
    ramp: Option<Ramp>,
    /// The most that 99 of 100 results may lag.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "100ms",
        value_parser = duration,
        help_heading = "Load"
    )]
    pub(crate) max_lag: Duration,
    /// Streams that share a connection. A server allows only so many: 1,024 unless it is
    /// configured otherwise, a proxy before it perhaps fewer.
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Load")]
    pub(crate) streams_per_connection: NonZeroUsize,
    /// How long all streams run before anything is measured.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = duration,
        help_heading = "Load"
    )]
    pub(crate) warm_up: Duration,
    /// How long is measured, for each number of streams.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = duration,
        help_heading = "Load"
    )]
    pub(crate) duration: Duration,
    /// Threads that send and receive, each for connections of its own. One is enough
    /// unless the output says that the client itself was late.
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=256),
        help_heading = "Load"
    )]
    threads: u16,

    /// WAV or FLAC files to send, over and over, each stream from another place
    /// [default: 30 s of something like speech].
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Audio")]
    pub(crate) audio: Vec<PathBuf>,
    /// Sample rate of the synthesised speech, in Hz. Files are sent at their own.
    #[arg(
        long,
        value_name = "HZ",
        default_value = "16000",
        value_parser = clap::value_parser!(u32).range(8_000..=192_000),
        conflicts_with = "audio",
        help_heading = "Audio"
    )]
    pub(crate) rate: u32,
    /// How a sample is written [default: s16le; for a file what holds it exactly].
    #[arg(long, help_heading = "Audio")]
    encoding: Option<RawEncoding>,
    /// Length of the pieces that audio is sent in, from 1ms to 5s.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "100ms",
        value_parser = chunk,
        help_heading = "Audio"
    )]
    pub(crate) chunk: Duration,

    #[command(flatten)]
    pub(crate) recognition: Recognition,

    /// Resume streams that break, on any of the servers, as other clients do, and count
    /// how often. Each connection is then to whichever server's turn it is.
    #[arg(long, help_heading = "Load")]
    pub(crate) resume: bool,

    /// Process id of a server on this machine, to show its processor time and memory.
    #[arg(
        long,
        value_name = "PID",
        conflicts_with = "metrics_url",
        help_heading = "Server"
    )]
    pub(crate) server_pid: Option<u32>,
    /// Where the server shows Prometheus its metrics, for the same.
    #[arg(long, value_name = "URL", value_parser = http, help_heading = "Server")]
    pub(crate) metrics_url: Option<Uri>,

    /// Print JSON lines, described below (`--help`).
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw lag against streams, as SVG; of the steps in which all streams opened.
    #[arg(long, value_name = "FILE.svg", value_parser = PathBufValueParser::new().try_map(svg_file))]
    pub(crate) plot: Option<PathBuf>,
}

impl BenchArgs {
    /// How many streams to run at once, step by step.
    pub(crate) fn steps(&self) -> Vec<usize> {
        match &self.ramp {
            Some(ramp) => ramp.steps(),
            None => vec![self.streams],
        }
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.into()
    }

    pub(crate) fn encoding(&self) -> Option<proto::Encoding> {
        self.encoding.map(proto::Encoding::from)
    }
}

/// More and more streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ramp {
    from: usize,
    to: usize,
    /// Twice as many each time without it.
    step: Option<usize>,
}

impl Ramp {
    fn steps(self) -> Vec<usize> {
        let next = |&streams: &usize| match self.step {
            Some(step) => streams.checked_add(step),
            None => streams.checked_mul(2),
        };
        std::iter::successors(Some(self.from), next)
            .take_while(|streams| *streams <= self.to)
            .collect()
    }
}

impl FromStr for Ramp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<usize>, _> = text.split(':').map(streams).collect();
        let (from, to, step) = match *numbers?.as_slice() {
            [from, to] => (from, to, None),
            [from, to, step] => (from, to, Some(step)),
            _ => {
                return Err("expected FROM:TO:STEP or FROM:TO, such as 100:1000:100".to_owned());
            }
        };
        if from > to {
            return Err(format!("expected TO to be at least {from}"));
        }
        Ok(Self { from, to, step })
    }
}

/// More than any machine drives.
const MOST_STREAMS: usize = 1_000_000;

fn streams(text: &str) -> Result<usize, String> {
    let streams = text.parse().ok();
    streams
        .filter(|streams| (1..=MOST_STREAMS).contains(streams))
        .ok_or_else(|| format!("expected numbers from 1 to {MOST_STREAMS}"))
}

/// Timers are good to a millisecond.
const SHORTEST_CHUNK: Duration = Duration::from_millis(1);

fn chunk(text: &str) -> Result<Duration, String> {
    match chunk_length(text)? {
        time if time < SHORTEST_CHUNK => Err(format!("expected at least {SHORTEST_CHUNK:?}")),
        time => Ok(time),
    }
}

fn http(text: &str) -> Result<Uri, String> {
    let uri = text.parse::<Uri>().ok();
    uri.filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some())
        .ok_or_else(|| "expected http://HOST:PORT/PATH".to_owned())
}

fn svg_file(path: PathBuf) -> Result<PathBuf, &'static str> {
    if is_svg(&path) {
        Ok(path)
    } else {
        Err("expected a file that ends in .svg, for SVG is what is drawn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(ramp: &str) -> Vec<usize> {
        ramp.parse::<Ramp>().unwrap().steps()
    }

    #[test]
    fn a_ramp_doubles_or_steps() {
        assert_eq!(steps("1:8"), [1, 2, 4, 8]);
        assert_eq!(steps("3:8"), [3, 6]);
        assert_eq!(steps("100:350:100"), [100, 200, 300]);
        assert_eq!(steps("5:5:1"), [5]);
    }

    #[test]
    fn a_ramp_without_a_way_up_is_refused() {
        for (ramp, said) in [
            ("8:1", "at least 8"),
            ("1:8:0", "from 1"),
            ("0:8", "from 1"),
            ("1:1000001:1", "to 1000000"),
            ("100", "FROM:TO"),
            ("1:2:3:4", "FROM:TO"),
        ] {
            let error = ramp.parse::<Ramp>().unwrap_err();
            assert!(error.contains(said), "{ramp}: {error}");
        }
    }

    #[test]
    fn what_no_machine_or_timer_can_do_is_refused() {
        assert_eq!(streams("1000000"), Ok(1_000_000));
        for text in ["0", "1000001", "-1", "many"] {
            assert!(streams(text).is_err(), "{text}");
        }
        assert_eq!(chunk("1ms"), Ok(SHORTEST_CHUNK));
        assert!(chunk("999us").is_err() && chunk("6s").is_err());
    }

    #[test]
    fn pictures_are_called_what_they_are() {
        assert_eq!(svg_file("a/lag.SVG".into()), Ok("a/lag.SVG".into()));
        for text in ["lag.png", "lag", ".svg", "svg"] {
            assert!(svg_file(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn metrics_come_by_http() {
        assert!(http("http://127.0.0.1:9090/metrics").is_ok());
        for text in ["https://here/metrics", "127.0.0.1:9090", "/metrics"] {
            assert!(http(text).is_err(), "{text}");
        }
    }
}
