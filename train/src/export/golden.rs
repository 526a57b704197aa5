//! The inputs and outputs that every backend and the server replay.

use std::sync::Arc;

use ser_backend::{Golden, GoldenAudio, GoldenRow};
use ser_features::{
    FrontEnd, FrontEndParams, FrontEndPlan, SampleRate, Segment, WindowParams, WindowRequest,
};

use super::synthesis::babble;
use crate::TrainError;
use crate::evaluate::TrainedRun;
use crate::random::{Purpose, generator, normal};

/// Rows of made-up features.
const ROWS: usize = 8;

/// Rate in Hz, seconds, seed: one sound shorter than a window, one longer.
const SOUNDS: [(u32, f64, u64); 2] = [(16_000, 1.3, 1), (8_000, 3.4, 2)];

/// The features of a row with the steps of it that hold audio.
pub(crate) type Features = (Vec<f32>, usize);

/// A made-up sound with the rows that the front end makes of it.
pub(crate) struct Sound {
    rate: u32,
    samples: Vec<i16>,
    pub(crate) windows: Vec<Features>,
}

pub(super) fn of(run: &TrainedRun) -> Result<Golden, TrainError> {
    let constants = &run.classifier.standardisation;
    let sounds = sounds(&run.recipe.front_end, &run.recipe.windows)?;
    let steps = constants.mean.len();
    let rows = made_up(&constants.mean, &constants.deviation, steps);
    answered(rows, sounds, |features| {
        Ok(run.classifier.posteriors(features))
    })
}

/// Features as far apart as the model is used to: their mean and deviation, times
/// normal numbers. All `steps` of a row count.
pub(crate) fn made_up(mean: &[f32], deviation: &[f32], steps: usize) -> Vec<Features> {
    let mut generator = generator(0, Purpose::Golden, 1);
    let mut row = || {
        let columns = mean.iter().zip(deviation);
        let features = columns.map(|(mean, deviation)| mean + deviation * normal(&mut generator));
        (features.collect(), steps)
    };
    (0..ROWS).map(|_| row()).collect()
}

/// The sounds of golden audio.
pub(crate) fn sounds(
    front_end: &FrontEndParams,
    windows: &WindowParams,
) -> Result<Vec<Sound>, TrainError> {
    SOUNDS
        .iter()
        .map(|&(rate, seconds, seed)| {
            let request = WindowRequest::default();
            let plan = FrontEndPlan::windowed(front_end, windows, request, SampleRate::new(rate)?)?;
            Ok(Sound::new(plan, rate, babble(rate, seconds, seed)))
        })
        .collect()
}

impl Sound {
    fn new(plan: Arc<FrontEndPlan>, rate: u32, samples: Vec<i16>) -> Self {
        let mut front_end = FrontEnd::new(plan);
        let mut windows = Vec::new();
        let mut keep =
            |segment: Segment<'_>| windows.push((segment.features.to_vec(), segment.valid_steps));
        let floats: Vec<f32> = samples
            .iter()
            .map(|&sample| f32::from(sample) / 32_768.0)
            .collect();
        front_end.push(&floats, &mut keep);
        front_end.finish(&mut keep);
        Self {
            rate,
            samples,
            windows,
        }
    }
}

/// Rows and sounds with the posteriors that `answer` gives for features.
pub(crate) fn answered(
    rows: Vec<Features>,
    sounds: Vec<Sound>,
    mut answer: impl FnMut(&[&[f32]]) -> Result<Vec<Vec<f32>>, TrainError>,
) -> Result<Golden, TrainError> {
    let mut golden = |inputs: Vec<Features>| -> Result<Vec<GoldenRow>, TrainError> {
        let features: Vec<&[f32]> = inputs
            .iter()
            .map(|(features, _)| features.as_slice())
            .collect();
        let posteriors = answer(&features)?;
        let row = |((features, valid_steps), posteriors)| GoldenRow {
            features,
            state: Vec::new(),
            valid_steps,
            posteriors,
            next_state: Vec::new(),
        };
        Ok(inputs.into_iter().zip(posteriors).map(row).collect())
    };
    let rows = golden(rows)?;
    let audio = sounds
        .into_iter()
        .map(|sound| {
            let rows = golden(sound.windows)?;
            Ok(GoldenAudio::new(sound.rate, &sound.samples, rows))
        })
        .collect::<Result<_, TrainError>>()?;
    Ok(Golden { rows, audio })
}
