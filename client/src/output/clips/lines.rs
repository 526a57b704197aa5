//! Plain lines, in the form of `stream`, behind the name of the file.

use std::{
    io::{self, Write},
    path::Path,
};

use ser_client::Classification;

use super::{Overall, Report, Target, Total};
use crate::{
    cli::Per,
    output::{lines, printable, seconds},
};

/// Names longer than this push the rest of their line to the right.
const WIDEST_NAME: usize = 48;

pub(super) struct Lines {
    per: Per,
    out: Box<dyn Write>,
    name_width: usize,
}

impl Lines {
    pub(super) fn new(per: Per, target: Target) -> Self {
        Self {
            per,
            out: target.out,
            name_width: target.longest_name.min(WIDEST_NAME),
        }
    }
}

impl Report for Lines {
    fn clip(&mut self, file: &Path, said: &Classification) -> io::Result<()> {
        let (name, width) = (file.display().to_string(), self.name_width);
        let name = printable(&name);
        match self.per {
            Per::Clip => {
                for overall in Overall::of(said) {
                    let line = overall_line(&overall);
                    writeln!(self.out, "{name:width$}  {line}")?;
                }
            }
            Per::Window => {
                for result in &said.results {
                    let line = lines::result_line(result);
                    writeln!(self.out, "{name:width$}  {line}")?;
                }
            }
        }
        self.out.flush()
    }

    fn failed(&mut self, _: &Path, _: &str) -> io::Result<()> {
        // Standard error tells.
        Ok(())
    }

    fn finish(&mut self, _: &Total) -> io::Result<()> {
        Ok(())
    }
}

fn overall_line(overall: &Overall<'_>) -> String {
    let line = format!(
        "{:>8.3}s  {}{:9}  {}",
        seconds(overall.summary.received),
        lines::channel(overall.summary.channel),
        lines::verdict(overall.verdict),
        lines::scores(overall.scores.iter().copied()),
    );
    line.trim_end().to_owned()
}
