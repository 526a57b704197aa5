//! The inputs and outputs that every backend and the server replay.

use ser_backend::{Golden, GoldenAudio, GoldenRow};
use ser_features::{FrontEnd, FrontEndPlan, SampleRate, Segment, WindowRequest};

use super::synthesis::babble;
use crate::TrainError;
use crate::evaluate::TrainedRun;
use crate::random::{Purpose, generator, normal};

/// Rows of made-up features.
const ROWS: usize = 8;

/// Rate in Hz, seconds, seed: one sound shorter than a window, one longer.
const SOUNDS: [(u32, f64, u64); 2] = [(16_000, 1.3, 1), (8_000, 3.4, 2)];

pub(super) fn of(run: &TrainedRun) -> Result<Golden, TrainError> {
    let steps = run.classifier.standardisation.mean.len();
    let rows = rows(
        run,
        spread(run)
            .into_iter()
            .map(|features| (features, steps))
            .collect(),
    );
    let audio = SOUNDS
        .iter()
        .map(|&(rate, seconds, seed)| audio(run, rate, seconds, seed))
        .collect::<Result<_, _>>()?;
    Ok(Golden { rows, audio })
}

/// Features as far apart as the model is used to: its own mean and deviation,
/// times normal numbers.
fn spread(run: &TrainedRun) -> Vec<Vec<f32>> {
    let constants = &run.classifier.standardisation;
    let mut generator = generator(0, Purpose::Golden, 1);
    let mut row = || {
        let columns = constants.mean.iter().zip(&constants.deviation);
        columns
            .map(|(mean, deviation)| mean + deviation * normal(&mut generator))
            .collect()
    };
    (0..ROWS).map(|_| row()).collect()
}

fn audio(run: &TrainedRun, rate: u32, seconds: f64, seed: u64) -> Result<GoldenAudio, TrainError> {
    let samples = babble(rate, seconds, seed);
    let recipe = &run.recipe;
    let plan = FrontEndPlan::windowed(
        &recipe.front_end,
        &recipe.windows,
        WindowRequest::default(),
        SampleRate::new(rate)?,
    )?;
    let mut front_end = FrontEnd::new(plan);
    let mut features = Vec::new();
    let mut keep =
        |segment: Segment<'_>| features.push((segment.features.to_vec(), segment.valid_steps));
    let floats: Vec<f32> = samples
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect();
    front_end.push(&floats, &mut keep);
    front_end.finish(&mut keep);
    Ok(GoldenAudio::new(rate, &samples, rows(run, features)))
}

/// Features with their valid steps become rows with the classifier's outputs.
fn rows(run: &TrainedRun, inputs: Vec<(Vec<f32>, usize)>) -> Vec<GoldenRow> {
    let features: Vec<&[f32]> = inputs
        .iter()
        .map(|(features, _)| features.as_slice())
        .collect();
    let posteriors = run.classifier.posteriors(&features);
    let row = |((features, valid_steps), posteriors)| GoldenRow {
        features,
        state: Vec::new(),
        valid_steps,
        posteriors,
        next_state: Vec::new(),
    };
    inputs.into_iter().zip(posteriors).map(row).collect()
}
