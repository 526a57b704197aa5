//! Packages written to a temporary directory, served by a backend that computes
//! posteriors without a graph.

mod directory;
mod golden_audio;
mod names;
mod plans;
mod repository;
mod sources;
mod truncation;

use std::{ops::Deref, path::Path, sync::Arc};

use ser_backend::{
    Backend, BackendError, Batch, DecisionSpec, DeviceOptions, FORMAT, Golden, GoldenAudio,
    GoldenRow, InputSpec, Manifest, Model, ModelInfo, ModelPackage, Precision, golden,
};
use ser_features::{FrontEnd, FrontEndPlan, SampleRate, WindowRequest};

use super::{BackendRegistry, ModelRegistry, ModelState, Repository, selector::compare_versions};
use crate::{
    Error,
    config::{Config, PackageConfig},
    telemetry::unread,
};

const LABELS: usize = 3;

/// A backend that takes any graph: posteriors are the softmax of the first
/// features.
#[derive(Clone)]
struct Plain {
    info: ModelInfo,
    /// How far its posteriors are off, in units of the last place.
    off: u32,
}

impl Plain {
    fn boxed() -> Box<dyn Backend> {
        Box::new(Self::new(manifest("a", "1")))
    }

    fn new(manifest: Manifest) -> Self {
        let info = ModelInfo {
            backend: "plain".to_owned(),
            execution_provider: "cpu".to_owned(),
            numerics: "plain".to_owned(),
            shape: manifest.row_shape(),
            batch_invariant: true,
        };
        Self { info, off: 0 }
    }
}

impl Backend for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        if options.execution_providers != ["cpu"] {
            let reason = format!("no {:?}", options.execution_providers);
            return Err(BackendError::Unavailable {
                backend: self.name().to_owned(),
                reason,
            });
        }
        let mut model = Self {
            off: self.off,
            ..Self::new(package.manifest.clone())
        };
        golden::replay(&mut model, package)?;
        Ok(Box::new(model))
    }
}

impl Model for Plain {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let shape = batch.shape();
        let (inputs, outputs) = batch.split().expect("never called without rows");
        let rows = inputs.features.chunks(shape.features());
        for (features, posteriors) in rows.zip(outputs.posteriors.chunks_mut(LABELS)) {
            posteriors.copy_from_slice(&softmax(features));
            for posterior in posteriors {
                *posterior = f32::from_bits(posterior.to_bits() + self.off);
            }
        }
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        Ok(Box::new(self.clone()))
    }
}

fn softmax(features: &[f32]) -> Vec<f32> {
    let exps: Vec<f32> = features[..LABELS]
        .iter()
        .map(|value| (value / 100.0).exp())
        .collect();
    let total: f32 = exps.iter().sum();
    exps.iter().map(|exp| exp / total).collect()
}

fn manifest(name: &str, version: &str) -> Manifest {
    let front_end = "
        sample_rate = 22050
        n_fft = 2048
        hop_length = 512
        window = 'hann'
        n_mels = 64
        f_min = 0.0
        f_max = 11025.0
        mel_scale = 'slaney'
        mel_norm = 'slaney'
        amin = 1e-10
        top_db = 80.0
        features = 'mfcc'
        n_mfcc = 8
        reduce = 'mean'
    ";
    let windows = "
        window = 129
        hop = 22
        shortest_window = 43
        longest_window = 430
        shortest_hop = 5
        short = 'reduce'
    ";
    Manifest {
        format: FORMAT,
        name: name.to_owned(),
        version: version.to_owned(),
        description: "For tests".to_owned(),
        licence: "CC0-1.0".to_owned(),
        labels: ["calm", "cross", "merry"].map(str::to_owned).to_vec(),
        precision: Precision::Fp32,
        input: InputSpec::Windowed { steps: 8, width: 1 },
        decision: DecisionSpec {
            temperature: 1.0,
            uncertain_below: 0.0,
        },
        front_end: front_end.parse().unwrap(),
        windows: Some(windows.parse().unwrap()),
        metadata: Default::default(),
    }
}

