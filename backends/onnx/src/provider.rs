//! Execution providers, and the names that ask for them.

use std::path::PathBuf;

use ort::{
    environment::Environment,
    ep::{
        ArenaExtendStrategy, CPU, CUDA, ExecutionProvider as _, ExecutionProviderDispatch, TensorRT,
    },
    session::Session,
};
use ser_backend::BackendError;

use crate::{
    backend::{unavailable, wrong_setting},
    gpu,
    library::Runtime,
    settings::{ArenaGrowth, Profile, Settings},
};

/// Joins names where the later ones may stand in for the earlier.
const OR: &str = "-or-";

/// An execution provider that this backend knows, the most special one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Provider {
    TensorRt,
    Cuda,
    Cpu,
}

impl Provider {
    pub(crate) const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::TensorRt];

    /// The strict name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }

    /// What ONNX Runtime calls it.
    pub(crate) fn library_name(self) -> &'static str {
        match self {
            Self::TensorRt => TensorRT::NAME,
            Self::Cuda => CUDA::NAME,
            Self::Cpu => CPU::NAME,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name)
    }

    /// Whether it works on this machine: a session of one node is made on it.
    pub(crate) fn check(self, runtime: &Runtime, settings: &Settings) -> Result<(), String> {
        let built = match self {
            Self::Cpu => return Ok(()),
            Self::Cuda => CUDA::is_available(),
            Self::TensorRt => TensorRT::is_available(),
        };
        if !built.map_err(|error| error.to_string())? {
            return Err(format!(
                "{} was built without it; `cargo xtask onnxruntime --gpu` fetches a library that has it",
                runtime.path.display()
            ));
        }
        self.open(&runtime.environment, settings)
            .map_err(|error| without_place(error.message()).to_owned())
    }

    fn open(self, environment: &Environment, settings: &Settings) -> Result<(), ort::Error> {
        let options = Device {
            settings,
            shapes: None,
            cache: None,
        };
        Session::builder(environment)?
            .with_execution_providers([self.dispatch(&options)])?
            .commit_from_memory(IDENTITY)?;
        Ok(())
    }

    /// Its registration with a session.
    pub(crate) fn dispatch(self, device: &Device<'_>) -> ExecutionProviderDispatch {
        let settings = device.settings;
        match self {
            Self::Cpu => CPU::default()
                .with_arena_allocator(settings.cpu_arena)
                .build(),
            Self::Cuda => cuda(settings),
            Self::TensorRt => tensorrt(device),
        }
        .error_on_failure()
    }
}

/// What registrations are made of.
pub(crate) struct Device<'a> {
    pub(crate) settings: &'a Settings,
    /// Writes the shapes of all inputs for a number of rows, as TensorRT reads
    /// them.
    pub(crate) shapes: Option<&'a dyn Fn(usize) -> String>,
    /// Where TensorRT keeps engines.
    pub(crate) cache: Option<String>,
}

fn cuda(settings: &Settings) -> ExecutionProviderDispatch {
    let own = settings.cuda.clone().unwrap_or_default();
    let growth = match own.arena_growth {
        ArenaGrowth::Requested => ArenaExtendStrategy::SameAsRequested,
        ArenaGrowth::PowerOfTwo => ArenaExtendStrategy::NextPowerOfTwo,
    };
    let mut cuda = CUDA::default()
        .with_device_id(settings.device())
        .with_tf32(settings.tf32())
        .with_arena_extend_strategy(growth);
    if let Some(limit) = own.arena_limit_mib {
        cuda = cuda.with_memory_limit(limit.get() << 20);
    }
    cuda.build()
}

fn tensorrt(device: &Device<'_>) -> ExecutionProviderDispatch {
    let own = device.settings.tensorrt.clone().unwrap_or_default();
    let mut tensorrt = TensorRT::default()
        .with_device_id(device.settings.device())
        .with_fp16(own.allow_fp16);
    if let Some(shapes) = device.shapes {
        let Profile { min, opt, max } = device.settings.profile();
        tensorrt = tensorrt
            .with_profile_min_shapes(shapes(min))
            .with_profile_opt_shapes(shapes(opt))
            .with_profile_max_shapes(shapes(max));
    }
    if let Some(cache) = &device.cache {
        tensorrt = tensorrt
            .with_engine_cache(true)
            .with_engine_cache_path(cache)
            .with_timing_cache(true)
            .with_timing_cache_path(cache);
    }
    if let Some(limit) = own.workspace_limit_mib {
        tensorrt = tensorrt.with_max_workspace_size(limit.get() << 20);
    }
    tensorrt.build()
}

