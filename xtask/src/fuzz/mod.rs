//! `cargo xtask fuzz`: inputs that nobody has thought of.

mod progress;
mod targets;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use xshell::{Cmd, cmd};

use crate::{Error, Workspace, setup};

use progress::{Outcome, Progress, Table};
use targets::{TARGETS, Target};

/// How long a short run takes, of each target, in seconds.
const SHORT: u64 = 20;

/// The environment variable that tells a target where to write its seeds.
const SEEDS: &str = "SER_FUZZ_SEEDS";

/// When a target has run enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Seconds(u64),
    Executions(u64),
}

/// What is to be run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// All, if none is named.
    pub(crate) targets: Vec<String>,
    /// By default, after [`SHORT`].
    pub(crate) until: Option<Until>,
    /// One input instead, once.
    pub(crate) input: Option<PathBuf>,
}

/// Runs every target shortly.
pub(crate) fn shortly(workspace: &Workspace) -> Result<(), Error> {
    run(workspace, &Runs::default())
}

/// Builds the targets and runs one after another, whatever they find; then a table.
pub(crate) fn run(workspace: &Workspace, runs: &Runs) -> Result<(), Error> {
    let named = runs.targets.iter().map(|name| targets::find(name));
    let mut targets = named.collect::<Result<Vec<_>, _>>()?;
    let fuzzer = Fuzzer {
        workspace,
        cargo_fuzz: setup::cargo_subcommand(workspace, "fuzz")?,
    };
    if let Some(input) = &runs.input {
        let [target] = targets[..] else {
            return Err(Error::OneTarget(targets.len()));
        };
        return Ok(fuzzer.command("run", target).arg(input).run()?);
    }
    if targets.is_empty() {
        targets.extend(&TARGETS);
    }
    fuzzer.run(&targets, runs.until.unwrap_or(Until::Seconds(SHORT)))
}

struct Fuzzer<'a> {
    workspace: &'a Workspace,
    cargo_fuzz: PathBuf,
}

impl Fuzzer<'_> {
    /// Without sanitizers, which a stable compiler hasn't: what is fuzzed is free of
    /// `unsafe`, and panics by itself where its numbers overflow.
    fn command(&self, what: &str, target: &Target) -> Cmd<'_> {
        let (folder, built) = (self.workspace.path("fuzz"), self.workspace.target("fuzz"));
        let Self { cargo_fuzz, .. } = self;
        let name = target.name;
        cmd!(
            self.workspace.shell,
            "{cargo_fuzz} fuzz {what} --sanitizer none --fuzz-dir {folder} --target-dir {built} {name}"
        )
    }

    fn run(&self, targets: &[&Target], until: Until) -> Result<(), Error> {
        for target in targets {
            self.command("build", target).run()?;
        }
        let mut table = Table::default();
        for target in targets {
            println!("\n{}:", target.name);
            let began = Instant::now();
            let outcome = self.fuzz(target, until)?;
            table.add(target.name, began.elapsed(), outcome);
        }
        println!("\n{table}");
        match table.findings() {
            0 => Ok(()),
            findings => Err(Error::Findings(findings)),
        }
    }

    fn fuzz(&self, target: &Target, until: Until) -> Result<Outcome, Error> {
        let failed = |source| Error::Process {
            command: "cargo fuzz",
            source,
        };
        let shell = &self.workspace.shell;
        let [corpus, seeds] = ["corpus", "seeds"].map(|folder| {
            self.workspace
                .path(&format!("fuzz/{folder}/{}", target.name))
        });
        // Those of an older version are in the corpus, if they are of any use.
        shell.remove_path(&seeds)?;
        for folder in [&corpus, &seeds] {
            shell.create_dir(folder)?;
        }
        let command = self.command("run", target).env(SEEDS, &seeds);
        let command = command.arg(&corpus).arg(&seeds).arg("--");
        let command = command.args(self.options(target, until));
        let mut child = Command::from(command)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let output = child
            .stderr
            .take()
            .expect("its standard error was asked for");
        let mut progress = Progress::default();
        for line in BufReader::new(output).lines() {
            if let Some(news) = progress.read_line(line.map_err(failed)?) {
                println!("{news}");
            }
        }
        let status = child.wait().map_err(failed)?;
        if status.success() {
            return Ok(Outcome::Clean(progress));
        }
        println!("{}", progress.last_lines());
        let Some(input) = progress.finding() else {
            return Err(Error::Fuzzer(status));
        };
        let path = relative(self.workspace, input);
        println!(
            "found an input: cargo xtask fuzz {} --input {}",
            target.name,
            path.display()
        );
        Ok(Outcome::Finding(progress))
    }

    /// Those of libFuzzer.
    fn options(&self, target: &Target, until: Until) -> Vec<String> {
        let mut options = vec![
            format!("-max_len={}", target.longest),
            // Seconds of one input: what takes longer is a finding, even where others need
            // the processor.
            "-timeout=60".to_owned(),
            "-print_final_stats=1".to_owned(),
            match until {
                Until::Seconds(seconds) => format!("-max_total_time={seconds}"),
                Until::Executions(executions) => format!("-runs={executions}"),
            },
        ];
        if let Some(words) = target.dictionary {
            let path = self
                .workspace
                .path(&format!("fuzz/dictionaries/{words}.dict"));
            options.push(format!("-dict={}", path.display()));
        }
        options
    }
}

/// A path as people in the checkout would write it.
fn relative(workspace: &Workspace, path: &Path) -> PathBuf {
    let root = workspace.path("");
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
