//! The backend: from a package to a model.

use std::{env, ffi::OsString, sync::Arc, time::Instant};

use ser_backend::{
    BUCKETS, Backend, BackendError, Batch, DeviceOptions, GoldenRow, MAX_ROWS, Model, ModelInfo,
    ModelPackage, PackageError, ProviderStatus, golden,
};
use toml::Table;

use crate::{
    c_api::{self, AssignedNode},
    external,
    library::{self, Runtime},
    model::OnnxModel,
    numerics,
    provider::{self, Provider, Wanted},
    session::Blueprint,
    settings::Settings,
    signature,
    weights::SharedWeights,
};

/// The name of the backend.
pub(crate) const NAME: &str = "onnx";

/// Turns TF32 off in NVIDIA's libraries, if it is 0.
const TF32_OVERRIDE: &str = "NVIDIA_TF32_OVERRIDE";

/// Runs packages on ONNX Runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxBackend;

impl OnnxBackend {
    /// The backend. It loads no library before it is asked for something.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

pub(crate) fn unavailable(reason: String) -> BackendError {
    BackendError::Unavailable {
        backend: NAME.to_owned(),
        reason,
    }
}

pub(crate) fn wrong_setting(reason: String) -> BackendError {
    BackendError::Settings {
        backend: NAME.to_owned(),
        reason,
    }
}

impl Backend for OnnxBackend {
    fn name(&self) -> &str {
        NAME
    }

    fn probe(&self) -> Result<(), BackendError> {
        library::runtime(None).map(drop)
    }

