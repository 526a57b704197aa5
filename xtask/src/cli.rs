//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::Error;
use crate::fuzz::{Runs, Until};

const HELP: &str = "\
Usage: cargo xtask COMMAND [--help]

  demo         Build the server and the client, and stream a sample through them
  test         Run all tests
  ci           What every commit must pass: format, lints, docs, tests
  verify       What takes too long for every commit: corpora, exports, fuzzing, benchmarks
  deploy       Check what deploy/ holds: manifests, image, alerts, dashboard
  image        Build the container image, and run it with the least rights
  bench        Measure what docs/benchmarks.md reports
  fuzz         Feed everything that reads bytes with what nobody has thought of
  gpu          Test and measure on this machine's NVIDIA GPU
  onnxruntime  Fetch the pinned ONNX Runtime library
  samples      Speak the sample audio anew
  screenshot   Take the README's picture of the live view anew

What a command installs, it names first. Debian packages need root or sudo, and
none is removed for them. Every command that builds the client installs the
headers of ALSA (libasound2-dev, pkg-config) if they are missing.
";

const DEMO: &str = "\
Usage: cargo xtask demo [FILE] [--replicas N]

Builds the server and the client, starts the server with its embedded model,
streams FILE in real time and stops the server again. Installs the headers of
ALSA (libasound2-dev, pkg-config) if they are missing.

  FILE          WAV or FLAC [default: samples/demo.wav]
  --replicas N  Servers. With two or more, many streams go round them, one server
                is killed on the way, and what came of the streams is compared
                with what an undisturbed one hears [default: 1]
";

const TEST: &str = "\
Usage: cargo xtask test

Builds everything and runs all tests, then prints their counts. Installs Python
packages that the tests measure against into target/venv, ONNX Runtime into
target/onnxruntime, and what is missing of Python itself (python3,
python3-venv), on Linux a sound server to speak into (pulseaudio,
pulseaudio-utils, libasound2-plugins, libportaudio2), and the headers of ALSA
(libasound2-dev, pkg-config).

Environment:
  SER_CORPORA  Folder of speech corpora. Without it, the tests that need them
               are skipped.
";

const CI: &str = "\
Usage: cargo xtask ci

cargo fmt --check, clippy and rustdoc without warnings, and everything that
`cargo xtask test` does; then prints where the time went.
";

const VERIFY: &str = "\
Usage: cargo xtask verify [STEP...] [--corpora DIR]

Everything that `cargo xtask ci` does, with the tests that need the corpora;
exports the models of the tests from Keras and PyTorch anew and compares; has a
real Prometheus scrape a server; does what `cargo xtask deploy` does; holds all
dependencies against deny.toml; fuzzes each target for 20 s; runs each benchmark
once. Installs both frameworks from PyPI into target/venv-keras and
target/venv-pytorch: 7 GB, and unpacks Debian's package prometheus into
target/prometheus.

  STEP           One of exports, triton, prometheus, deploy, deny, fuzz, bench; then
                 nothing else is done
  --corpora DIR  Folder with tess/, ravdess/ and emodb/ [default: $SER_CORPORA;
                 without either, the tests that need them are skipped]
";

const DEPLOY: &str = "\
Usage: cargo xtask deploy

Renders every overlay of deploy/ and holds it against the schemas of Kubernetes,
of the custom resources and of the server's own configuration, and against
policies; checks the Containerfile and the rules, has every alert fire, and asks
a real Prometheus, which scrapes two servers, everything that the dashboard
asks. Then three servers, each in a network of its own, are replaced one by one
under streams that come by client-side balancing and through HAProxy. Installs
what it needs into target/venv-deploy, target/venv-checkov (300 MB),
target/deploy, target/prometheus and target/haproxy, and the headers of ALSA
(libasound2-dev, pkg-config) and iproute2 if they are missing.
";

const IMAGE: &str = "\
Usage: cargo xtask image

Builds the variant of deploy/Containerfile for processors with Docker, starts it
without capabilities and with a read-only root, has it recognise the sample, and
stops it; prints its size, and how long it took to get ready. Docker must run,
and its own variables choose which. Installs the headers of ALSA
(libasound2-dev, pkg-config) if they are missing.
";

const BENCH: &str = "\
Usage: cargo xtask bench

