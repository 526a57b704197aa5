//! The filter of a rate pair, sampled at every phase that occurs.

use std::f64::consts::PI;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::SampleRate;

/// Half the filter's length, in samples of the lower rate. It is the look-ahead,
/// 10 ms at the lowest rate. What asks for this length is agreement with
/// `librosa`: with 72, which still keeps the ripple and the stop band, MFCCs of
/// noise at 8 kHz differ by 0.87 instead of 0.35, since more of the band falls off.
const HALF_LENGTH: usize = SampleRate::MIN.hz() as usize / 100;
/// Where the response has fallen by 6 dB, as a part of the lower Nyquist rate.
/// With [`KAISER_BETA`] it was fitted to the measured response of `soxr_hq`,
/// `librosa`'s resampler, between 0.9 and 1, where a difference moves the log of
/// mel bands.
const CUTOFF: f64 = 0.9562;
/// The shape of the Kaiser window: 101 dB at the lower Nyquist rate, where its
/// transition band ends.
const KAISER_BETA: f64 = 10.2;
/// A filter of at most this many coefficients is stored at every phase. A pair
/// with more phases (44,101 to 22,050 Hz has 22,050) interpolates.
const MOST_COEFFICIENTS: usize = 1 << 18;
/// Phases that are stored of an interpolated filter, for each sample of the
/// lower rate. Linear interpolation of a signal at angular frequency ω, in
/// radians a step, is off by ω²/8; at the Nyquist rate that is (π/1024)²/8, or
/// −118 dB.
const PHASES: usize = 1024;
/// Rows are padded with zeros to whole vectors of every instruction set, and to
/// four of eight numbers each.
const LANES: usize = 32;

/// Rate pairs in use at a time that are shared; a stream of one more has tables
/// of its own.
const MOST_CACHED: usize = 256;

/// Everything that converting one rate to another needs and no stream changes.
#[derive(Debug)]
pub struct ResamplerTables {
    input: SampleRate,
    output: SampleRate,
    /// Input samples from one output sample to the next: `step` and
    /// `remainder / denominator`.
    pub(super) step: usize,
    pub(super) remainder: u32,
    pub(super) denominator: u32,
    /// Input samples that an output sample needs after its own time.
    pub(super) ahead: usize,
    /// Coefficients of a phase.
    pub(super) width: usize,
    phases: usize,
    /// `[phases + 1, width]`; empty between equal rates.
    rows: Box<[f32]>,
}

impl ResamplerTables {
    /// The tables of a rate pair. Streams that live at the same time share them.
    #[must_use]
    pub fn shared(input: SampleRate, output: SampleRate) -> Arc<Self> {
        static CACHE: Mutex<Vec<Weak<ResamplerTables>>> = Mutex::new(Vec::new());
        let find = |cache: &[Weak<Self>]| {
            let mut alive = cache.iter().filter_map(Weak::upgrade);
            alive.find(|tables| tables.input == input && tables.output == output)
        };
        let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tables) = find(&lock()) {
            return tables;
        }
        // Built without the lock: other pairs needn't wait for it.
        let built = Arc::new(Self::new(input, output));
        let mut cache = lock();
        if let Some(tables) = find(&cache) {
            return tables;
        }
        cache.retain(|tables| tables.strong_count() > 0);
        if cache.len() < MOST_CACHED {
            cache.push(Arc::downgrade(&built));
        }
        built
    }

    fn new(input: SampleRate, output: SampleRate) -> Self {
        let divisor = greatest_common_divisor(input.hz(), output.hz());
        let (numerator, denominator) = (input.hz() / divisor, output.hz() / divisor);
        let mut tables = Self {
            input,
            output,
            step: (numerator / denominator) as usize,
            remainder: numerator % denominator,
            denominator,
            ahead: 0,
            width: 0,
            phases: 0,
            rows: Box::default(),
        };
        if !tables.is_identity() {
            tables.fill();
        }
        tables
    }

    fn fill(&mut self) {
        let lower = self.input.min(self.output).hz() as usize;
        let input = self.input.hz() as usize;
        self.ahead = HALF_LENGTH * input / lower;
        self.width = (2 * self.ahead).next_multiple_of(LANES);
        let exact = self.denominator as usize;
        self.phases = if exact * self.width <= MOST_COEFFICIENTS {
            exact
        } else {
            (PHASES * lower).div_ceil(input)
        };
        let band = CUTOFF * lower as f64 / input as f64;
        let first = (self.ahead + 1) as f64 - self.width as f64;
        self.rows = (0..=self.phases)
            .flat_map(|phase| {
                let start = first - phase as f64 / self.phases as f64;
                (0..self.width).map(move |tap| start + tap as f64)
            })
            .map(|time| (band * sinc(band * time) * kaiser(time / self.ahead as f64)) as f32)
            .collect();
    }

    /// Whether both rates are equal: samples pass as they are.
    pub(super) fn is_identity(&self) -> bool {
        self.input == self.output
    }

    /// The rows between which the phase `part / denominator` lies, one after the
    /// other, and how far from the first, 0 to 1.
    #[inline]
    pub(super) fn rows(&self, part: u32) -> (&[f32], f32) {
        let scaled = u64::from(part) * self.phases as u64;
        let denominator = u64::from(self.denominator);
        let row = (scaled / denominator) as usize;
        let between = (scaled % denominator) as f32 / self.denominator as f32;
        (&self.rows[row * self.width..][..2 * self.width], between)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.rows)
    }

    /// How long after its own time an output sample can be computed.
    #[must_use]
    pub fn look_ahead(&self) -> Duration {
        let nanoseconds = self.ahead as u64 * 1_000_000_000;
        Duration::from_nanos(nanoseconds.div_ceil(u64::from(self.input.hz())))
    }
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// sin(πx) / πx.
fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The Kaiser window at `x`, where −1 and 1 are its ends.
fn kaiser(x: f64) -> f64 {
    if x.abs() > 1.0 {
        return 0.0;
    }
    bessel_i0(KAISER_BETA * (1.0 - x * x).sqrt()) / bessel_i0(KAISER_BETA)
}

/// The modified Bessel function of the first kind, order 0, by its power series
/// (Abramowitz and Stegun 9.6.12).
fn bessel_i0(x: f64) -> f64 {
    let square = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..=32 {
        term *= square / f64::from(k * k);
        sum += term;
    }
    sum
}
