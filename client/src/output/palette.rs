//! Colours that people with any colour vision tell apart, and bars that work
//! without colour.

use anstyle::{Ansi256Color, Style};

/// The palette of Okabe and Ito, "Color Universal Design" (2008), without
/// black, as the nearest of the 256 colours that every terminal knows:
/// vermillion, bluish green, yellow, sky blue, reddish purple, orange, blue.
const OKABE_ITO: [u8; 7] = [166, 36, 227, 74, 175, 214, 32];

/// Black, as one of the 256 colours.
pub(crate) const BLACK: u8 = 16;

/// The colour of a model's label, by its place among the labels, as one of the 256 of
/// a terminal.
pub(crate) fn emotion_colour(index: usize) -> u8 {
    OKABE_ITO[index % OKABE_ITO.len()]
}

/// How often all colours were used before the label at this place.
pub(crate) fn rounds_before(index: usize) -> usize {
    index / OKABE_ITO.len()
}

/// The same colour where there is no terminal: red, green and blue.
pub(crate) fn emotion_rgb(index: usize) -> (u8, u8, u8) {
    // From 16 on, the colours of a terminal are a cube of six levels.
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let place = usize::from(emotion_colour(index) - 16);
    (LEVELS[place / 36], LEVELS[place / 6 % 6], LEVELS[place % 6])
}

/// The style of a model's label, by its place among the labels.
pub(crate) fn emotion(index: usize) -> Style {
    let colour = Ansi256Color(emotion_colour(index));
    Style::new().fg_color(Some(colour.into()))
}

/// The style of a cell that is filled with a label's colour. All of them are light
/// enough for black, and this black is no theme's grey.
pub(crate) fn filled(place: usize) -> Style {
    emotion(place)
        .bg_color(Some(Ansi256Color(emotion_colour(place)).into()))
        .fg_color(Some(Ansi256Color(BLACK).into()))
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

/// A column of `fraction` (0 to 1) of one cell, from the bottom.
pub(crate) fn column(fraction: f64) -> &'static str {
    const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    // A NaN becomes 0.
    EIGHTHS[(fraction.clamp(0.0, 1.0) * 8.0).round() as usize]
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
    fn pictures_have_the_colours_of_the_terminal() {
        // 214 is orange, 32 is blue.
        assert_eq!(emotion_rgb(5), (255, 175, 0));
        assert_eq!(emotion_rgb(6), (0, 135, 215));
        assert_eq!(emotion_rgb(7), emotion_rgb(0));
    }

    #[test]
    fn the_seven_labels_of_the_seed_model_differ() {
        let styles: Vec<_> = (0..7).map(emotion).collect();
        for (i, style) in styles.iter().enumerate() {
            assert!(!styles[..i].contains(style));
        }
    }
}
