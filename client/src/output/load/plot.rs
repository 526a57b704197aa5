//! Lag against streams, as a picture.

use std::{
    error::Error,
    fs::{self, File},
    io,
    path::Path,
};

use plotters::prelude::*;

use crate::{cli::BenchArgs, commands::bench::Step};

const SIZE: (u32, u32) = (800, 500);

/// Percentiles and their colours, of the palette of Okabe and Ito.
const CURVES: [(&str, f64, RGBColor); 4] = [
    ("p50", 50.0, RGBColor(0, 158, 115)),
    ("p90", 90.0, RGBColor(86, 180, 233)),
    ("p99", 99.0, RGBColor(0, 114, 178)),
    ("p99.9", 99.9, RGBColor(213, 94, 0)),
];

/// Draws every step with results into the file at `path`, but for those in which not all
/// streams opened: their lag is that of fewer.
pub(crate) fn write(path: &Path, args: &BenchArgs, steps: &[Step]) -> io::Result<()> {
    let mut picture = String::new();
    draw(&mut picture, args, steps).map_err(|error| io::Error::other(error.to_string()))?;
    fs::write(path, picture)
}

/// Fails where [`write`] couldn't create or replace a file. Whatever is there stays as it is.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    match File::create_new(path) {
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            File::options().append(true).open(path).map(drop)
        }
        Err(error) => Err(error),
    }
}

fn draw(picture: &mut String, args: &BenchArgs, steps: &[Step]) -> Result<(), Box<dyn Error>> {
    let limit = args.max_lag.as_secs_f64() * 1e3;
    let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = |percent| {
        let measured = steps
            .iter()
            .filter(|step| step.tally.lag.len() > 0 && step.tally.opened == step.streams);
        measured.map(move |step| {
            let lag = step.tally.lag.percentile(percent).as_secs_f64() * 1e3;
            // The scale is logarithmic, and nothing is faster than the clock.
            (step.streams as f64, lag.max(0.01))
        })
    };
    let all = || CURVES.iter().flat_map(|(_, percent, _)| points(*percent));
    let most = all().map(|(streams, _)| streams).fold(1.0, f64::max);
    let streams = 0.0..1.05 * most;
    let lag = bounds(all().map(|(_, lag)| lag).chain([limit]));
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "Lag of results against concurrent streams",
            ("sans-serif", 20),
        )
        .margin(15)
        .x_label_area_size(45)
        .y_label_area_size(60)
        .build_cartesian_2d(streams.clone(), lag.log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("streams")
        .y_desc("lag, ms")
        .x_label_formatter(&|streams| format!("{streams:.0}"))
        .y_label_formatter(&|lag| format!("{lag}"))
        .draw()?;
    for (name, percent, colour) in CURVES {
        chart
            .draw_series(LineSeries::new(points(percent), colour.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    let line = [(streams.start, limit), (streams.end, limit)];
    chart
        .draw_series(DashedLineSeries::new(line, 6, 4, BLACK.into()))?
        .label("--max-lag")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], BLACK));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    drop(chart);
    Ok(())
}

/// A range around all `values`, also around one.
fn bounds(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        1.0..10.0
    } else {
        low / 1.5..high * 1.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_check_a_path_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lag.svg");
        check(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "drawn before").unwrap();
        check(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "drawn before");
        let error = check(&path.join("lag.svg")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
