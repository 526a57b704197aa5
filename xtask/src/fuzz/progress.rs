//! What libFuzzer tells of a run.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines that are shown of a run that found something.
const LAST: usize = 40;

/// What libFuzzer says before the path of an input that it has found.
const WRITTEN: &str = "Test unit written to ";

/// How far a run has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    executions: u64,
    /// Edges of the program that were passed, and how often, in classes.
    features: u64,
    last: VecDeque<String>,
    finding: Option<PathBuf>,
}

impl Progress {
    /// Reads a line. Returns what is worth showing of it: it comes with every doubling of
    /// the executions, and at the end.
    pub(super) fn read_line(&mut self, line: String) -> Option<String> {
        if let Some((_, path)) = line.split_once(WRITTEN) {
            self.finding = Some(path.trim().into());
        }
        let status = line
            .strip_prefix('#')
            .and_then(|rest| rest.split_once('\t'));
        let Some((executions, status)) = status else {
            if self.last.len() == LAST {
                self.last.pop_front();
            }
            self.last.push_back(line);
            return None;
        };
        self.executions = executions.parse().unwrap_or(self.executions);
        let field = |name: &str| {
            let mut words = status.split_whitespace();
            words.find(|word| *word == name)?;
            words.next()?.parse::<u64>().ok()
        };
        self.features = field("ft:").unwrap_or(self.features);
        let is_news = status.starts_with("pulse") || status.starts_with("DONE");
        is_news.then(|| {
            let speed = field("exec/s:").unwrap_or_default();
            let (executions, features) = (self.executions, self.features);
            format!("  {executions:>10} executions, {speed:>6} a second, {features:>6} features")
        })
    }

    /// The end of everything else that was said.
    pub(super) fn last_lines(&self) -> String {
        let lines: Vec<_> = self.last.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    /// The input that something was found with.
    pub(super) fn finding(&self) -> Option<&Path> {
        self.finding.as_deref()
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Clean(Progress),
    Finding(Progress),
}

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<(&'static str, Duration, Outcome)>,
}

impl Table {
    pub(super) fn add(&mut self, target: &'static str, took: Duration, outcome: Outcome) {
        self.rows.push((target, took, outcome));
    }

    /// How many of the targets found something.
    pub(super) fn findings(&self) -> usize {
        let found = |outcome: &Outcome| matches!(outcome, Outcome::Finding(_));
        self.rows
            .iter()
            .filter(|(_, _, outcome)| found(outcome))
            .count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "target      executions  features    time  finding")?;
        for (target, took, outcome) in &self.rows {
            // Inputs that take long are written down, too, and are no findings.
            let (progress, input) = match outcome {
                Outcome::Clean(progress) => (progress, None),
                Outcome::Finding(progress) => (progress, progress.finding()),
            };
            let finding =
                input.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
            let (seconds, executions) = (took.as_secs(), progress.executions);
            let (minutes, seconds) = (seconds / 60, seconds % 60);
            let features = progress.features;
            writeln!(
                f,
                "{target:<10} {executions:>11}  {features:>8}  {minutes:>3}:{seconds:02}  {finding}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libFuzzer writes them.
    const LINES: [&str; 6] = [
        "INFO: Seed: 1",
        "#64\tINITED cov: 800 ft: 1234 corp: 12/4Kb exec/s: 0 rss: 60Mb",
        "#70\tNEW    cov: 801 ft: 1240 corp: 13/4Kb lim: 11 exec/s: 0 rss: 60Mb L: 7/7 MS: 1 -",
        "#65536\tpulse  cov: 900 ft: 1500 corp: 20/9Kb lim: 50 exec/s: 21845 rss: 61Mb",
        "thread '<unnamed>' panicked at src/lib.rs:1:1:",
        "artifact_prefix='/a/'; Test unit written to /a/crash-1",
    ];

    fn read(lines: &[&str]) -> (Progress, Vec<String>) {
        let mut progress = Progress::default();
        let lines = lines.iter().map(|line| (*line).to_owned());
        let news = lines.filter_map(|line| progress.read_line(line)).collect();
        (progress, news)
    }

    #[test]
    fn every_doubling_is_news() {
        let (progress, news) = read(&LINES);
        let expected = "       65536 executions,  21845 a second,   1500 features";
        assert_eq!(news, [expected]);
        assert_eq!(progress.finding(), Some(Path::new("/a/crash-1")));
        let lines = [LINES[0], LINES[4], LINES[5]];
        assert_eq!(progress.last_lines(), lines.join("\n"));
    }

    #[test]
    fn a_table_names_what_was_found() {
        let mut table = Table::default();
        let clean = Outcome::Clean(read(&LINES).0);
        table.add("chunks", Duration::from_secs(63), clean);
        assert_eq!(table.findings(), 0);
        let finding = Outcome::Finding(read(&LINES).0);
        table.add("package", Duration::from_secs(7), finding);
        assert_eq!(table.findings(), 1);
        assert_eq!(
            table.to_string(),
            "target      executions  features    time  finding\n\
             chunks           65536      1500    1:03  none\n\
             package          65536      1500    0:07  /a/crash-1\n"
        );
    }
}
