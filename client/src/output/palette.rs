//! Colours that people with any colour vision tell apart, and bars that work
//! without colour.

use anstyle::{Ansi256Color, Style};

/// The palette of Okabe and Ito, "Color Universal Design" (2008), without
/// black, as the nearest of the 256 colours that every terminal knows:
/// vermillion, bluish green, yellow, sky blue, reddish purple, orange, blue.
const OKABE_ITO: [u8; 7] = [166, 36, 227, 74, 175, 214, 32];

/// The style of a model's label, by its place among the labels.
pub(crate) fn emotion(index: usize) -> Style {
    let colour = Ansi256Color(OKABE_ITO[index % OKABE_ITO.len()]);
    Style::new().fg_color(Some(colour.into()))
}

/// For what matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// For what matters most.
pub(crate) const BOLD: Style = Style::new().bold();

/// How a bar is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Solid, exact to an eighth of a cell.
    Solid,
    /// Hatched, for what is not certain, exact to a cell.
    Hatched,
}

/// A bar of `fraction` (0 to 1) of `cells` cells, padded to all of them.
pub(crate) fn bar(fraction: f64, cells: usize, fill: Fill) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    // A NaN becomes 0.
    let eighths = (fraction.clamp(0.0, 1.0) * cells as f64 * 8.0).round() as usize;
    let bar = match fill {
        Fill::Solid => "█".repeat(eighths / 8) + EIGHTHS[eighths % 8],
        Fill::Hatched => "░".repeat(eighths.div_ceil(8)),
    };
    format!("{bar:cells$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_exact_and_padded() {
        assert_eq!(bar(0.0, 4, Fill::Solid), "    ");
        assert_eq!(bar(0.5, 4, Fill::Solid), "██  ");
        assert_eq!(bar(0.53, 4, Fill::Solid), "██▏ ");
        assert_eq!(bar(1.0, 4, Fill::Solid), "████");
        assert_eq!(bar(0.3, 4, Fill::Hatched), "░░  ");
    }

    #[test]
    fn nonsense_from_a_server_stays_inside() {
        assert_eq!(bar(7.0, 3, Fill::Solid), "███");
        assert_eq!(bar(-1.0, 3, Fill::Solid), "   ");
        assert_eq!(bar(f64::NAN, 3, Fill::Solid), "   ");
    }

    #[test]
    fn the_seven_labels_of_the_seed_model_differ() {
        let styles: Vec<_> = (0..7).map(emotion).collect();
        for (i, style) in styles.iter().enumerate() {
            assert!(!styles[..i].contains(style));
        }
    }
}