Runs every benchmark in the release profile. Installs the same Python packages
as `cargo xtask test`, since some of them compare with librosa. Leave the
machine alone meanwhile.
";

const FUZZ: &str = "\
Usage: cargo xtask fuzz [TARGET...] [--seconds N | --executions N]
       cargo xtask fuzz TARGET --input FILE

Builds the fuzz targets and runs them one after another, then prints a table of
what they did. Installs cargo-fuzz from PyPI into target/venv-cargo. What a run
has learnt stays in fuzz/corpus, and an input that something was found with in
fuzz/artifacts.

  TARGET          One of fuzz/fuzz_targets [default: all]
  --seconds N     How long each target runs [default: 20]
  --executions N  How many inputs each target tries instead
  --input FILE    Runs the target once, on this input
";

const GPU: &str = "\
Usage: cargo xtask gpu

On an NVIDIA GPU: the conformance suite on ONNX Runtime with CUDA and with
TensorRT and on Burn's CUDA device, their agreement with the CPU on 1,000 rows,
and a table of times by the number of rows. All of it runs, whatever fails.
Fetches what `cargo xtask onnxruntime --gpu` does; the build script of Burn's
CUDA device downloads LLVM. CUDA 13, cuDNN 9 and TensorRT 10 must be there.

Environment:
  ORT_DYLIB_PATH  ONNX Runtime's library, instead of the one that is fetched
";

const ONNXRUNTIME: &str = "\
Usage: cargo xtask onnxruntime [--gpu]

Fetches ONNX Runtime (24 MB, from PyPI) into target/onnxruntime, checks it
against its pinned checksum and prints the path of the library. Installs Python
(python3, python3-venv) if it is missing.

  --gpu  Fetches the build with the CUDA and TensorRT providers (256 MB, x86_64
         only) into target/onnxruntime-gpu instead. It needs CUDA 13, cuDNN 9
         and, for TensorRT, TensorRT 10, which are not fetched.
";

const SAMPLES: &str = "\
Usage: cargo xtask samples

Speaks the files of samples/ anew. Installs espeak-ng and sox if they are
missing.
";

const SCREENSHOT: &str = "\
Usage: cargo xtask screenshot

Builds the server and the client, streams samples/demo.wav in a terminal of its
own, and writes what it shows to docs/images/live.svg. Installs the headers of
ALSA (libasound2-dev, pkg-config) if they are missing.
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    Help(&'static str),
    Run(Command),
}

/// One chore with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Demo {
        audio: Option<PathBuf>,
        replicas: NonZeroUsize,
    },
    Test,
    Ci,
    Bench,
    Verify {
        steps: Vec<String>,
        corpora: Option<PathBuf>,
    },
    Deploy,
    Image,
    Fuzz(Runs),
    Gpu,
    Onnxruntime {
        gpu: bool,
    },
    Samples,
    Screenshot,
}

impl Command {
    /// Whether it builds the client.
    pub(crate) fn builds_the_client(&self) -> bool {
        match self {
            Self::Demo { .. }
            | Self::Test
            | Self::Ci
            | Self::Bench
            | Self::Deploy
            | Self::Image
            | Self::Verify { .. }
            | Self::Screenshot => true,
            Self::Fuzz(_) | Self::Gpu | Self::Onnxruntime { .. } | Self::Samples => false,
        }
    }
}

