//! A model as it is served.

use std::{
    cmp::Ordering,
    num::NonZeroUsize,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use ser_backend::{
    Backend, BackendError, DeviceOptions, InputSpec, Manifest, Model, ModelInfo, ModelPackage,
    PackageError,
};
use ser_features::{
    FeatureError, FrontEndParams, FrontEndPlan, SampleRate, WindowParams, WindowRequest,
};
use serde::de::DeserializeOwned;

use super::{plans::PlanCache, replay, selector::compare_versions};
use crate::{
    Error,
    batcher::{Batcher, RowBuffers},
    config::BatcherConfig,
    session::text::seconds,
    telemetry::{Metrics, ModelMetrics},
    threads,
};

/// A model that has proved itself on its own golden rows and audio, with the way
/// to it.
#[derive(Debug)]
pub struct ServedModel {
    id: String,
    manifest: Manifest,
    graph_sha256: String,
    golden_bits: String,
    info: ModelInfo,
    front_end: FrontEndSpec,
    plans: PlanCache,
    /// The plan of streams at the model's own rate with its own windows.
    own_plan: Arc<FrontEndPlan>,
    /// Where the package lies.
    origin: String,
    /// Streams and clips that run on it.
    open_streams: AtomicUsize,
    /// `None` only while it is dropped.
    batcher: Option<Batcher>,
    metrics: ModelMetrics,
}

impl ServedModel {
    /// Loads a package on a backend, replays its golden rows and audio, and
    /// starts the worker threads: `instances` of them, or as many as suit the
    /// device. What it does is measured in `metrics`.
    ///
    /// # Errors
    ///
    /// When the package, the backend or the machine isn't fit for it.
    pub(super) fn start(
        package: &ModelPackage,
        backend: &dyn Backend,
        device: &DeviceOptions,
        instances: Option<NonZeroUsize>,
        batcher: &BatcherConfig,
        metrics: &Metrics,
    ) -> Result<Self, Error> {
        let manifest = &package.manifest;
        let id = manifest.id();
        let Proved {
            model,
            front_end,
            plans,
            own_plan,
            golden_bits,
        } = Proved::new(package, backend, device)?;
        let instances = instances.unwrap_or_else(|| suited_to(model.info()));
        let info = model.info().clone();
        let metrics = metrics.model(&id, &manifest.labels, &info);
        Ok(Self {
            batcher: Some(Batcher::start(
                &id,
                model,
                instances,
                batcher,
                metrics.clone(),
            )?),
            info,
            metrics,
            id,
            origin: package.origin.clone(),
            open_streams: AtomicUsize::new(0),
            manifest: manifest.clone(),
            graph_sha256: package.graph_sha256.clone(),
            golden_bits,
            front_end,
            plans,
            own_plan,
        })
    }

    /// Checks what can be checked of a package without a backend: its front end makes
    /// rows of the shape that its graph takes.
    ///
    /// # Errors
    ///
    /// Why it can't be served.
    pub(super) fn check(package: &ModelPackage) -> Result<(), Error> {
        let front_end = FrontEndSpec::read(package).map_err(BackendError::from)?;
        let plan = |rate| front_end.plan(WindowRequest::default(), rate);
        front_end.own_plan(package, plan).map(drop)
    }

    /// `name/version`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `model.toml`.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of `model.onnx`, lower-case hexadecimal.
    #[must_use]
    pub fn graph_sha256(&self) -> &str {
        &self.graph_sha256
    }

    /// Names the bits that its golden audio gave here, from samples to posteriors.
    #[must_use]
    pub fn golden_bits(&self) -> &str {
        &self.golden_bits
    }

    /// How the model runs.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The way to the model.
    #[must_use]
    pub fn batcher(&self) -> &Batcher {
        self.batcher
            .as_ref()
            .expect("taken by the destructor alone")
    }

    /// What is measured of the model.
    #[must_use]
    pub fn metrics(&self) -> &ModelMetrics {
        &self.metrics
    }

    /// Where the package lies: a directory, or what an embedded one is called.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Streams and clips that run on it.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.open_streams.load(Relaxed)
    }

    /// By name, the newest version first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let (left, right) = (&self.manifest, &other.manifest);
        (left.name.cmp(&right.name)).then_with(|| compare_versions(&right.version, &left.version))
    }

    /// Buffers for one row, with the state that a stream starts with.
    #[must_use]
    pub fn row_buffers(&self) -> RowBuffers {
        RowBuffers::new(self.info.shape)
    }

    /// The rate that audio is resampled to, in Hz.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.front_end.params.sample_rate
    }

    /// The plan of a stream at the model's own rate that asks for nothing: its
    /// window and hop are the model's defaults.
    #[must_use]
    pub fn own_plan(&self) -> &FrontEndPlan {
        &self.own_plan
    }

    /// The front end of a stream at `rate` that asks for `request`, shared by
    /// streams of equal settings.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] of `window` or `hop`, if the model doesn't have
    /// what is asked for.
    pub fn plan(
        &self,
        request: WindowRequest,
        rate: SampleRate,
    ) -> Result<Arc<FrontEndPlan>, FeatureError> {
        self.plans
            .get(rate, request, || self.front_end.plan(request, rate))
    }
}

impl Drop for ServedModel {
    /// A batcher waits for its threads when it is dropped. The last to hold a model
    /// may be a stream, whose async worker has others to look after.
    fn drop(&mut self) {
        let batcher = self.batcher.take();
        // Where there is no thread to be had, it is dropped here after all.
        let _ = threads::spawn("ser-unload", move || drop(batcher));
    }
}

/// A model that a stream or a clip runs on, and that is kept until it ends.
#[derive(Debug)]
pub struct ModelInUse(Arc<ServedModel>);

