//! Frames of the most recent samples, and their power spectra.

use std::cell::RefCell;
use std::f64::consts::PI;

use pulp::Arch;
use pulp::bytemuck::cast_slice_mut;
use rustfft::num_complex::Complex;

use crate::power::PowerTransform;

/// The last `n_fft` samples of a stream: all that any frame ever needs.
#[derive(Clone, Debug)]
pub(crate) struct History {
    ring: Box<[f32]>,
    oldest: usize,
    end: u64,
}

impl History {
    /// Before sample `start` of a stream.
    pub(crate) fn new(n_fft: usize, start: u64) -> Self {
        Self {
            ring: vec![0.0; n_fft].into(),
            oldest: 0,
            end: start,
        }
    }

    /// Samples since the start of the stream.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Takes at most `n_fft` samples.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        let (head, wrapped) = samples.split_at(samples.len().min(self.ring.len() - self.oldest));
        self.ring[self.oldest..][..head.len()].copy_from_slice(head);
        self.ring[..wrapped.len()].copy_from_slice(wrapped);
        self.oldest = (self.oldest + samples.len()) % self.ring.len();
        self.end += samples.len() as u64;
    }

    /// The frame centred on sample `centre` times `taper`, with zeros before
    /// sample `from` and after the newest.
    ///
    /// `from` and `centre` must not lie after the end, nor the end after the
    /// frame's last sample: earlier ones may be gone.
    #[inline(always)]
    fn tapered(&self, centre: u64, from: u64, taper: &[f32], frame: &mut [f32]) {
        let length = self.ring.len();
        let reach = length as u64 / 2;
        let missing = (centre + reach - self.end) as usize;
        let first = (from + reach).saturating_sub(centre) as usize;
        let last = length - missing;
        frame[..first].fill(0.0);
        frame[last..].fill(0.0);
        let place = (self.oldest + missing + first) % length;
        let count = (last - first).min(length - place);
        let (frame, taper) = (&mut frame[first..last], &taper[first..last]);
        multiply(&mut frame[..count], &self.ring[place..], &taper[..count]);
        multiply(&mut frame[count..], &self.ring, &taper[count..]);
    }
}

#[inline(always)]
fn multiply(product: &mut [f32], a: &[f32], b: &[f32]) {
    for ((product, a), b) in product.iter_mut().zip(a).zip(b) {
        *product = a * b;
    }
}

/// Computes the power spectra of Hann-tapered frames.
pub(crate) struct PowerSpectrum {
    transform: PowerTransform,
    taper: Box<[f32]>,
    /// The instruction set in use.
    arch: Arch,
}

#[derive(Default)]
struct Workspace {
    /// Samples, two by two.
    frame: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    powers: Vec<f32>,
}

thread_local! {
    /// A frame is done within one call, so that the streams of a thread take
    /// turns with one workspace: it stays in the cache, and a stream is a fifth
    /// smaller.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

impl PowerSpectrum {
    /// Bins beyond the last that read as 0, so that filters may be padded.
    pub(crate) const PADDING: usize = 8;

    pub(crate) fn new(n_fft: usize) -> Self {
        let taper = (0..n_fft)
            .map(|i| (0.5 - 0.5 * (2.0 * PI * i as f64 / n_fft as f64).cos()) as f32)
            .collect();
        Self {
            transform: PowerTransform::new(n_fft),
            taper,
            arch: Arch::new(),
        }
    }

    /// Calls `read` with the power of each of the `n_fft / 2 + 1` bins, and of
    /// [`PADDING`](Self::PADDING) more, of the frame centred on sample `centre`,
    /// with zeros before sample `from` and after the newest.
    pub(crate) fn with_frame(
        &self,
        history: &History,
        centre: u64,
        from: u64,
        read: impl FnOnce(&[f32]),
    ) {
        WORKSPACE.with_borrow_mut(|workspace| {
            let length = self.taper.len();
            let bins = length / 2 + 1;
            workspace.fit(length, self.transform.scratch_len());
            let frame = &mut workspace.frame[..length / 2];
            let powers = &mut workspace.powers[..bins + Self::PADDING];
            // Code that isn't inlined here is compiled for the oldest processor.
            self.arch.dispatch(
                #[inline(always)]
                || {
                    history.tapered(centre, from, &self.taper, cast_slice_mut(frame));
                    let spectrum = &mut powers[..bins];
                    self.transform
                        .apply(frame, &mut workspace.scratch, spectrum);
                    powers[bins..].fill(0.0);
                    read(powers);
                },
            );
        });
    }
}

impl Workspace {
    /// Grows to the largest transform of the thread.
    fn fit(&mut self, length: usize, scratch: usize) {
        if self.frame.len() < length / 2 {
            self.frame.resize(length / 2, Complex::default());
            let powers = length / 2 + 1 + PowerSpectrum::PADDING;
            self.powers.resize(powers, 0.0);
        }
        if self.scratch.len() < scratch {
            self.scratch.resize(scratch, Complex::default());
        }
    }
}
