//! What was found out about many recordings: a table for a person, lines for a pipe,
//! CSV and JSON lines for programs.

mod csv;
mod json;
mod lines;
mod overall;
mod table;
mod total;

use std::{
    io::{self, Write},
    path::Path,
};

use ser_client::Classification;

pub(crate) use self::{json::JSON_HELP, overall::Overall, total::Total};
use super::short_name;
use crate::cli::{Format, Per};

/// A way of writing results, clip by clip.
pub(crate) trait Report {
    fn clip(&mut self, file: &Path, said: &Classification) -> io::Result<()>;

    /// `file` could not be classified.
    fn failed(&mut self, file: &Path, reason: &str) -> io::Result<()>;

    /// There are no further clips.
    fn finish(&mut self, total: &Total) -> io::Result<()>;
}

/// Where a report goes, and how wide it is.
pub(crate) struct Target {
    pub(crate) out: Box<dyn Write>,
    /// Whether colours are welcome.
    pub(crate) styled: bool,
    /// Characters of the longest name of a file.
    pub(crate) longest_name: usize,
}

/// The report of this form. `labels` are the model's, in its order.
pub(crate) fn choose(
    format: Format,
    per: Per,
    labels: &[String],
    target: Target,
) -> Box<dyn Report> {
    match format {
        Format::Table => Box::new(table::Table::new(per, labels.to_vec(), target)),
        Format::Lines => Box::new(lines::Lines::new(per, target)),
        Format::Csv => Box::new(csv::Csv::new(per, labels.to_vec(), target.out)),
        Format::Json => Box::new(json::JsonLines::new(per, target.out)),
    }
}

/// What isn't as it should be with a clip, or with one channel of it.
fn warnings<'a>(
    said: &'a Classification,
    overall: &Overall<'_>,
) -> impl Iterator<Item = String> + 'a {
    let channel = overall.summary.channel;
    let mine = said.warnings.iter();
    let mine = mine.filter(move |warning| warning.channel.is_none() || warning.channel == channel);
    mine.map(|warning| short_name(warning.code().as_str_name(), "WARNING_CODE_"))
}
