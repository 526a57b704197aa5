//! Where a model runs: from execution providers and settings to a device.

use burn::tensor::Device;
use ser_backend::{BackendError, DeviceOptions, ProviderStatus};
use ser_kernels::InstructionSet;
use serde::Deserialize;
use toml::Table;

use crate::backend::NAME;

/// The execution provider of every machine.
const CPU: &str = "cpu";

/// An NVIDIA GPU.
const CUDA: &str = "cuda";

/// A GPU where there is one.
const CUDA_OR_CPU: &str = "cuda-or-cpu";

/// Where a program's tensors are, and what computes on them.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    /// The execution provider in use.
    pub(crate) provider: &'static str,
    pub(crate) device: Device,
    pub(crate) compute: Compute,
}

/// What runs the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compute {
    /// Kernels of the CPU.
    Kernels(InstructionSet),
    /// Burn's own tensor operations.
    #[cfg_attr(
        not(feature = "cuda"),
        allow(dead_code, reason = "builds for the CPU alone only test it")
    )]
    Tensors,
}

/// `[models.settings.burn]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Vector instructions of the CPU's kernels; the fastest that there are without it.
    instruction_set: Option<String>,
    /// Which GPU, counted from 0.
    device_id: Option<usize>,
}

impl Placement {
    pub(crate) fn new(options: &DeviceOptions) -> Result<Self, BackendError> {
        let settings: Settings = options.settings(NAME)?;
        let known = [CPU, CUDA, CUDA_OR_CPU];
        let [wanted] = &options.execution_providers[..] else {
            return Err(wrong_setting(format!(
                "execution_providers = {:?}; expected one of {known:?}, since a model runs on one \
                 device",
                options.execution_providers
            )));
        };
        let instruction_set = instruction_set(settings.instruction_set.as_deref())?;
        let index = settings.device_id.unwrap_or(0);
        match wanted.as_str() {
            CPU if settings.device_id.is_some() => Err(wrong_setting(format!(
                "device_id is {index}; expected none with execution provider {CPU:?}"
            ))),
            CPU => Self::cpu(instruction_set),
            CUDA => match settings.instruction_set {
                Some(name) => Err(wrong_setting(format!(
                    "instruction_set is {name:?}; expected none with execution provider {CUDA:?}"
                ))),
                None => Self::cuda(index),
            },
            CUDA_OR_CPU => Self::cuda(index).or_else(|refusal| {
                tracing::warn!(asked = CUDA_OR_CPU, missing = %refusal, "falls back");
                Self::cpu(instruction_set)
            }),
            other => Err(wrong_setting(format!(
                "execution provider {other:?}; expected one of {known:?}"
            ))),
        }
    }

    /// Which execution providers work here with these settings.
    pub(crate) fn statuses(settings: &Table) -> Result<Vec<ProviderStatus>, BackendError> {
        let options = DeviceOptions {
            settings: settings.clone(),
            ..DeviceOptions::default()
        };
        let settings: Settings = options.settings(NAME)?;
        let instruction_set = instruction_set(settings.instruction_set.as_deref())?;
        let index = settings.device_id.unwrap_or(0);
        let places = [(CPU, Self::cpu(instruction_set)), (CUDA, Self::cuda(index))];
        let status = |(name, place): (&str, Result<Self, BackendError>)| ProviderStatus {
            name: name.to_owned(),
            problem: place.err().map(|error| match error {
                BackendError::Unavailable { reason, .. } => reason,
                other => other.to_string(),
            }),
        };
        Ok(places.map(status).to_vec())
    }

