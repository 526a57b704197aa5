//! The filter of a rate pair, sampled at every phase that occurs.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use pulp::Arch;

use super::filter::LowPass;
use super::interpolated::Interpolated;
use super::periodic::Periodic;
use super::ratio::Ratio;
use crate::{FeatureError, SampleRate};

/// Most coefficients of a pair all of whose phases are stored.
const MOST_COEFFICIENTS: usize = 1 << 18;

/// Pairs with an uncommon rate that may be in use at a time. Rates come from clients, and
/// tables take up to 1.25 MiB.
pub(super) const MOST_UNCOMMON: usize = 32;

/// Everything that converting one rate to another needs and no stream changes.
#[derive(Debug)]
pub struct ResamplerTables {
    pair: Arc<Pair>,
    /// Input samples that an output sample needs after its own time.
    pub(super) ahead: usize,
    pub(super) phases: Phases,
}

/// Rates whose tables are in use, or about to be.
#[derive(Debug)]
struct Pair {
    input: SampleRate,
    output: SampleRate,
    tables: Mutex<Weak<ResamplerTables>>,
}

/// The filter at the phases of a rate pair.
#[derive(Debug)]
pub(super) enum Phases {
    /// Equal rates: samples pass as they are.
    Identity,
    Periodic(Periodic),
    Interpolated(Interpolated),
}

impl ResamplerTables {
    /// The tables of a rate pair. Streams that live at the same time share them.
    ///
    /// # Errors
    ///
    /// [`FeatureError::UncommonRates`] when too many others are in use.
    pub fn shared(input: SampleRate, output: SampleRate) -> Result<Arc<Self>, FeatureError> {
        let pair = Pair::shared(input, output)?;
        // Only those who need the same wait while they are built.
        let mut tables = lock(&pair.tables);
        if let Some(tables) = tables.upgrade() {
            return Ok(tables);
        }
        let built = Arc::new(Self::new(Arc::clone(&pair)));
        *tables = Arc::downgrade(&built);
        Ok(built)
    }

    fn new(pair: Arc<Pair>) -> Self {
        let Pair { input, output, .. } = *pair;
        let (ahead, phases) = if input == output {
            (0, Phases::Identity)
        } else {
            let filter = LowPass::new(input, output);
            let ratio = Ratio::new(input, output);
            let phases = Periodic::new(filter, ratio, MOST_COEFFICIENTS).map_or_else(
                || Phases::Interpolated(Interpolated::new(filter, ratio)),
                Phases::Periodic,
            );
            (filter.ahead, phases)
        };
        Self {
            pair,
            ahead,
            phases,
        }
    }

    /// The first input sample that output samples from `output` on need.
    pub(crate) fn first_input(&self, output: u64) -> u64 {
        match self.phases {
            Phases::Identity => output,
            _ => (self.input_at(output) + 1).saturating_sub(self.ahead as u64),
        }
    }

    /// The first output sample that needs no input before sample `input`.
    pub(crate) fn first_output(&self, input: u64) -> u64 {
        if input == 0 {
            return 0;
        }
        match self.phases {
            Phases::Identity => input,
            _ => {
                let (inputs, outputs) = self.rates();
                ((input + self.ahead as u64 - 1) * outputs).div_ceil(inputs)
            }
        }
    }

    /// Input samples that so many output samples need.
    pub(crate) fn inputs_for(&self, outputs: u64) -> u64 {
        match (&self.phases, outputs.checked_sub(1)) {
            (_, None) => 0,
            (Phases::Identity, _) => outputs,
            (_, Some(last)) => self.input_at(last) + self.ahead as u64 + 1,
        }
    }

    /// The last input sample that is not after an output sample.
    fn input_at(&self, output: u64) -> u64 {
        let (inputs, outputs) = self.rates();
        output * inputs / outputs
    }

    fn rates(&self) -> (u64, u64) {
        let Pair { input, output, .. } = *self.pair;
        (input.hz().into(), output.hz().into())
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        match &self.phases {
            Phases::Identity => 0,
            Phases::Periodic(periodic) => periodic.bytes(),
            Phases::Interpolated(interpolated) => interpolated.bytes(),
        }
    }

