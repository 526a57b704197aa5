//! Pictures of figures, as SVG.

use std::path::Path;

use plotters::prelude::*;

use super::ConfusionMatrix;
use crate::TrainError;
use crate::fit::EpochRecord;

type Drawing<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn named(path: &Path, drawing: Drawing) -> Result<(), TrainError> {
    drawing.map_err(|error| TrainError::Plot {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Draws a confusion matrix: rows are true labels, columns predicted ones, the
/// shade is the share of the row.
///
/// # Errors
///
/// When the file can't be written.
pub fn draw_confusion(matrix: &ConfusionMatrix, path: &Path) -> Result<(), TrainError> {
    named(path, confusion(matrix, path))
}

fn confusion(matrix: &ConfusionMatrix, path: &Path) -> Drawing {
    const CELL: i32 = 64;
    const LEFT: i32 = 150;
    const TOP: i32 = 130;
    let labels = matrix.labels.len() as i32;
    let size = (
        (LEFT + labels * CELL + 20) as u32,
        (TOP + labels * CELL + 20) as u32,
    );
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    let text = ("sans-serif", 14).into_font().color(&BLACK);
    let right = text.pos(plotters::style::text_anchor::Pos::new(
        plotters::style::text_anchor::HPos::Right,
        plotters::style::text_anchor::VPos::Center,
    ));
    let upward = ("sans-serif", 14)
        .into_font()
        .transform(FontTransform::Rotate270)
        .color(&BLACK);
    for (index, label) in matrix.labels.iter().enumerate() {
        let middle = index as i32 * CELL + CELL / 2;
        area.draw(&Text::new(
            label.as_str(),
            (LEFT - 8, TOP + middle),
            right.clone(),
        ))?;
        area.draw(&Text::new(
            label.as_str(),
            (LEFT + middle - 7, TOP - 8),
            upward.clone(),
        ))?;
    }
    for (row, counts) in matrix.counts.iter().enumerate() {
        let clips = counts.iter().sum::<usize>().max(1);
        for (column, &count) in counts.iter().enumerate() {
            let share = count as f64 / clips as f64;
            let fade = |full: f64| (255.0 - share * (255.0 - full)) as u8;
            let shade = RGBColor(fade(20.0), fade(80.0), fade(150.0));
            let corner = (LEFT + column as i32 * CELL, TOP + row as i32 * CELL);
            let opposite = (corner.0 + CELL - 2, corner.1 + CELL - 2);
            area.draw(&Rectangle::new([corner, opposite], shade.filled()))?;
            let ink = if share > 0.5 { &WHITE } else { &BLACK };
            let centred = ("sans-serif", 14).into_font().color(ink).pos(
                plotters::style::text_anchor::Pos::new(
                    plotters::style::text_anchor::HPos::Center,
                    plotters::style::text_anchor::VPos::Center,
                ),
            );
            let middle = (corner.0 + CELL / 2, corner.1 + CELL / 2);
            area.draw(&Text::new(count.to_string(), middle, centred))?;
        }
    }
    area.present()?;
    Ok(())
}

/// Draws the learning curves of named histories: losses above, accuracies below,
/// the training part pale, the validation part strong.
///
/// # Errors
///
/// When the file can't be written.
pub fn draw_curves(histories: &[(String, &[EpochRecord])], path: &Path) -> Result<(), TrainError> {
    named(path, curves(histories, path))
}

fn curves(histories: &[(String, &[EpochRecord])], path: &Path) -> Drawing {
    let area = SVGBackend::new(path, (800, 760)).into_drawing_area();
    area.fill(&WHITE)?;
    let (losses, accuracies) = area.split_vertically(380);
    let records = || histories.iter().flat_map(|(_, history)| *history);
    let highest = records()
        .map(|r| r.train_loss.max(r.validation_loss))
        .fold(0.0_f32, f32::max)
        .max(1e-3);
    let lowest = records()
        .map(|r| r.train_accuracy.min(r.validation_accuracy))
        .fold(1.0_f32, f32::min)
        .min(0.99);
    panel(&losses, histories, ("cross-entropy", 0.0..highest), |r| {
        (r.train_loss, r.validation_loss)
    })?;
    panel(&accuracies, histories, ("accuracy", lowest..1.0), |r| {
        (r.train_accuracy, r.validation_accuracy)
    })?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    histories: &[(String, &[EpochRecord])],
    (title, range): (&str, std::ops::Range<f32>),
    figures: impl Fn(&EpochRecord) -> (f32, f32),
) -> Drawing {
    let epochs = histories
        .iter()
        .map(|(_, history)| history.len())
        .max()
        .unwrap_or(0)
        .max(2);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 16))
        .x_label_area_size(32)
        .y_label_area_size(48)
        .build_cartesian_2d(1..epochs, range)?;
    chart
        .configure_mesh()
        .max_light_lines(1)
        .x_desc("epoch")
        .draw()?;
    for (index, (name, history)) in histories.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let line = |figure: &dyn Fn(&EpochRecord) -> f32| {
            history
                .iter()
                .map(|record| (record.epoch, figure(record)))
                .collect::<Vec<_>>()
        };
        chart.draw_series(LineSeries::new(line(&|r| figures(r).0), colour.mix(0.35)))?;
        chart
            .draw_series(LineSeries::new(
                line(&|r| figures(r).1),
                colour.stroke_width(2),
            ))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_matrix_shows_labels_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("confusion.svg");
        let labels = vec!["angry".to_owned(), "sad".to_owned()];
        let pairs = [
            (0, 0),
            (0, 0),
            (0, 0),
            (1, 0),
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 1),
        ];
        draw_confusion(&ConfusionMatrix::new(labels, pairs), &path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["angry", "sad", "3", "1", "4", "0"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
    }

    #[test]
    fn curves_name_every_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.svg");
        let record = |epoch: usize| EpochRecord {
            epoch,
            train_loss: 2.0 / epoch as f32,
            train_accuracy: 0.5,
            validation_loss: 1.0,
            validation_accuracy: 0.6,
        };
        let history: Vec<_> = (1..=5).map(record).collect();
        let curves = [
            ("seed 0".to_owned(), &history[..]),
            ("seed 1".to_owned(), &history[..1]),
        ];
        draw_curves(&curves, &path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["seed 0", "seed 1", "epoch", "accuracy", "cross-entropy"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }

    #[test]
    fn a_picture_that_cannot_be_written_is_named() {
        let path = Path::new("/nonexistent/confusion.svg");
        let matrix = ConfusionMatrix::new(vec!["angry".to_owned()], [(0, 0)]);
        let reason = draw_confusion(&matrix, path).unwrap_err().to_string();
        assert!(reason.contains("/nonexistent/confusion.svg"), "{reason}");
    }
}
