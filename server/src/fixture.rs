//! For tests of whole sessions: two small packages, and a backend that does as
//! the test wants it.

use std::{
    fs,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use ser_backend::{Backend, BackendError, Batch, DeviceOptions, Model, ModelInfo, ModelPackage};
use tempfile::TempDir;

use crate::{config::Config, models::BackendRegistry};

const COMMON: &str = r#"
format = 1
version = "1"
description = "A double for tests"
licence = "CC0-1.0"
labels = ["calm", "glad", "sad"]
precision = "fp32"
decision = { temperature = 1.0, uncertain_below = 0.0 }
"#;

const FRONT_END: &str = r#"
[front_end]
sample_rate = 16000
n_fft = 512
hop_length = 160
window = "hann"
n_mels = 20
f_min = 0.0
f_max = 8000.0
mel_scale = "slaney"
mel_norm = "slaney"
amin = 1e-10
features = "log-mel"
"#;

/// Windows of 1 s every 0.2 s, from 0.5 s on.
const WINDOWED: &str = r#"
reduce = "mean"
top_db = 80.0
[windows]
window = 100
hop = 20
shortest_window = 50
longest_window = 300
shortest_hop = 10
short = "reduce"
"#;

/// The frames of a row of the recurrent package: 0.2 s.
pub(crate) const STEPS: usize = 20;

/// Packages `double/1`, windowed and the default, and `memory/1`, recurrent.
pub(crate) struct Fixture {
    dir: TempDir,
    pub(crate) config: Config,
    pub(crate) backend: Double,
}

/// The backend `double`. Posteriors of `double/1` follow the levels of low,
/// middle and high bands; those of `memory/1` the steps it has seen.
#[derive(Clone)]
pub(crate) struct Double {
    /// Rows louder than any speech fail.
    pub(crate) fail_loud: Arc<AtomicBool>,
    /// Calls with such a row never return.
    pub(crate) hang_loud: Arc<AtomicBool>,
    /// What it says that its bits depend on.
    pub(crate) numerics: &'static str,
}

impl Default for Double {
    fn default() -> Self {
        Self {
            fail_loud: Arc::default(),
            hang_loud: Arc::default(),
            numerics: "exact",
        }
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let windowed = "input = { kind = \"windowed\", steps = 20, width = 1 }";
        package(
            &dir,
            "double",
            &format!("{windowed}{FRONT_END}{WINDOWED}"),
            20,
            0,
        );
        memory(&dir, 1);
        let mut config = Config::default();
        config.models.embedded = false;
        config.models.directory = Some(dir.path().to_owned());
        config.models.backend = "double".to_owned();
        config.models.instances = NonZeroUsize::new(1);
        config.batcher.max_wait = Duration::ZERO;
        Self {
            dir,
            config,
            backend: Double::default(),
        }
    }

    /// Lets the recurrent package have a state of so many values.
    pub(crate) fn remember(&self, state: usize) {
        memory(&self.dir, state);
    }

    pub(crate) fn backends(&self) -> BackendRegistry {
        assert!(self.dir.path().is_dir());
        BackendRegistry::default().with(Box::new(self.backend.clone()))
    }

    /// Backends that load only after something was sent, or the sender is gone.
    pub(crate) fn waiting_backends(&self) -> (mpsc::Sender<()>, BackendRegistry) {
        let (go, wait) = mpsc::channel();
        let backend = Waiting {
            inner: self.backend.clone(),
            wait: std::sync::Mutex::new(wait),
        };
        (go, BackendRegistry::new().with(Box::new(backend)))
    }
}

fn memory(dir: &TempDir, state: usize) {
    let input =
        format!("input = {{ kind = \"recurrent\", steps = 20, width = 20, state = {state} }}");
    let specific = format!("{input}{FRONT_END}reduce = \"none\"\n");
    package(dir, "memory", &specific, 400, state);
}

fn package(dir: &TempDir, name: &str, specific: &str, features: usize, state: usize) {
    let dir = dir.path().join(name).join("1");
    fs::create_dir_all(&dir).unwrap();
    fs::write(
        dir.join("model.toml"),
        format!("name = \"{name}\"\n{COMMON}{specific}"),
    )
    .unwrap();
    fs::write(dir.join("model.onnx"), name).unwrap();
    let golden = serde_json::json!({
        "rows": [{
            "features": vec![0.0; features],
            "state": vec![0.0; state],
            "valid_steps": 1,
            "posteriors": [1.0, 0.0, 0.0],
            "next_state": vec![0.0; state],
        }],
        "audio": [],
    });
    fs::write(dir.join("golden.json"), golden.to_string()).unwrap();
    fs::write(dir.join("MODEL_CARD.md"), "A double for tests.\n").unwrap();
}

impl Backend for Double {
    fn name(&self) -> &str {
        "double"
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let info = ModelInfo {
            backend: self.name().to_owned(),
            execution_provider: options.execution_providers.join(", "),
            numerics: self.numerics.to_owned(),
            shape: package.manifest.row_shape(),
            batch_invariant: true,
        };
        Ok(Box::new(DoubleModel {
            info,
            backend: self.clone(),
        }))
    }
}

struct Waiting {
    inner: Double,
    wait: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Backend for Waiting {
    fn name(&self) -> &str {
        "double"
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        // Gone is as good as sent.
        let _ = self.wait.lock().unwrap().recv();
        self.inner.load(package, options)
    }
}

struct DoubleModel {
    info: ModelInfo,
    backend: Double,
}

impl Model for DoubleModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let shape = self.info.shape;
        let rows = batch.len();
        let Some((inputs, outputs)) = batch.split() else {
            return Ok(());
        };
        // Mean levels of babble in dB: at full scale above this, at a fifth below.
        let loud = shape.state == 0
            && inputs.features[..rows * shape.features()]
                .iter()
                .any(|&level| level > -28.0);
        while loud && self.backend.hang_loud.load(Ordering::Relaxed) {
            std::thread::park();
        }
        if loud && self.backend.fail_loud.load(Ordering::Relaxed) {
            return Err(BackendError::Inference("too loud".to_owned()));
        }
        for row in 0..inputs.bucket {
            let posteriors = &mut outputs.posteriors[row * 3..][..3];
            if shape.state == 0 {
                let features = &inputs.features[row * 20..][..20];
                let level = |bands: std::ops::Range<usize>| {
                    features[bands.clone()].iter().sum::<f32>() / bands.len() as f32
                };
                let levels = [level(0..7), level(7..14), level(14..20)];
                let weights = levels.map(|level| (level / 20.0).exp());
                let total: f32 = weights.iter().sum();
                posteriors.copy_from_slice(&weights.map(|weight| weight / total));
            } else {
                let first = row * shape.state;
                let seen = inputs.state[first] + inputs.valid_steps[row] as f32;
                outputs.next_state[first] = seen;
                let first = 1.0 / (1.0 + seen);
                posteriors.copy_from_slice(&[first, 1.0 - first, 0.0]);
            }
        }
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        Ok(Box::new(Self {
            info: self.info.clone(),
            backend: self.backend.clone(),
        }))
    }
}

/// Noise that comes and goes like syllables, so that it passes for speech:
/// 16-bit samples at `rate`, a fifth of a second on, a fifth almost off.
pub(crate) fn babble(rate: u32, seconds: f64, amplitude: f64, seed: u32) -> Vec<i16> {
    let mut random = seed.wrapping_mul(2).wrapping_add(1);
    (0..(f64::from(rate) * seconds) as usize)
        .map(|index| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random >> 8) / f64::from(1 << 23) - 1.0;
            let on = (index as f64 / f64::from(rate) * 2.5).fract() < 0.5;
            (noise * amplitude * if on { 32_767.0 } else { 20.0 }) as i16
        })
        .collect()
}

/// As s16le.
pub(crate) fn bytes(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}
