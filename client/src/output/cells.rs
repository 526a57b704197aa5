//! Text by the cells of a terminal that it covers: two for a character of some
//! scripts, none for an accent.

use ratatui::{style::Style, text::Span};

/// Cells that `text` covers.
pub(super) fn cells(text: &str) -> usize {
    Span::raw(text).width()
}

/// As much of the beginning of `text` as `room` cells can show.
pub(super) fn cut(text: &str, room: usize) -> String {
    let mut left = room;
    let span = Span::raw(text);
    let fitting = span.styled_graphemes(Style::new()).map_while(|grapheme| {
        left = left.checked_sub(cells(grapheme.symbol))?;
        Some(grapheme.symbol)
    });
    fitting.collect()
}

/// `text` cut and padded to a column of `width` cells.
pub(super) fn fit(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let blank = width.saturating_sub(cells(&text));
    text + &" ".repeat(blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_cells() {
        for (text, column) in [
            ("sad", "sad  "),
            ("surprise", "surpr"),
            ("喜び", "喜び "),
            // Half a character is none.
            ("喜び怒り", "喜び "),
            // An e with an accent of its own, and a picture of three characters.
            ("e\u{301}mu", "e\u{301}mu  "),
            ("👩\u{200d}🔬 sad", "👩\u{200d}🔬 sa"),
        ] {
            assert_eq!(fit(text, 5), column);
            assert_eq!(cells(column), 5, "{column:?}");
        }
        assert_eq!(cut("怒り", 80), "怒り");
    }
}