/// Execution providers in order of preference, as the configuration names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Each with those that may stand in for it.
    chains: Vec<Vec<Provider>>,
}

impl Wanted {
    /// Reads names like `cuda` and `tensorrt-or-cuda-or-cpu`.
    pub(crate) fn parse(names: &[String]) -> Result<Self, BackendError> {
        let mut chains = Vec::new();
        for name in names {
            let chain: Option<Vec<Provider>> = name.split(OR).map(Provider::parse).collect();
            let ascending = |chain: &Vec<Provider>| chain.windows(2).all(|pair| pair[0] < pair[1]);
            chains.push(chain.filter(ascending).ok_or_else(|| {
                wrong_setting(format!(
                    "execution provider {name:?}; expected tensorrt, cuda, cpu, or some of \
                     them in this order with \"{OR}\" between them"
                ))
            })?);
        }
        let wanted = Self { chains };
        let flat = wanted.flat();
        if flat.is_empty() || !flat.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(wrong_setting(format!(
                "execution_providers = {names:?}; expected at least one, each once, \
                 in the order tensorrt, cuda, cpu"
            )));
        }
        Ok(wanted)
    }

    /// All of them, in order.
    pub(crate) fn flat(&self) -> Vec<Provider> {
        self.chains.concat()
    }

    /// Those that work here. A chain's later names take what its earlier ones
    /// can't: single nodes, or everything where one isn't to be had.
    pub(crate) fn resolve(
        &self,
        check: impl Fn(Provider) -> Result<(), String>,
    ) -> Result<Vec<Provider>, BackendError> {
        let mut usable = Vec::new();
        for chain in &self.chains {
            let mut missing = Vec::new();
            for provider in chain {
                match check(*provider) {
                    Ok(()) => usable.push(*provider),
                    Err(reason) => missing.push(format!("{}: {reason}", provider.name())),
                }
            }
            let missing = missing.join("; ");
            if !chain.iter().any(|provider| usable.contains(provider)) {
                return Err(unavailable(missing));
            }
            if !missing.is_empty() {
                let names: Vec<&str> = chain.iter().map(|provider| provider.name()).collect();
                tracing::warn!(asked = names.join(OR), missing, "falls back");
            }
        }
        Ok(usable)
    }
}

/// The folder in which TensorRT keeps engines, made if it isn't there: those of a graph,
/// or all of this GPU model and version.
pub(crate) fn engine_cache(
    settings: &Settings,
    runtime: &Runtime,
    graph_sha256: Option<&str>,
) -> Result<Option<String>, BackendError> {
    let folder = settings
        .tensorrt
        .as_ref()
        .and_then(|own| own.cache.as_ref());
    let Some(folder) = folder else {
        return Ok(None);
    };
    let refuse = |reason: String| wrong_setting(format!("tensorrt.cache = {folder:?}: {reason}"));
    let gpu = gpu::model().map_err(refuse)?;
    let own = folder.join(engine_folder(
        &gpu,
        &runtime.version,
        graph_sha256,
        settings,
    ));
    std::fs::create_dir_all(&own).map_err(|error| refuse(error.to_string()))?;
    Ok(Some(own.display().to_string()))
}

/// An engine fits one GPU model and one version, and holds the weights as they were
/// rounded. ONNX Runtime names engines by the names in a graph, which a model that is
/// trained anew shares with the one before it.
fn engine_folder(
    gpu: &str,
    version: &str,
    graph_sha256: Option<&str>,
    settings: &Settings,
) -> PathBuf {
    let mut folder = PathBuf::from(format!("{gpu}-onnxruntime-{version}"));
    if let Some(sha256) = graph_sha256 {
        let rounding = settings.rounding().into_iter();
        folder.push(rounding.fold(sha256.to_owned(), |name, kind| name + "-" + kind));
    }
    folder
}

/// The reason in a message like `FILE:LINE FUNCTION [ONNXRuntimeError] : 1 : FAIL :
/// REASON`, on its first line.
fn without_place(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    let Some((_, rest)) = line.split_once("[ONNXRuntimeError] : ") else {
        return line;
    };
    rest.splitn(3, " : ").nth(2).unwrap_or(rest)
}

