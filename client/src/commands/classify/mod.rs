//! `ser-client classify`: recordings in, many at once, and what was said of each out.

mod find;
mod pictures;
mod progress;
mod work;

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
    pin::pin,
    time::Instant,
};

use futures_util::StreamExt;
use ser_client::{Error, proto::WarningCode};

use self::{
    find::{Found, find},
    pictures::Pictures,
    progress::Progress,
    work::{Classified, Outcome, Work},
};
use super::{Leave, Stop, inputs::Inputs};
use crate::{
    cli::{ClassifyArgs, Connection},
    failure::Failure,
    output::{
        clips::{self, Report, Target, Total},
        notes, printable,
    },
};

pub(crate) async fn run(connection: &Connection, args: &ClassifyArgs) -> Result<(), Failure> {
    let found = find(&args.paths);
    if found.is_empty() {
        return Err(Failure::NothingFound);
    }
    let pictures = Pictures::plan(args.plot.as_deref(), &found)?;
    spare_inputs(args, &found, &pictures)?;
    let stop = Stop::default();
    stop.listen()?;
    tokio::select! {
        outcome = classify(connection, args, found, pictures, &stop) => outcome,
        leave = stop.leave() => Err(Failure::Left(leave)),
    }
}

/// Refuses to write over what is to be classified.
fn spare_inputs(args: &ClassifyArgs, found: &[Found], pictures: &Pictures) -> Result<(), Failure> {
    let inputs = Inputs::of("PATH", found.iter().map(Found::path));
    if let Some(out) = &args.out {
        inputs.spare("--out", out)?;
    }
    for found in found {
        if let Found::Clip(clip) = found
            && let Some(picture) = pictures.path(clip)
        {
            inputs.spare("--plot", &picture)?;
        }
    }
    Ok(())
}

async fn classify(
    connection: &Connection,
    args: &ClassifyArgs,
    found: Vec<Found>,
    pictures: Pictures,
    stop: &Stop,
) -> Result<(), Failure> {
    let client = super::connect(connection).await?;
    let client = client.with_timeouts(args.resumption.within(connection.timeouts()));
    let options = args.recognition.options();
    let model = options.model.as_deref().unwrap_or_default();
    let labels = client.model(model).await?.labels;
    let target = target(args.out.as_deref(), &found)?;
    let progress = Progress::start(&found);
    let mut run = Run {
        args,
        pictures,
        report: clips::choose(args.format(), args.per, &labels, target),
        progress: progress.clone(),
        warnings: Vec::new(),
        total: Total::default(),
        undrawn: 0,
        given_up: None,
    };
    stop.started();

    let (start, clips) = (Instant::now(), found.len());
    let with_pictures = !matches!(run.pictures, Pictures::None);
    let work = Work::new(
        client,
        options,
        args.jobs,
        with_pictures,
        stop.clone(),
        progress,
    );
    let mut outcomes = pin!(work.outcomes(found));
    let mut pressed = pin!(stop.pressed());
    let mut stopping = false;
    loop {
        let outcome = tokio::select! {
            biased;
            () = &mut pressed, if !stopping => {
                stopping = true;
                run.note("stopping; press Ctrl-C again to leave at once");
                continue;
            }
            outcome = outcomes.next() => outcome,
        };
        match outcome {
            Some(outcome) => run.take(outcome)?,
            None => break,
        }
    }
    run.total.elapsed = start.elapsed();
    run.total.untried = clips - run.total.classified - run.total.failed;
    run.finish()
}

/// What has become of the clips so far.
struct Run<'a> {
    args: &'a ClassifyArgs,
    pictures: Pictures,
    report: Box<dyn Report>,
    progress: Progress,
    warnings: Vec<Warned>,
    total: Total,
    /// Pictures that can't be written.
    undrawn: usize,
    /// Why no further clip was tried.
    given_up: Option<Error>,
}

