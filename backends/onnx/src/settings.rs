//! The backend's settings.

use std::{num::NonZeroUsize, path::PathBuf};

use ser_backend::{BUCKETS, BackendError, MAX_ROWS};
use serde::Deserialize;

use crate::{backend::wrong_setting, provider::Provider};

/// The most threads of a call: more than help on any machine.
const MOST_THREADS: usize = 1_024;

/// The most MiB whose bytes can be counted.
const MOST_MIB: usize = usize::MAX >> 20;

/// What `[models.settings.onnx]` holds. The providers decide which of them mean
/// anything; the others are refused.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Path of ONNX Runtime's library.
    pub(crate) library: Option<PathBuf>,
    /// Threads that share the work of one call.
    pub(crate) intra_op_threads: NonZeroUsize,
    /// The numbers of rows that the graph is run with, ascending.
    pub(crate) buckets: Vec<usize>,
    /// Whether freed memory stays with each session for its next call.
    pub(crate) cpu_arena: bool,
    /// Which GPU.
    pub(crate) device_id: Option<i32>,
    /// Whether products may be rounded to TF32, ten bits of mantissa.
    pub(crate) allow_tf32: Option<bool>,
    /// Of the CUDA provider.
    pub(crate) cuda: Option<CudaSettings>,
    /// Of the TensorRT provider.
    pub(crate) tensorrt: Option<TensorRtSettings>,
}

/// What `[models.settings.onnx.cuda]` holds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CudaSettings {
    /// The most that the memory arena may hold.
    pub(crate) arena_limit_mib: Option<NonZeroUsize>,
    /// By how much the arena grows.
    pub(crate) arena_growth: ArenaGrowth,
}

/// By how much an arena grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArenaGrowth {
    /// By what is missing.
    #[default]
    Requested,
    /// To the next power of two.
    PowerOfTwo,
}

/// What `[models.settings.onnx.tensorrt]` holds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TensorRtSettings {
    /// Where built engines are kept, in a folder for each GPU, version and graph.
    pub(crate) cache: Option<PathBuf>,
    /// The numbers of rows that engines are built for.
    pub(crate) profile: Option<Profile>,
    /// Whether weights and products may be rounded to half precision.
    pub(crate) allow_fp16: bool,
    /// The most that building and running an engine may use as scratch memory.
    pub(crate) workspace_limit_mib: Option<NonZeroUsize>,
}

/// The numbers of rows that an engine takes, and the one that it is tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) min: usize,
    pub(crate) opt: usize,
    pub(crate) max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            library: None,
            intra_op_threads: NonZeroUsize::MIN,
            buckets: BUCKETS.to_vec(),
            cpu_arena: false,
            device_id: None,
            allow_tf32: None,
            cuda: None,
            tensorrt: None,
        }
    }
}

impl Settings {
    /// Whether TF32 is allowed; not unless somebody says so.
    pub(crate) fn tf32(&self) -> bool {
        self.allow_tf32.unwrap_or(false)
    }