/// A graph of one node, `y = Identity(x)` with one value: a session of it needs
/// nothing but a provider that works. In protobuf: the version of the format, the
/// operators' version 17, the graph with its node, input and output.
const IDENTITY: &[u8] = b"\x08\x08\x42\x02\x10\x11\x3a\x37\
    \x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\
    \x12\x01g\
    \x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01\
    \x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library;

    fn wanted(names: &[&str]) -> Result<Wanted, String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Wanted::parse(&names).map_err(|error| error.to_string())
    }

    /// Resolves where only these work.
    fn resolve(names: &[&str], working: &[Provider]) -> Result<Vec<Provider>, String> {
        let check = |provider| match working.contains(&provider) {
            true => Ok(()),
            false => Err("no driver".to_owned()),
        };
        wanted(names)?
            .resolve(check)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn only_names_that_say_so_fall_back() {
        use Provider::{Cpu, Cuda, TensorRt};
        let all = [Cpu, Cuda, TensorRt];
        assert_eq!(resolve(&["cpu"], &all), Ok(vec![Cpu]));
        assert_eq!(resolve(&["cuda"], &all), Ok(vec![Cuda]));
        assert_eq!(resolve(&["cuda-or-cpu"], &all), Ok(vec![Cuda, Cpu]));
        assert_eq!(resolve(&["cuda-or-cpu"], &[Cpu]), Ok(vec![Cpu]));
        assert_eq!(
            resolve(&["tensorrt-or-cuda-or-cpu"], &[Cpu, Cuda]),
            Ok(vec![Cuda, Cpu])
        );
        assert_eq!(
            resolve(&["tensorrt", "cuda-or-cpu"], &all),
            Ok(vec![TensorRt, Cuda, Cpu])
        );
        for names in [["cuda"].as_slice(), &["cuda", "cpu"], &["tensorrt-or-cuda"]] {
            let error = resolve(names, &[Cpu]).unwrap_err();
            assert!(error.contains("cuda: no driver"), "{error}");
        }
    }

    #[test]
    fn names_that_make_no_sense_are_refused() {
        for names in [
            ["gpu"].as_slice(),
            &["CPU"],
            &["cpu-or-cuda"],
            &["cuda-or-"],
            &["cpu", "cuda"],
            &["cuda", "cuda"],
            &["cuda-or-cpu", "cpu"],
            &[],
        ] {
            let error = wanted(names).unwrap_err();
            assert!(error.contains("tensorrt, cuda, cpu"), "{names:?}: {error}");
        }
    }

    /// As for anything else that the configuration has wrong.
    #[test]
    fn a_name_that_there_is_not_is_no_missing_device() {
        for names in [["gpu".to_owned()].as_slice(), &[]] {
            let error = Wanted::parse(names).unwrap_err();
            assert!(matches!(error, BackendError::Settings { .. }), "{error:?}");
        }
    }

    #[test]
    fn engines_of_other_weights_gpus_versions_or_roundings_lie_elsewhere() {
        let folder = |gpu, version, sha256, settings: &str| {
            let settings = toml::from_str(settings).unwrap();
            let folder = engine_folder(gpu, version, Some(sha256), &settings);
            folder.to_str().unwrap().to_owned()
        };
        let (tf32, fp16) = ("allow_tf32 = true", "tensorrt.allow_fp16 = true");
        let both = format!("{tf32}\n{fp16}");
        let folders = [
            folder("nvidia-l4", "1.31.1", "0a", "device_id = 1"),
            folder("nvidia-h200", "1.31.1", "0a", ""),
            folder("nvidia-l4", "1.32.0", "0a", ""),
            folder("nvidia-l4", "1.31.1", "0b", ""),
            folder("nvidia-l4", "1.31.1", "0a", tf32),
            folder("nvidia-l4", "1.31.1", "0a", fp16),
            folder("nvidia-l4", "1.31.1", "0a", &both),
        ];
        assert_eq!(
            folders,
            [
                "nvidia-l4-onnxruntime-1.31.1/0a",
                "nvidia-h200-onnxruntime-1.31.1/0a",
                "nvidia-l4-onnxruntime-1.32.0/0a",
                "nvidia-l4-onnxruntime-1.31.1/0b",
                "nvidia-l4-onnxruntime-1.31.1/0a-tf32",
                "nvidia-l4-onnxruntime-1.31.1/0a-fp16",
                "nvidia-l4-onnxruntime-1.31.1/0a-tf32-fp16",
            ]
        );
    }

    #[test]
    fn reasons_lose_their_place_in_the_source() {
        let message =
            "/src/bridge.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : no library : x\nat";
        assert_eq!(without_place(message), "no library : x");
        assert_eq!(without_place("plain\nat"), "plain");
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn the_smallest_graph_is_one() {
        let runtime = library::runtime(None).unwrap();
        let opened = Provider::Cpu.open(&runtime.environment, &Settings::default());
        opened.unwrap();
    }
}