/// Reads the whole command line; anything unknown is an error.
pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Invocation, Error> {
    let name = match arguments.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Invocation::Help(HELP)),
        Some(Value(name)) if name == "help" => return Ok(Invocation::Help(HELP)),
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    let (help, mut command) = match name.as_str() {
        "demo" => (
            DEMO,
            Command::Demo {
                audio: None,
                replicas: NonZeroUsize::MIN,
            },
        ),
        "test" => (TEST, Command::Test),
        "ci" => (CI, Command::Ci),
        "deploy" => (DEPLOY, Command::Deploy),
        "image" => (IMAGE, Command::Image),
        "bench" => (BENCH, Command::Bench),
        "verify" => {
            let (steps, corpora) = (Vec::new(), None);
            (VERIFY, Command::Verify { steps, corpora })
        }
        "fuzz" => (FUZZ, Command::Fuzz(Runs::default())),
        "gpu" => (GPU, Command::Gpu),
        "onnxruntime" => (ONNXRUNTIME, Command::Onnxruntime { gpu: false }),
        "samples" => (SAMPLES, Command::Samples),
        "screenshot" => (SCREENSHOT, Command::Screenshot),
        _ => return Err(Error::UnknownCommand(name)),
    };
    while let Some(argument) = arguments.next()? {
        match (&mut command, argument) {
            (_, Short('h') | Long("help")) => return Ok(Invocation::Help(help)),
            (
                Command::Demo {
                    audio: audio @ None,
                    ..
                },
                Value(file),
            ) => *audio = Some(file.into()),
            (Command::Demo { replicas, .. }, Long("replicas")) => {
                *replicas = arguments.value()?.parse()?;
            }
            (Command::Verify { steps, .. }, Value(step)) => steps.push(step.string()?),
            (Command::Verify { corpora, .. }, Long("corpora")) => {
                *corpora = Some(arguments.value()?.into());
            }
            (Command::Onnxruntime { gpu }, Long("gpu")) => *gpu = true,
            (Command::Fuzz(runs), Value(target)) => runs.targets.push(target.string()?),
            (Command::Fuzz(Runs { until, .. }), Long("seconds")) if until.is_none() => {
                *until = Some(Until::Seconds(arguments.value()?.parse()?));
            }
            (Command::Fuzz(Runs { until, .. }), Long("executions")) if until.is_none() => {
                *until = Some(Until::Executions(arguments.value()?.parse()?));
            }
            (Command::Fuzz(Runs { input, .. }), Long("input")) if input.is_none() => {
                *input = Some(arguments.value()?.into());
            }
            (_, other) => return Err(other.unexpected().into()),
        }
    }
    Ok(Invocation::Run(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Invocation, Error> {
        super::parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn commands_take_their_arguments() {
        let verify = Command::Verify {
            steps: Vec::new(),
            corpora: Some("audio".into()),
        };
        assert_eq!(
            parse(&["verify", "--corpora=audio"]).unwrap(),
            Invocation::Run(verify)
        );
        let verify = Command::Verify {
            steps: vec!["triton".to_owned(), "bench".to_owned()],
            corpora: None,
        };
        let line = ["verify", "triton", "bench"];
        assert_eq!(parse(&line).unwrap(), Invocation::Run(verify));
        let demo = Command::Demo {
            audio: Some("a.wav".into()),
            replicas: NonZeroUsize::new(3).unwrap(),
        };
        let line = ["demo", "--replicas", "3", "a.wav"];
        assert_eq!(parse(&line).unwrap(), Invocation::Run(demo));
        for (line, gpu) in [
            (&["onnxruntime"] as &[_], false),
            (&["onnxruntime", "--gpu"], true),
        ] {
            let fetch = Command::Onnxruntime { gpu };
            assert_eq!(parse(line).unwrap(), Invocation::Run(fetch));
        }
        let fuzz = Runs {
            targets: vec!["chunks".to_owned(), "graph".to_owned()],
            until: Some(Until::Executions(9)),
            input: None,
        };
        assert_eq!(
            parse(&["fuzz", "chunks", "--executions", "9", "graph"]).unwrap(),
            Invocation::Run(Command::Fuzz(fuzz))
        );
    }

    #[test]
    fn every_command_in_the_help_has_help() {
        let names = HELP.lines().filter_map(|line| line.strip_prefix("  "));
        let mut count = 0;
        for name in names.filter_map(|line| line.split(' ').next()) {
            let Ok(Invocation::Help(help)) = parse(&[name, "--help"]) else {
                panic!("{name}: no help");
            };
            assert!(
                help.starts_with(&format!("Usage: cargo xtask {name}")),
                "{help}"
            );
            count += 1;
        }
        assert_eq!(count, 12);
    }

    #[test]
    fn help_can_be_asked_for_like_a_command() {
        assert_eq!(parse(&["help"]).unwrap(), Invocation::Help(HELP));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        assert!(matches!(parse(&["publish"]), Err(Error::UnknownCommand(_))));
        for line in [
            ["ci", "--fast"],
            ["test", "features"],
            ["--fast", "ci"],
            ["demo", "--gpu"],
            ["demo", "--replicas=0"],
            ["fuzz", "--seconds=many"],
        ] {
            assert!(matches!(parse(&line), Err(Error::Usage(_))), "{line:?}");
        }
    }
}
