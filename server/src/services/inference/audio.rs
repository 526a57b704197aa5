//! Recordings in, emotions out.

use std::{collections::HashMap, sync::Arc};

use ser_features::SampleRate;
use ser_proto::{
    inference::{InferParameter, infer_parameter::ParameterChoice},
    v1::{AudioFormat, Encoding, PcmClip, RecognitionOptions, RecognizeRequest, recognize_request},
};

use super::{
    inputs::Inputs,
    outputs::{Output, Outputs},
    tensors,
};
use crate::{
    Error,
    admission::ClipPermit,
    context::Context,
    models::ServedModel,
    session::{self, Account},
};

/// The one parameter of a request.
const SAMPLE_RATE: &str = "sample_rate";

/// The rate of a request's audio, by default the model's, in Hz.
///
/// # Errors
///
/// [`Error::Invalid`] and [`Error::Setting`].
pub(super) fn sample_rate(
    model: &ServedModel,
    parameters: &HashMap<String, InferParameter>,
) -> Result<u32, Error> {
    let Some(parameter) = tensors::only(SAMPLE_RATE, "parameters", parameters)? else {
        return Ok(model.sample_rate());
    };
    let Some(ParameterChoice::Int64Param(hz)) = parameter.parameter_choice else {
        return Err(Error::invalid(
            "parameters.sample_rate",
            "of another type",
            "an int64",
        ));
    };
    // What doesn't fit is out of range as well.
    let hz = u32::try_from(hz.max(0)).unwrap_or(u32::MAX);
    let rate = SampleRate::new(hz).map_err(|source| Error::Setting {
        parent: "parameters".to_owned(),
        source,
    })?;
    Ok(rate.hz())
}

/// Works each row off as a clip. The outputs have as many rows.
///
/// # Errors
///
/// [`Error::Invalid`] of the tensor, and everything that can become of a clip.
pub(super) async fn infer(
    context: &Arc<Context>,
    permit: &ClipPermit,
    account: &Account,
    sample_rate: u32,
    model: &ServedModel,
    mut inputs: Inputs,
) -> Result<Outputs, Error> {
    let audio = inputs.require("audio")?;
    let shape = audio.shape(&[("samples", None)])?;
    let encoding = match audio.datatype.as_str() {
        "INT16" => Encoding::S16le,
        _ => Encoding::F32le,
    };
    let format = AudioFormat {
        encoding: encoding.into(),
        sample_rate,
        channels: 1,
    };
    let audio = audio.bytes(shape)?;
    let row_bytes = audio.len() / shape.rows;

    let classes = model.info().shape.classes;
    let mut posteriors = Vec::with_capacity(shape.rows * classes);
    let mut labels = Vec::with_capacity(shape.rows);
    for row in 0..shape.rows {
        let clip = RecognizeRequest {
            clip: Some(recognize_request::Clip::Pcm(PcmClip {
                format: Some(format),
                audio: audio.slice(row * row_bytes..(row + 1) * row_bytes),
            })),
            options: Some(RecognitionOptions {
                model: Some(model.id().to_owned()),
                ..RecognitionOptions::default()
            }),
        };
        let said = session::recognize_clip_for(context, permit, account, clip).await?;
        let summary = said.summaries.into_iter().next().unwrap_or_default();
        let mean = summary.mean_posterior.iter().map(|score| score.probability);
        // Nothing is known of a recording in which nobody speaks.
        posteriors.extend(mean.chain(std::iter::repeat(0.0)).take(classes));
        labels.push(summary.overall_label.unwrap_or_default());
    }
    let tensors = vec![
        ("posteriors", Output::Floats(posteriors)),
        ("label", Output::Texts(labels)),
    ];
    Ok(Outputs {
        rows: shape.rows,
        tensors,
    })
}
