//! `ser-client classify`.

use std::{ffi::OsStr, io::IsTerminal, path::PathBuf};

use clap::{Args, ValueEnum, value_parser};

use super::{Recognition, Resumption};

#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// WAV and FLAC files, and folders, which are searched for such files by their
    /// extension, hidden ones apart.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How many files are worked on at once, at most 256. More are hardly faster, and
    /// leave less to live streams.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,

    #[command(flatten)]
    pub(crate) recognition: Recognition,
    #[command(flatten)]
    pub(crate) resumption: Resumption,

    /// Form of the output [default: by the extension of --out; else table on a
    /// terminal, lines in a pipe].
    #[arg(long, help_heading = "Output")]
    format: Option<Format>,
    /// The same as `--format json`: JSON lines, described below (`--help`).
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
    /// What one line is about.
    #[arg(long, default_value = "clip", help_heading = "Output")]
    pub(crate) per: Per,
    /// Write to FILE, not to standard output.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Draw emotions over time, with the waveform: of one clip into this SVG file, of
    /// several into this folder, a picture each.
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(crate) plot: Option<PathBuf>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, when everything is done
    Table,
    /// For people, as it is done
    Lines,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

/// What a line of the output is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Per {
    /// A file, or a channel of it
    Clip,
    /// A result, as `stream` shows it
    Window,
}

impl ClassifyArgs {
    pub(crate) fn format(&self) -> Format {
        let asked = self.json.then_some(Format::Json).or(self.format);
        asked.unwrap_or_else(|| match &self.out {
            None if std::io::stdout().is_terminal() => Format::Table,
            None => Format::Lines,
            Some(file) => match file.extension().and_then(OsStr::to_str) {
                Some("csv") => Format::Csv,
                Some("json" | "jsonl" | "ndjson") => Format::Json,
                _ => Format::Lines,
            },
        })
    }
}