    /// How long after its own time an output sample can be computed.
    #[must_use]
    pub fn look_ahead(&self) -> Duration {
        let nanoseconds = self.ahead as u64 * 1_000_000_000;
        Duration::from_nanos(nanoseconds.div_ceil(u64::from(self.pair.input.hz())))
    }
}

impl Pair {
    /// The one of these rates.
    fn shared(input: SampleRate, output: SampleRate) -> Result<Arc<Self>, FeatureError> {
        static IN_USE: Mutex<Vec<Weak<Pair>>> = Mutex::new(Vec::new());
        let mut in_use = lock(&IN_USE);
        in_use.retain(|pair| pair.strong_count() > 0);
        let alive: Vec<_> = in_use.iter().filter_map(Weak::upgrade).collect();
        let found = alive
            .iter()
            .find(|pair| pair.input == input && pair.output == output);
        if let Some(pair) = found {
            return Ok(Arc::clone(pair));
        }
        let pair = Self {
            input,
            output,
            tables: Mutex::default(),
        };
        let uncommon = alive.iter().filter(|pair| pair.is_uncommon()).count();
        if pair.is_uncommon() && uncommon >= MOST_UNCOMMON {
            return Err(FeatureError::UncommonRates {
                hz: input.hz(),
                limit: MOST_UNCOMMON,
            });
        }
        let pair = Arc::new(pair);
        in_use.push(Arc::downgrade(&pair));
        Ok(pair)
    }

    /// Whether clients may have made it up, and it has tables.
    fn is_uncommon(&self) -> bool {
        self.input != self.output && !self.input.is_common()
    }
}

/// What is in it is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Input from the filter's first reach on, and what to compute of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    /// What has come, and as much more as sums run over.
    pub(super) samples: &'a [f32],
    /// Samples whose whole neighbourhood has come.
    pub(super) complete: usize,
    /// The first output sample that is due, counted from the start of a period.
    pub(super) next: usize,
}

/// Where the output begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// What [`Input::samples`] starts with is the reach of an output sample that
    /// lies on this input sample, counted from the start of the stream.
    pub(super) input: u64,
    /// As [`Input::next`].
    pub(super) next: usize,
}

/// What became of an [`Input`].
#[derive(Clone, Debug)]
pub(super) struct Converted {
    /// Where in the output buffer the samples are that were due.
    pub(super) outputs: Range<usize>,
    /// Input samples that nothing needs any more.
    pub(super) used: usize,
    /// The next output sample.
    pub(super) next: usize,
}

impl Phases {
    /// Computes every output sample whose input is complete.
    pub(super) fn convert(&self, arch: Arch, input: Input<'_>, output: &mut [f32]) -> Converted {
        match self {
            Self::Identity => Converted {
                outputs: 0..0,
                used: 0,
                next: 0,
            },
            Self::Periodic(periodic) => periodic.convert(arch, input, output),
            Self::Interpolated(interpolated) => interpolated.convert(arch, input, output),
        }
    }

    /// Where to start with an output sample that is counted from the start of a
    /// stream.
    pub(super) fn start(&self, output: u64) -> Start {
        match self {
            Self::Identity => Start {
                input: output,
                next: 0,
            },
            Self::Periodic(periodic) => periodic.start(output),
            Self::Interpolated(interpolated) => interpolated.start(output),
        }
    }

    /// Input samples by which a block of output advances, at most, and the
    /// samples of the block.
    pub(super) fn block(&self) -> Ratio {
        match self {
            Self::Identity => Ratio {
                inputs: 0,
                outputs: 0,
            },
            Self::Periodic(periodic) => periodic.block(),
            Self::Interpolated(interpolated) => interpolated.block(),
        }
    }

    /// Input samples that the sums of an output run over.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Identity => 0,
            Self::Periodic(periodic) => periodic.width(),
            Self::Interpolated(interpolated) => interpolated.width(),
        }
    }
}
