//! Voice detection on the log-mel rows that exist anyway.
//!
//! What speech does and steady sound doesn't is to rise and fall in all of its
//! bands, several times a second. So a frame is speech when it lies clearly above
//! the lowest levels of the last second, on average over the bands of speech
//! (minimum statistics, after R. Martin, "Noise power spectral density estimation
//! based on optimal smoothing and minimum statistics", 2001). Noise, hum and
//! tones lie a few decibels above their own minimum at any loudness; speech lies
//! 20 to 60 dB above it. There is nothing to adapt, and no state older than a
//! second, so a stream may start with speech.

use std::ops::Range;
use std::time::Duration;

use pulp::Arch;

/// Where speech has its power, and telephones still carry it, in Hz.
const SPEECH_HZ: Range<f32> = 200.0..3_400.0;
/// The bands of speech are averaged in at most this many groups, equally wide
/// on a logarithmic scale: enough that a tone, however loud, is outvoted.
const GROUPS: usize = 16;
/// How long minima are remembered. Syllables come at 4 Hz, and no vowel lasts so
/// long.
const MEMORY: Duration = Duration::from_secs(1);
/// Rows that are remembered at least, however long the frame period.
const FEWEST_ROWS: usize = 8;
/// Of rows closer than this only some are looked at, so that state and cost are
/// bounded.
const CLOSEST: Duration = Duration::from_millis(5);
/// How far above the minima speech lies, in dB. Steady noise reaches 6 dB.
const RISE_DB: f32 = 8.0;
/// How long a rise lasts before it is speech. The frames that overlap one click
/// last about 100 ms.
const SHORTEST_SPEECH: Duration = Duration::from_millis(130);
/// Levels below this are taken for it, in dB: what the last bit of 16 toggles
/// under an all but silent recording.
const QUIETEST_DB: f32 = -80.0;

/// Says of each frame whether somebody speaks. Allocates nothing after
/// [`new`](Self::new); its state is the last second's levels, less than 3 KiB
/// at the usual 43 frames a second.
#[derive(Clone, Debug)]
pub struct VoiceDetector {
    /// The mel bands of each group.
    groups: Box<[Range<usize>]>,
    /// `[rows, groups]`, a ring of levels in dB; infinite before the stream.
    levels: Box<[f32]>,
    /// Where the next row of levels goes, a multiple of the groups.
    next: usize,
    /// The lowest level of each group.
    lowest: Box<[f32]>,
    /// Frames in a row that lie above the minima, and how many make speech.
    risen: usize,
    least: usize,
    /// Of so many rows one is looked at, when none is left to skip.
    stride: usize,
    skip: usize,
    /// The instruction set in use.
    arch: Arch,
}

impl VoiceDetector {
    /// A detector before the first frame of a stream, for rows of power in mel
    /// bands around `band_centres_hz`, in ascending order, one row every
    /// `frame_period`. Of a bank without a band between 200 and 3,400 Hz all
    /// bands count.
    #[must_use]
    pub fn new(band_centres_hz: &[f32], frame_period: Duration) -> Self {
        let groups = groups(band_centres_hz);
        let VoiceTiming {
            stride,
            rows,
            least,
        } = VoiceTiming::new(frame_period);
        Self {
            levels: vec![f32::INFINITY; rows * groups.len()].into(),
            next: 0,
            lowest: vec![f32::INFINITY; groups.len()].into(),
            risen: 0,
            least,
            stride,
            skip: 0,
            arch: Arch::new(),
            groups,
        }
    }

    /// The same before frame `frame` of a stream. It looks at the frames that it would
    /// have looked at, and says the same of them once it
    /// [remembers as much](VoiceTiming::first_heard).
    pub(crate) fn before(mut self, frame: u64) -> Self {
        let since = (frame % self.stride as u64) as usize;
        self.skip = if since == 0 { 0 } else { self.stride - since };
        self
    }

    /// Whether somebody has been speaking for 130 ms at the next frame, whose
    /// bands hold `log_mel_db`, `10·log10` of their power.
    pub fn row(&mut self, log_mel_db: &[f32]) -> bool {
        if self.skip == 0 {
            self.arch.dispatch(
                #[inline(always)]
                || self.look(log_mel_db),
            );
            self.skip = self.stride;
        }
        self.skip -= 1;
        self.risen >= self.least
    }

    #[inline(always)]
    fn look(&mut self, log_mel_db: &[f32]) {
        let width = self.groups.len();
        let newest = &mut self.levels[self.next..][..width];
        for (level, bands) in newest.iter_mut().zip(&self.groups) {
            let count = bands.len() as f32;
            *level = (log_mel_db[bands.clone()].iter().sum::<f32>() / count).max(QUIETEST_DB);
        }
        let sum: f32 = newest.iter().sum();

        self.lowest.fill(f32::INFINITY);
        for row in self.levels.chunks_exact(width) {
            for (lowest, &level) in self.lowest.iter_mut().zip(row) {
                *lowest = lowest.min(level);
            }
        }
        self.next = (self.next + width) % self.levels.len();
        let rise = sum - self.lowest.iter().sum::<f32>();
        self.risen = if rise >= RISE_DB * width as f32 {
            self.risen + 1
        } else {
            0
        };
    }
}

/// What a [`VoiceDetector`] remembers, in frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VoiceTiming {
    /// Of so many frames one is looked at.
    stride: usize,
    /// Frames whose levels are remembered, of those that are looked at.
    rows: usize,
    /// How many of these must lie above the minima in a row.
    least: usize,
}

impl VoiceTiming {
    pub(crate) fn new(frame_period: Duration) -> Self {
        let stride = CLOSEST.div_duration_f64(frame_period).ceil().max(1.0);
        let period = frame_period.mul_f64(stride);
        let frames = |time: Duration| time.div_duration_f64(period).ceil() as usize;
        Self {
            stride: stride as usize,
            rows: frames(MEMORY).max(FEWEST_ROWS),
            least: frames(SHORTEST_SPEECH),
        }
    }

    /// The first frame on which it depends whether somebody speaks at `frame` or
    /// later: the frames that make speech, with the minima that each is compared to.
    pub(crate) fn first_heard(self, frame: u64) -> u64 {
        let stride = self.stride as u64;
        let memory = (self.rows + self.least - 2) as u64;
        (frame / stride).saturating_sub(memory) * stride
    }
}

/// The bands of each group; none is empty.
fn groups(band_centres_hz: &[f32]) -> Box<[Range<usize>]> {
    let below = |hz: f32| band_centres_hz.partition_point(|&centre| centre < hz);
    let octaves = (SPEECH_HZ.end / SPEECH_HZ.start).log2();
    let edge =
        |group: usize| below(SPEECH_HZ.start * (octaves * group as f32 / GROUPS as f32).exp2());
    let groups: Box<[_]> = (0..GROUPS)
        .map(|group| edge(group)..edge(group + 1))
        .filter(|bands| !bands.is_empty())
        .collect();
    if groups.is_empty() {
        std::iter::once(0..band_centres_hz.len()).collect()
    } else {
        groups
    }
}
