//! A picture of a recording: its waveform, what was said of it, and how sure.

use std::{io, ops::Range};

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};
use ser_client::{
    Classification,
    proto::{EmotionResult, StreamSummary, Verdict},
};

use super::{cells::cells, printable, seconds};

mod legend;
mod paint;
mod waveform;

pub(crate) use self::waveform::Waveform;

use self::{legend::Legend, paint::Paint};

const WIDTH: u32 = 960;
const TITLE: u32 = 28;
const WAVEFORM: u32 = 110;
const VERDICTS: u32 = 30;
const POSTERIORS: u32 = 190;
/// Room for the numbers left of a panel.
const LEFT: u32 = 52;
const RIGHT: u32 = 16;
/// The width of a panel.
const PANEL: u32 = WIDTH - LEFT - RIGHT;
/// Room for the times below the last panel of a channel.
const AXIS: u32 = 36;

/// More results than this are drawn as the mean of several.
const MOST_STEPS: usize = 600;

const SOUND: RGBColor = RGBColor(95, 95, 95);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawing = Result<(), DrawingAreaErrorKind<io::Error>>;

/// The picture as SVG. Colours are those of the terminal.
pub(crate) fn svg(name: &str, said: &Classification, waveforms: &[Waveform]) -> io::Result<String> {
    let mut picture = String::new();
    draw(&mut picture, name, said, waveforms).map_err(io::Error::other)?;
    Ok(picture)
}

fn channel_height() -> u32 {
    WAVEFORM + VERDICTS + POSTERIORS + AXIS
}

fn draw(
    picture: &mut String,
    name: &str,
    said: &Classification,
    waveforms: &[Waveform],
) -> Drawing {
    let model = said.started.model.as_ref();
    let labels = model.map_or(&[][..], |model| &model.labels);
    let legend = Legend::of(labels);
    let channels = u32::try_from(said.summaries.len()).unwrap_or(u32::MAX);
    let height = TITLE + legend.height() + channels.saturating_mul(channel_height());

    let area = SVGBackend::with_string(picture, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let (title, rest) = area.split_vertically(TITLE);
    let (names, mut rest) = rest.split_vertically(legend.height());
    title.draw(&Text::new(printable(name), (LEFT as i32, 8), text(15)))?;
    legend.draw(&names)?;
    for (index, summary) in said.summaries.iter().enumerate() {
        let (channel, below) = rest.split_vertically(channel_height());
        draw_channel(&channel, said, summary, waveforms.get(index), labels)?;
        rest = below;
    }
    area.present()
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

fn draw_channel(
    area: &Area<'_>,
    said: &Classification,
    summary: &StreamSummary,
    waveform: Option<&Waveform>,
    labels: &[String],
) -> Drawing {
    let length = seconds(summary.received).max(1e-3);
    let results = said.results.iter();
    let mine: Vec<_> = results.filter(|r| r.channel == summary.channel).collect();
    let (sound, rest) = area.split_vertically(WAVEFORM);
    let (verdicts, posteriors) = rest.split_vertically(VERDICTS);
    if let Some(waveform) = waveform {
        draw_waveform(&sound, waveform, length, summary)?;
    }
    draw_verdicts(&verdicts, &mine, length, labels)?;
    draw_posteriors(&posteriors, &mine, length, labels)
}

/// A panel over `length` seconds, aligned with all others.
fn panel<'a, 'b>(
    area: &'a Area<'b>,
    length: f64,
    height: Range<f64>,
    axis: u32,
) -> Result<Chart<'a, 'b>, DrawingAreaErrorKind<io::Error>> {
    ChartBuilder::on(area)
        .margin_right(RIGHT)
        .margin_top(4)
        .x_label_area_size(axis)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(0.0..length, height)
}

fn draw_waveform(
    area: &Area<'_>,
    waveform: &Waveform,
    length: f64,
    summary: &StreamSummary,
) -> Drawing {
    let peak = f64::from(waveform.peak()).max(1e-3);
    let mut chart = panel(area, length, -peak..peak, 0)?;
    let name = summary.channel.map(|channel| format!("channel {channel}"));
    chart
        .configure_mesh()
        .disable_mesh()
        .y_labels(3)
        .y_desc(name.as_deref().unwrap_or("waveform"))
        .draw()?;
    let outline: Vec<_> = waveform.outline(length).collect();
    chart.draw_series([Polygon::new(outline, SOUND.filled())])?;
    Ok(())
}

/// A strip with one piece for each stretch of the same verdict.
fn draw_verdicts(
    area: &Area<'_>,
    results: &[&EmotionResult],
    length: f64,
    labels: &[String],
) -> Drawing {
    let mut chart = panel(area, length, 0.0..1.0, 0)?;
    let same =
        |a: &&EmotionResult, b: &&EmotionResult| (a.verdict, &a.label) == (b.verdict, &b.label);
    for stretch in results.chunk_by(same) {
        let (first, last) = (stretch[0], stretch[stretch.len() - 1]);
        let (from, to) = (seconds(first.new_start), seconds(last.end));
        let index = labels
            .iter()
            .position(|known| Some(known) == first.label.as_ref());
        let paint = index.map_or(Paint::SILENT, Paint::emotion);
        let paint = match first.verdict() {
            Verdict::Uncertain => paint.pale(),
            _ => paint,
        };
        paint.fill(&mut chart, [(from, 0.0), (to, 1.0)], length)?;
        let name = first.label.as_deref().unwrap_or("no speech");
        let mark = if first.verdict() == Verdict::Uncertain {
            "?"
        } else {
            ""
        };
        let name = format!("{}{mark}", printable(name));
        let room = (to - from) / length * f64::from(PANEL);
        if room > 7.5 * cells(&name) as f64 {
            let place = (from + 4.0 * length / f64::from(WIDTH), 0.72);
            chart.draw_series([Text::new(name, place, text(12))])?;
        }
    }
    Ok(())
}

/// Posteriors upon one another, a step for each result.
fn draw_posteriors(
    area: &Area<'_>,
    results: &[&EmotionResult],
    length: f64,
    labels: &[String],
) -> Drawing {
    let mut chart = panel(area, length, 0.0..1.0, AXIS)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .y_labels(5)
        .x_desc("seconds")
        .y_desc("probability")
        .draw()?;
    let together = results.len().div_ceil(MOST_STEPS).max(1);
    for step in results.chunks(together) {
        let (from, to) = (
            seconds(step[0].new_start),
            seconds(step[step.len() - 1].end),
        );
        let mut below = 0.0;
        for (index, label) in labels.iter().enumerate() {
            let share = mean(step, label);
            if share > 0.0 {
                let corners = [(from, below), (to, below + share)];
                Paint::emotion(index).fill(&mut chart, corners, length)?;
                below += share;
            }
        }
    }
    Ok(())
}

/// The mean posterior of `label`, 0 where nobody speaks.
fn mean(results: &[&EmotionResult], label: &str) -> f64 {
    let scores = results.iter().flat_map(|result| &result.scores);
    let mine = scores.filter(|score| score.label == label);
    mine.map(|score| f64::from(score.probability)).sum::<f64>() / results.len() as f64
}

#[cfg(test)]
mod tests;