impl ModelInUse {
    /// Counts a stream or a clip.
    #[must_use]
    pub fn new(model: Arc<ServedModel>) -> Self {
        model.open_streams.fetch_add(1, Relaxed);
        Self(model)
    }
}

impl Deref for ModelInUse {
    type Target = ServedModel;

    fn deref(&self) -> &ServedModel {
        &self.0
    }
}

impl Drop for ModelInUse {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Relaxed);
    }
}

/// One instance a core; one alone where a device is shared, since calls would only
/// wait for each other there.
fn suited_to(info: &ModelInfo) -> NonZeroUsize {
    if info.execution_provider == "cpu" {
        thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    } else {
        NonZeroUsize::MIN
    }
}

/// A package that is fit to be served.
pub(super) struct Proved {
    model: Box<dyn Model>,
    front_end: FrontEndSpec,
    plans: PlanCache,
    own_plan: Arc<FrontEndPlan>,
    golden_bits: String,
}

impl Proved {
    /// Loads a package on a backend, and replays its golden rows and audio.
    ///
    /// # Errors
    ///
    /// When the package, the backend or the machine isn't fit for it.
    pub(super) fn new(
        package: &ModelPackage,
        backend: &dyn Backend,
        device: &DeviceOptions,
    ) -> Result<Self, Error> {
        let mut model = backend.load(package, device)?;
        let front_end = FrontEndSpec::read(package).map_err(BackendError::from)?;
        let plans = PlanCache::default();
        let plan = |rate| {
            let request = WindowRequest::default();
            plans.get(rate, request, || front_end.plan(request, rate))
        };
        let own_plan = front_end.own_plan(package, plan)?;
        let golden_bits = replay::golden_audio(model.as_mut(), package, plan)?;
        Ok(Self {
            model,
            front_end,
            plans,
            own_plan,
            golden_bits,
        })
    }
}

/// The tables of `model.toml` that speak of audio.
#[derive(Clone, Debug)]
struct FrontEndSpec {
    params: FrontEndParams,
    rows: Rows,
}

/// Where a row of features comes from.
#[derive(Clone, Debug)]
enum Rows {
    Windowed(WindowParams),
    /// New frames of each row.
    Recurrent {
        steps: usize,
    },
}

impl FrontEndSpec {
    fn read(package: &ModelPackage) -> Result<Self, PackageError> {
        let manifest = &package.manifest;
        let params = table(package, "front_end", Some(&manifest.front_end))?;
        let rows = match manifest.input {
            InputSpec::Windowed { .. } => {
                Rows::Windowed(table(package, "windows", manifest.windows.as_ref())?)
            }
            InputSpec::Recurrent { steps, .. } => Rows::Recurrent { steps },
        };
        Ok(Self { params, rows })
    }

    /// The plan at the model's own rate, checked against the shape of a row.
    fn own_plan(
        &self,
        package: &ModelPackage,
        plan: impl FnOnce(SampleRate) -> Result<Arc<FrontEndPlan>, FeatureError>,
    ) -> Result<Arc<FrontEndPlan>, Error> {
        let manifest = &package.manifest;
        let plan = SampleRate::new(self.params.sample_rate)
            .and_then(plan)
            .map_err(|source| Error::FrontEnd {
                model: manifest.id(),
                source,
            })?;
        let shape = manifest.row_shape();
        if plan.row_len() == shape.features() {
            return Ok(plan);
        }
        let reason = format!(
            "input: {} steps of {}; expected {} values in all, which is what [front_end] and \
             [windows] make",
            shape.steps,
            shape.width,
            plan.row_len()
        );
        Err(Error::Backend(invalid(package, reason).into()))
    }

    fn plan(
        &self,
        request: WindowRequest,
        rate: SampleRate,
    ) -> Result<Arc<FrontEndPlan>, FeatureError> {
        match &self.rows {
            Rows::Windowed(windows) => FrontEndPlan::windowed(&self.params, windows, request, rate),
            Rows::Recurrent { steps } => {
                let plan = FrontEndPlan::recurrent(&self.params, *steps, rate)?;
                // The effective config names the model's hop, and may be asked for again.
                let hop = request.hop.filter(|&hop| hop != plan.hop());
                for (field, asked) in [("window", request.window), ("hop", hop)] {
                    if let Some(asked) = asked {
                        return Err(FeatureError::Setting {
                            field: field.to_owned(),
                            value: seconds(asked),
                            expected: "none, the model is recurrent".to_owned(),
                        });
                    }
                }
                Ok(plan)
            }
        }
    }
}

fn table<T: DeserializeOwned>(
    package: &ModelPackage,
    key: &str,
    table: Option<&toml::Table>,
) -> Result<T, PackageError> {
    let table = table.ok_or_else(|| invalid(package, format!("[{key}]: missing")))?;
    table
        .clone()
        .try_into()
        .map_err(|error| invalid(package, format!("[{key}]: {error}")))
}

fn invalid(package: &ModelPackage, reason: String) -> PackageError {
    PackageError::Invalid {
        file: format!("{}/model.toml", package.origin),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use ser_backend::RowShape;

    use super::*;

    #[test]
    fn a_shared_device_gets_one_instance() {
        let on = |provider: &str| {
            suited_to(&ModelInfo {
                backend: "any".to_owned(),
                execution_provider: provider.to_owned(),
                numerics: "any".to_owned(),
                shape: RowShape {
                    steps: 1,
                    width: 1,
                    state: 0,
                    classes: 2,
                },
                batch_invariant: false,
            })
        };
        assert_eq!(on("cuda").get(), 1);
        assert_eq!(on("tensorrt, cuda").get(), 1);
        assert_eq!(Ok(on("cpu")), thread::available_parallelism().map_err(drop));
    }
}