    fn cpu(instruction_set: InstructionSet) -> Result<Self, BackendError> {
        if !instruction_set.is_available() {
            return Err(unavailable(format!(
                "this processor has no {instruction_set}, which the setting instruction_set asks for"
            )));
        }
        Ok(Self {
            provider: CPU,
            device: Device::flex(),
            compute: Compute::Kernels(instruction_set),
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda(index: usize) -> Result<Self, BackendError> {
        use burn::tensor::DeviceType;

        let devices = Device::enumerate(DeviceType::Cuda).into_vec();
        let found = devices.len();
        match devices.into_iter().nth(index) {
            Some(device) => Ok(Self {
                provider: CUDA,
                device,
                compute: Compute::Tensors,
            }),
            None => Err(unavailable(format!(
                "there is no CUDA device {index}: the NVIDIA driver reports {found}"
            ))),
        }
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(_index: usize) -> Result<Self, BackendError> {
        Err(unavailable(format!(
            "this build has no {CUDA:?}; build one with \
             `cargo build --release -p ser-server --features ser-backend-burn/cuda`"
        )))
    }

    /// Whether a row's bits are the same in any company: only the kernels promise it.
    pub(crate) fn batch_invariant(&self) -> bool {
        matches!(self.compute, Compute::Kernels(_))
    }
}

fn instruction_set(name: Option<&str>) -> Result<InstructionSet, BackendError> {
    let Some(name) = name else {
        return Ok(InstructionSet::detect());
    };
    let named = InstructionSet::ALL
        .into_iter()
        .find(|set| set.name() == name);
    named.ok_or_else(|| {
        let names = InstructionSet::ALL.map(InstructionSet::name);
        wrong_setting(format!(
            "instruction_set is {name:?}; expected one of {names:?}"
        ))
    })
}

fn unavailable(reason: String) -> BackendError {
    BackendError::Unavailable {
        backend: NAME.to_owned(),
        reason,
    }
}

fn wrong_setting(reason: String) -> BackendError {
    BackendError::Settings {
        backend: NAME.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use ser_backend::DeviceOptions;

    use super::*;

    fn placement(providers: &[&str], settings: &str) -> Result<Placement, String> {
        let options = DeviceOptions {
            execution_providers: providers.iter().map(|&name| name.to_owned()).collect(),
            settings: settings.parse().unwrap(),
        };
        Placement::new(&options).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn assert_refused(providers: &[&str], settings: &str, words: &[&str]) {
        let reason = placement(providers, settings).unwrap_err();
        for word in words {
            assert!(reason.contains(word), "{word:?} is missing: {reason}");
        }
    }

    #[test]
    fn the_cpu_has_the_fastest_kernels_or_those_asked_for() {
        let fastest = Compute::Kernels(InstructionSet::detect());
        assert_eq!(placement(&["cpu"], "").unwrap().compute, fastest);
        let portable = placement(&["cpu"], r#"instruction_set = "portable""#).unwrap();
        assert_eq!(portable.compute, Compute::Kernels(InstructionSet::Portable));
        assert!(portable.batch_invariant());
    }

    #[test]
    fn every_provider_has_a_status() {
        let statuses = Placement::statuses(&Table::new()).unwrap();
        let names: Vec<&str> = statuses.iter().map(|status| status.name.as_str()).collect();
        assert_eq!(names, ["cpu", "cuda"]);
        for ProviderStatus { name, problem } in statuses {
            let refusal = placement(&[&name], "").err();
            assert_eq!(problem.is_some(), refusal.is_some(), "{name}: {problem:?}");
        }
        assert!(Placement::statuses(&"gpu = 1".parse().unwrap()).is_err());
    }

    #[test]
    fn instruction_sets_that_there_are_not_are_refused() {
        assert_refused(
            &["cpu"],
            r#"instruction_set = "sse2""#,
            &["instruction_set", "sse2", "avx2", "portable"],
        );
        for missing in InstructionSet::ALL {
            if !missing.is_available() {
                let settings = format!("instruction_set = \"{missing}\"");
                assert_refused(&["cpu"], &settings, &["processor", missing.name()]);
            }
        }
    }

    #[test]
    fn settings_of_another_device_are_refused() {
        assert_refused(&["cpu"], "device_id = 1", &["device_id", "1", "cpu"]);
        let set = r#"instruction_set = "portable""#;
        assert_refused(&["cuda"], set, &["instruction_set", "portable", "cuda"]);
        assert_refused(&["cpu"], "threads = 2", &["threads"]);
    }

    #[test]
    fn one_provider_is_expected() {
        assert_refused(&[], "", &["cuda-or-cpu"]);
        assert_refused(&["cuda", "cpu"], "", &["a model runs on one device"]);
        assert_refused(&["tensorrt"], "", &["tensorrt", "cpu"]);
    }

    /// Log lines.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Asks for a GPU that there isn't, or else for the CPU.
    #[track_caller]
    fn assert_falls_back(settings: &str, reason: &str) {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let fallback = || placement(&["cuda-or-cpu"], settings);
        let fallback = tracing::subscriber::with_default(lines, fallback).unwrap();
        assert_eq!(fallback.provider, "cpu");
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for word in ["WARN", "falls back", "cuda-or-cpu", reason] {
            assert!(log.contains(word), "{word:?} is missing: {log}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_how_to_get_one() {
        let how = "--features ser-backend-burn/cuda";
        assert_refused(&["cuda"], "", &[how]);
        assert_falls_back("", how);
    }

    /// No machine has so many.
    #[cfg(feature = "cuda")]
    #[test]
    fn a_gpu_that_there_is_not_is_refused() {
        assert_refused(&["cuda"], "device_id = 999", &["CUDA device 999"]);
        assert_falls_back("device_id = 999", "CUDA device 999");
    }
}
