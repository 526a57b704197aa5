//! A model as text.

use std::io::{self, Write};

use ser_client::proto::Model;

use super::{palette, printable, seconds};

/// Writes what the server says of `model`, for people.
pub(crate) fn write(out: &mut impl Write, model: &Model) -> io::Result<()> {
    let (bold, dim) = (palette::BOLD, palette::DIM);
    let default = if model.is_default { " (default)" } else { "" };
    let (name, version) = (printable(&model.name), printable(&model.version));
    writeln!(
        out,
        "{bold}{name}/{version}{bold:#}{default}  {}",
        printable(&model.description)
    )?;

    let mut field =
        |name: &str, value: &str| writeln!(out, "  {dim}{name:9}{dim:#} {}", printable(value));
    let labels = model.labels.iter().enumerate().map(|(index, label)| {
        let style = palette::emotion(index);
        format!("{style}{}{style:#}", printable(label))
    });
    let labels: Vec<_> = labels.collect();
    field("licence", &model.licence)?;
    field(
        "runs on",
        &format!(
            "{} on {}, results {}",
            model.backend,
            model.execution_provider,
            if model.batch_invariant {
                "bit-identical"
            } else {
                "within 1e-5"
            },
        ),
    )?;
    let window = match model.window {
        Some(window) => format!("window {:.3} s", seconds(Some(window))),
        None => "recurrent".to_owned(),
    };
    let hop = seconds(model.hop);
    field(
        "input",
        &format!("{} Hz, {window}, hop {hop:.3} s", model.sample_rate),
    )?;
    field("uncertain", &format!("below {:.2}", model.uncertain_below))?;
    field("graph", &format!("sha256 {}", model.graph_sha256))?;
    writeln!(out, "  {dim}labels   {dim:#} {}", labels.join(", "))
}