    /// What a GPU may round to.
    pub(crate) fn rounding(&self) -> Vec<&'static str> {
        let fp16 = self.tensorrt.as_ref().is_some_and(|own| own.allow_fp16);
        let allowed = [("tf32", self.tf32()), ("fp16", fp16)];
        let names = allowed.into_iter().filter(|(_, allowed)| *allowed);
        names.map(|(name, _)| name).collect()
    }

    /// The GPU's number; the first unless somebody says otherwise.
    pub(crate) fn device(&self) -> i32 {
        self.device_id.unwrap_or(0)
    }

    /// The rows of the profile; all buckets, tuned for the largest, unless
    /// somebody says otherwise.
    pub(crate) fn profile(&self) -> Profile {
        let stated = self.tensorrt.as_ref().and_then(|tensorrt| tensorrt.profile);
        let max = self.buckets.last().copied().unwrap_or(MAX_ROWS);
        stated.unwrap_or(Profile {
            min: self.buckets.first().copied().unwrap_or(1),
            opt: max,
            max,
        })
    }

    /// Refuses values that can't be, and settings of providers that aren't asked
    /// for.
    pub(crate) fn check(&self, wanted: &[Provider]) -> Result<(), BackendError> {
        self.check_values()
            .and_then(|()| self.check_use(wanted))
            .map_err(wrong_setting)
    }

    /// Refuses values that can't be.
    pub(crate) fn check_values(&self) -> Result<(), String> {
        let threads = self.intra_op_threads.get();
        if threads > MOST_THREADS {
            return Err(format!(
                "intra_op_threads = {threads}; expected 1 to {MOST_THREADS}"
            ));
        }
        let (cuda, tensorrt) = (self.cuda.as_ref(), self.tensorrt.as_ref());
        let limits = [
            (
                "cuda.arena_limit_mib",
                cuda.and_then(|own| own.arena_limit_mib),
            ),
            (
                "tensorrt.workspace_limit_mib",
                tensorrt.and_then(|own| own.workspace_limit_mib),
            ),
        ];
        for (key, limit) in limits {
            if let Some(limit) = limit.filter(|limit| limit.get() > MOST_MIB) {
                return Err(format!("{key} = {limit}; expected 1 to {MOST_MIB}"));
            }
        }
        let buckets = &self.buckets;
        let ascending = buckets.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || buckets.first() == Some(&0) || buckets.last() != Some(&MAX_ROWS) {
            return Err(format!(
                "buckets = {buckets:?}; expected ascending numbers of rows from 1 on, \
                 the last of them {MAX_ROWS}"
            ));
        }
        if let Some(device_id) = self.device_id.filter(|id| *id < 0) {
            return Err(format!("device_id = {device_id}; expected 0 or more"));
        }
        let Profile { min, opt, max } = self.profile();
        let covered = min <= buckets[0] && max >= MAX_ROWS;
        if !(0 < min && min <= opt && opt <= max && covered) {
            return Err(format!(
                "tensorrt.profile = {{ min = {min}, opt = {opt}, max = {max} }}; expected \
                 0 < min <= opt <= max around all buckets, {} to {MAX_ROWS}",
                buckets[0]
            ));
        }
        Ok(())
    }

    fn check_use(&self, wanted: &[Provider]) -> Result<(), String> {
        let cuda = wanted.contains(&Provider::Cuda);
        let tensorrt = wanted.contains(&Provider::TensorRt);
        let cpu = wanted.contains(&Provider::Cpu);
        let stated = [
            ("device_id", self.device_id.is_some(), cuda || tensorrt),
            ("allow_tf32", self.allow_tf32.is_some(), cuda || tensorrt),
            ("cuda", self.cuda.is_some(), cuda),
            ("tensorrt", self.tensorrt.is_some(), tensorrt),
            ("cpu_arena", self.cpu_arena, cpu),
        ];
        match stated.iter().find(|(_, stated, used)| *stated && !used) {
            None => Ok(()),
            Some((key, ..)) => {
                let names: Vec<&str> = wanted.iter().map(|provider| provider.name()).collect();
                Err(format!(
                    "{key} is set, but no execution provider of {names:?} has it"
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, wanted: &[Provider]) -> Result<(), String> {
        let settings: Settings = toml::from_str(settings).unwrap();
        settings.check(wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_suit_every_provider() {
        let defaults: Settings = toml::from_str("").unwrap();
        assert_eq!(defaults, Settings::default());
        for provider in Provider::ALL {
            defaults.check(&[provider]).unwrap();
        }
        assert!(!defaults.tf32());
        let profile = Profile {
            min: 1,
            opt: 64,
            max: 64,
        };
        assert_eq!(defaults.profile(), profile);
    }

    #[test]
    fn settings_of_providers_that_nobody_asks_for_are_refused() {
        let gpu = [Provider::Cuda, Provider::TensorRt];
        for (setting, users) in [
            ("device_id = 0", gpu.as_slice()),
            ("allow_tf32 = false", &gpu),
            ("cuda.arena_limit_mib = 512", &[Provider::Cuda]),
            ("tensorrt.allow_fp16 = true", &[Provider::TensorRt]),
            ("cpu_arena = true", &[Provider::Cpu]),
        ] {
            for provider in Provider::ALL {
                let result = check(setting, &[provider]);
                if users.contains(&provider) {
                    assert_eq!(result, Ok(()), "{setting} for {provider:?}");
                    continue;
                }
                let error = result.unwrap_err();
                let key = setting.split(['.', ' ']).next().unwrap();
                assert!(error.contains(key), "{error}");
                assert!(error.contains(provider.name()), "{error}");
            }
        }
    }

    #[test]
    fn impossible_values_are_refused_with_what_was_expected() {
        for (setting, expected) in [
            ("buckets = []", "the last of them 64"),
            ("buckets = [0, 64]", "from 1 on"),
            ("buckets = [8, 4, 64]", "ascending"),
            ("buckets = [1, 32]", "the last of them 64"),
            ("device_id = -1", "0 or more"),
            ("intra_op_threads = 4294967297", "1 to 1024"),
            ("cuda.arena_limit_mib = 17592186044416", "1 to "),
            ("tensorrt.workspace_limit_mib = 17592186044416", "1 to "),
            (
                "tensorrt.profile = { min = 2, opt = 8, max = 64 }",
                "1 to 64",
            ),
            (
                "tensorrt.profile = { min = 1, opt = 65, max = 64 }",
                "opt <= max",
            ),
            (
                "tensorrt.profile = { min = 1, opt = 8, max = 32 }",
                "1 to 64",
            ),
        ] {
            let error = check(setting, &[Provider::TensorRt]).unwrap_err();
            assert!(error.contains(expected), "{setting}: {error}");
            let key = setting.split(' ').next().unwrap();
            assert!(error.contains(key), "{setting}: {error}");
        }
    }

    #[test]
    fn the_documented_settings_are_those_that_there_are() {
        let documentation = include_str!("../../../docs/backends.md");
        let examples = documentation.split("```toml\n").skip(1);
        let mut read = 0;
        for example in examples.filter_map(|text| text.split("```").next()) {
            let example: toml::Table = example.parse().unwrap();
            let settings = example["models"]["settings"]["onnx"].clone();
            let settings: Settings = settings.try_into().unwrap();
            settings
                .check(&[Provider::TensorRt, Provider::Cuda])
                .unwrap();
            read += 1;
        }
        assert_eq!(read, 2);
        let unknown = toml::from_str::<Settings>("x = 1").unwrap_err().to_string();
        let keys = unknown.split('`').skip(3).step_by(2);
        for key in keys {
            let row = documentation.contains(&format!("\n| `{key}` |"));
            let rows = documentation.contains(&format!("\n| `{key}."));
            assert!(row || rows, "{key} is not documented: {unknown}");
        }
    }
}