impl Run<'_> {
    fn take(&mut self, outcome: Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Classified(done) => self.classified(&done),
            Outcome::Failed(_, error) if work::concerns_all(&error) => {
                self.given_up.get_or_insert(error);
                Ok(())
            }
            Outcome::Failed(file, error) => self.failed(&file, error),
            Outcome::Untried => Ok(()),
        }
    }

    fn classified(&mut self, done: &Classified) -> Result<(), Failure> {
        self.total.classified += 1;
        self.total.audio += done.audio;
        self.count_warnings(done);
        let report = &mut self.report;
        let path = &done.clip.path;
        let written = self.progress.suspend(|| report.clip(path, &done.said));
        self.written(written)?;
        if let Err(failure) = self.pictures.draw(done) {
            self.undrawn += 1;
            self.note(&format!("error: {}", printable(&failure.to_string())));
        }
        Ok(())
    }

    fn failed(&mut self, file: &Path, error: Error) -> Result<(), Failure> {
        self.total.failed += 1;
        let reason = match &error {
            Error::Unreadable { source, .. } => source.to_string(),
            Error::NotAudio { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        let text = format!("{}: {reason}", file.display());
        self.note(&format!("error: {}", printable(&text)));
        let report = &mut self.report;
        let written = self.progress.suspend(|| report.failed(file, &reason));
        if work::lost(&error) {
            self.given_up.get_or_insert(error);
        }
        self.written(written)
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.progress.clear();
        let tried = self.total.classified + self.total.failed;
        if tried == 0
            && let Some(error) = self.given_up
        {
            return Err(error.into());
        }
        let written = self.report.finish(&self.total);
        self.written(written)?;
        for warned in &self.warnings {
            self.note(&format!("warning: {warned}"));
        }
        self.note(&self.total.to_string());
        match self.given_up {
            Some(error) => Err(Failure::Midway(error)),
            None if self.total.untried > 0 => Err(Failure::Left(Leave::Interrupted)),
            None if self.total.failed > 0 => Err(Failure::Clips {
                failed: self.total.failed,
                of: tried,
            }),
            None if self.undrawn > 0 => Err(Failure::Pictures {
                failed: self.undrawn,
                of: self.total.classified,
            }),
            None => Ok(()),
        }
    }

    fn count_warnings(&mut self, done: &Classified) {
        for warning in &done.said.warnings {
            let mut known = self.warnings.iter_mut();
            match known.find(|known| known.code == warning.code()) {
                Some(known) => known.times += 1,
                None => self.warnings.push(Warned {
                    code: warning.code(),
                    first: format!("{}: {}", done.clip.path.display(), warning.message),
                    times: 1,
                }),
            }
        }
    }

    /// A line on standard error.
    fn note(&self, text: &str) {
        self.progress.suspend(|| notes().say(&format!("{text}\n")));
    }

    fn written(&self, outcome: io::Result<()>) -> Result<(), Failure> {
        outcome.map_err(|source| match &self.args.out {
            Some(path) => Failure::file(path, source),
            None => Failure::Output(source),
        })
    }
}

/// Warnings of one kind, which many clips may share.
struct Warned {
    code: WarningCode,
    /// A file and what was said of it.
    first: String,
    times: usize,
}

impl fmt::Display for Warned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.first))?;
        match self.times - 1 {
            0 => Ok(()),
            others => write!(f, " (and {others} more of the kind)"),
        }
    }
}

/// Where results are written.
fn target(out: Option<&Path>, found: &[Found]) -> Result<Target, Failure> {
    let names = found.iter().map(|found| found.path().display().to_string());
    let longest_name = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let (out, styled): (Box<dyn Write>, _) = match out {
        None => (Box::new(anstream::stdout()), io::stdout().is_terminal()),
        Some(path) => {
            let file = File::create(path).map_err(|source| Failure::file(path, source))?;
            (Box::new(BufWriter::new(file)), false)
        }
    };
    Ok(Target {
        out,
        styled,
        longest_name,
    })
}