/// Two seconds of a chirp, whose rows this very front end made.
fn chirp(manifest: &Manifest) -> GoldenAudio {
    let rate = SampleRate::new(22_050).unwrap();
    let samples: Vec<i16> = (0..44_100)
        .map(|at| (8_000.0 * (at as f32 * at as f32 * 1e-5).sin()) as i16)
        .collect();
    let params = manifest.front_end.clone().try_into().unwrap();
    let windows = manifest.windows.clone().unwrap().try_into().unwrap();
    let plan = FrontEndPlan::windowed(&params, &windows, WindowRequest::default(), rate).unwrap();
    let mut front_end = FrontEnd::new(plan);
    let mut rows = Vec::new();
    let mut emit = |segment: ser_features::Segment<'_>| {
        rows.push(GoldenRow {
            features: segment.features.to_vec(),
            state: Vec::new(),
            valid_steps: segment.valid_steps,
            posteriors: softmax(segment.features),
            next_state: Vec::new(),
        });
    };
    let floats: Vec<f32> = samples
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect();
    front_end.push(&floats, &mut emit);
    front_end.finish(&mut emit);
    GoldenAudio::new(rate.hz(), &samples, rows)
}

/// A sound package.
fn package(name: &str, version: &str) -> ModelPackage {
    package_with(manifest(name, version), |_| {})
}

/// A package whose golden audio was tampered with.
fn package_with(manifest: Manifest, tamper: impl FnOnce(&mut GoldenAudio)) -> ModelPackage {
    let mut audio = chirp(&manifest);
    let rows = vec![audio.rows[0].clone()];
    tamper(&mut audio);
    let golden = Golden {
        rows,
        audio: vec![audio],
    };
    ModelPackage::from_values("test", manifest, Arc::from(*b"graph"), golden).unwrap()
}

/// Writes a package below `directory`, at its own place.
fn write(directory: &Path, package: &ModelPackage) {
    package
        .write(&directory.join(package.manifest.id()))
        .unwrap();
}

/// A configuration that serves what is in `directory`, and nothing else.
fn config(directory: &Path) -> Config {
    let mut config = Config::default();
    config.models.embedded = false;
    config.models.backend = "plain".to_owned();
    config.models.directory = Some(directory.to_owned());
    config
}

/// A repository of which only what is served matters.
#[derive(Debug)]
struct Served(Repository);

impl Deref for Served {
    type Target = ModelRegistry;

    fn deref(&self) -> &ModelRegistry {
        self.0.registry()
    }
}

fn load(config: &Config) -> Result<Served, Error> {
    let backends = BackendRegistry::new().with(Plain::boxed());
    Repository::open(config.clone(), backends, unread()).map(Served)
}

/// What is served, the default first.
fn ids(registry: &ModelRegistry) -> Vec<String> {
    let models = registry.list();
    models.iter().map(|model| model.id().to_owned()).collect()
}

/// Why the start fails, or else why it leaves out what it leaves out.
fn refusal(config: &Config) -> String {
    let served = match load(config) {
        Ok(served) => served,
        Err(error) => return error.to_string(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let statuses = runtime.block_on(Arc::new(served.0).list()).unwrap();
    let mut refused = statuses
        .into_iter()
        .filter(|status| status.state == ModelState::Refused);
    refused.next().and_then(|status| status.refusal).unwrap()
}

/// Writes packages, given as `name/version`, to a new directory.
fn directory(packages: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for id in packages {
        let (name, version) = id.split_once('/').unwrap();
        write(directory.path(), &package(name, version));
    }
    directory
}

/// Serves these packages, given as `name/version`.
fn registry(packages: &[&str]) -> Served {
    load(&config(directory(packages).path())).unwrap()
}