    fn providers(&self, settings: &Table) -> Result<Vec<ProviderStatus>, BackendError> {
        let options = DeviceOptions {
            settings: settings.clone(),
            ..DeviceOptions::default()
        };
        let settings: Settings = options.settings(NAME)?;
        settings.check_values().map_err(wrong_setting)?;
        let runtime = library::runtime(settings.library.as_deref())?;
        let status = |provider: Provider| ProviderStatus {
            name: provider.name().to_owned(),
            problem: provider
                .check(&runtime, &settings)
                .and_then(|()| check_use(provider, &runtime, &settings))
                .err(),
        };
        Ok(Provider::ALL.map(status).to_vec())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let wanted = Wanted::parse(&options.execution_providers)?;
        let settings: Settings = options.settings(NAME)?;
        settings.check(&wanted.flat())?;
        external::check(&package.graph).map_err(|reason| PackageError::Invalid {
            file: package.graph_file(),
            reason,
        })?;
        let mut blueprint = blueprint(package, settings, &wanted)?;
        let session = blueprint
            .open()
            .map_err(|error| BackendError::Unsupported {
                backend: NAME.to_owned(),
                file: package.graph_file(),
                reason: error.message().to_owned(),
            })?;
        let shape = package.manifest.row_shape();
        signature::check(&session, shape).map_err(|reason| PackageError::Invalid {
            file: package.graph_file(),
            reason,
        })?;
        let nodes = c_api::nodes(&session).map_err(|error| {
            unavailable(format!(
                "it doesn't say where nodes run: {}",
                error.message()
            ))
        })?;
        let used = used(&nodes, &blueprint.providers, package)?;
        let on_cpu = used == [Provider::Cpu];
        if on_cpu && !session.overridable_initializers().is_empty() {
            // Weights that are inputs too are not packed, and a single row then takes
            // another path than several.
            blueprint.buckets.retain(|rows| *rows > 1);
        }
        let names: Vec<&str> = used.iter().map(|provider| provider.name()).collect();
        let info = ModelInfo {
            backend: NAME.to_owned(),
            execution_provider: names.join(", "),
            numerics: numerics::describe(&blueprint, &used),
            shape,
            batch_invariant: false,
        };
        let start = Instant::now();
        let mut model = OnnxModel::new(info, Arc::new(blueprint), session)?;
        tracing::info!(
            model = package.manifest.id(),
            execution_provider = model.info().execution_provider,
            milliseconds = start.elapsed().as_secs_f64() * 1e3,
            "warmed up every bucket"
        );
        golden::replay(&mut model, package)?;
        let invariant = on_cpu && company_changes_nothing(&mut model, package)?;
        model.set_batch_invariant(invariant);
        Ok(Box::new(model))
    }
}

fn blueprint(
    package: &ModelPackage,
    settings: Settings,
    wanted: &Wanted,
) -> Result<Blueprint, BackendError> {
    let runtime = library::runtime(settings.library.as_deref())?;
    let providers = wanted.resolve(|provider| provider.check(&runtime, &settings))?;
    let mut engine_cache = None;
    if providers.contains(&Provider::TensorRt) {
        check_tf32(&settings, env::var_os(TF32_OVERRIDE))?;
        engine_cache = provider::engine_cache(&settings, &runtime, Some(&package.graph_sha256))?;
    }
    let weights = match providers[..] {
        [Provider::Cpu] => Some(
            SharedWeights::read(&package.graph)
                .map_err(|error| unavailable(error.message().to_owned()))?,
        ),
        _ => None,
    };
    Ok(Blueprint {
        buckets: settings.buckets.clone(),
        runtime,
        settings,
        providers,
        engine_cache,
        graph: Arc::clone(&package.graph),
        weights,
        shape: package.manifest.row_shape(),
    })
}

/// Why a provider that works would be refused with these settings all the same.
fn check_use(provider: Provider, runtime: &Runtime, settings: &Settings) -> Result<(), String> {
    if provider != Provider::TensorRt {
        return Ok(());
    }
    check_tf32(settings, env::var_os(TF32_OVERRIDE))
        .and_then(|()| provider::engine_cache(settings, runtime, None))
        .map(drop)
        .map_err(|error| match error {
            BackendError::Settings { reason, .. } => reason,
            other => other.to_string(),
        })
}

/// TensorRT has no option for it: where it isn't allowed, NVIDIA's own variable
/// must say so.
fn check_tf32(settings: &Settings, variable: Option<OsString>) -> Result<(), BackendError> {
    if settings.tf32() || variable.is_some_and(|value| value == "0") {
        return Ok(());
    }
    Err(wrong_setting(format!(
        "allow_tf32 is false, which TensorRT heeds only with {TF32_OVERRIDE}=0 in the \
         environment; expected that, or allow_tf32 = true"
    )))
}

/// The providers that the graph's nodes really run on, the preferred one first.
fn used(
    nodes: &[AssignedNode],
    allowed: &[Provider],
    package: &ModelPackage,
) -> Result<Vec<Provider>, BackendError> {
    let refusal = |reason: String| BackendError::Unsupported {
        backend: NAME.to_owned(),
        file: package.graph_file(),
        reason,
    };
    if nodes.is_empty() {
        return Err(refusal(
            "ONNX Runtime names no node of it, so that where it runs is unknown".to_owned(),
        ));
    }
    let of = |name: &str| {
        let mut allowed = allowed.iter().copied();
        allowed.find(|provider| provider.library_name() == name)
    };
    let elsewhere: Vec<String> = nodes
        .iter()
        .filter(|node| of(&node.provider).is_none())
        .map(|node| format!("{} on {}", node.node, node.provider))
        .collect();
    if !elsewhere.is_empty() {
        let names: Vec<&str> = allowed.iter().map(|provider| provider.name()).collect();
        return Err(refusal(format!(
            "ONNX Runtime puts nodes elsewhere than on {}: {}; name that execution provider \
             too if it may run them",
            names.join(", "),
            elsewhere.join("; ")
        )));
    }
    let mut used: Vec<Provider> = nodes.iter().filter_map(|node| of(&node.provider)).collect();
    used.sort_unstable();
    used.dedup();
    Ok(used)
}

/// Whether rows keep their bits in every bucket and in other company. Without golden
/// rows, as while a package comes to be, nothing is known of it.
fn company_changes_nothing(
    model: &mut OnnxModel,
    package: &ModelPackage,
) -> Result<bool, BackendError> {
    if package.golden.rows.is_empty() {
        return Ok(false);
    }
    let golden = package.golden.rows.iter().cycle();
    // Each a little different from the others.
    let scales = (0..MAX_ROWS as u16).map(|at| 1.0 + f32::from(at) / 256.0);
    let rows: Vec<GoldenRow> = golden
        .zip(scales)
        .map(|(row, scale)| GoldenRow {
            features: row.features.iter().map(|value| value * scale).collect(),
            ..row.clone()
        })
        .collect();
    let mut batch = Batch::new(package.manifest.row_shape());
    let mut bits = |rows: &[GoldenRow]| {
        batch.clear();
        rows.iter().for_each(|row| batch.push(row.row()));
        model.infer(&mut batch)?;
        let bits = |at| {
            let values = batch.posteriors(at).iter().chain(batch.next_state(at));
            values.map(|value| value.to_bits()).collect::<Vec<u32>>()
        };
        Ok::<Vec<_>, BackendError>((0..rows.len()).map(bits).collect())
    };
    let mut alone = Vec::new();
    for row in rows.chunks(1) {
        alone.append(&mut bits(row)?);
    }
    for bucket in BUCKETS {
        // From the end, so that each bucket has the rows at other places.
        let first = MAX_ROWS - bucket;
        if bits(&rows[first..])? != alone[first..] {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn seed() -> ModelPackage {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tess-lstm/1");
        ModelPackage::read(&folder).unwrap()
    }

    #[test]
    fn a_list_of_providers_takes_no_settings_that_loading_refuses() {
        for settings in ["buckets = [1, 2]", "device_id = -1"] {
            let error = OnnxBackend::new().providers(&settings.parse().unwrap());
            let error = error.unwrap_err();
            let key = settings.split(' ').next().unwrap();
            assert!(matches!(error, BackendError::Settings { .. }), "{error:?}");
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn tf32_is_off_everywhere_or_asked_for() {
        let settings = |text| toml::from_str::<Settings>(text).unwrap();
        let (off, on) = (settings(""), settings("allow_tf32 = true"));
        check_tf32(&on, None).unwrap();
        check_tf32(&off, Some("0".into())).unwrap();
        for variable in [None, Some("1".into())] {
            let error = check_tf32(&off, variable).unwrap_err().to_string();
            assert!(error.contains("NVIDIA_TF32_OVERRIDE=0"), "{error}");
        }
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn what_tensorrt_alone_minds_is_found_before_anything_is_loaded() {
        let runtime = library::runtime(None).unwrap();
        let settings: Settings =
            toml::from_str("allow_tf32 = true\ntensorrt.cache = \"/dev/null\"").unwrap();
        for provider in [Provider::Cpu, Provider::Cuda] {
            check_use(provider, &runtime, &settings).unwrap();
        }
        let error = check_use(Provider::TensorRt, &runtime, &settings).unwrap_err();
        assert!(error.contains("tensorrt.cache"), "{error}");
    }

    #[test]
    fn weights_outside_the_package_are_refused() {
        let graph = include_bytes!("../../graph/tests/foreign/pytorch/model.onnx");
        let package = ModelPackage {
            graph: Arc::from(&graph[..]),
            ..seed()
        };
        let loaded = OnnxBackend::new().load(&package, &DeviceOptions::default());
        let error = loaded.err().unwrap();
        assert!(matches!(error, BackendError::Package(_)), "{error:?}");
        assert!(error.to_string().contains("lie in another file"), "{error}");
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn nodes_on_another_provider_are_named() {
        let package = seed();
        let wanted = Wanted::parse(&["cpu".to_owned()]).unwrap();
        let blueprint = blueprint(&package, Settings::default(), &wanted).unwrap();
        let session = blueprint.open().unwrap();
        let nodes = c_api::nodes(&session).unwrap();
        assert!(
            nodes.iter().any(|node| node.node.contains("(LSTM)")),
            "{nodes:?}"
        );
        let error = used(&[], &[Provider::Cpu], &package).unwrap_err();
        assert!(error.to_string().contains("names no node"), "{error}");
        let used = |allowed| used(&nodes, allowed, &package);
        assert_eq!(used(&[Provider::Cpu]).unwrap(), [Provider::Cpu]);
        assert_eq!(
            used(&[Provider::Cuda, Provider::Cpu]).unwrap(),
            [Provider::Cpu]
        );
        let error = used(&[Provider::TensorRt, Provider::Cuda])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("elsewhere than on tensorrt, cuda"),
            "{error}"
        );
        for node in &nodes {
            let named = format!("{} on CPUExecutionProvider", node.node);
            assert!(error.contains(&named), "{named}: {error}");
        }
    }
}
