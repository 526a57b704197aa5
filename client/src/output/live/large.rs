//! Text so large that it is read from across the room.

use font8x8::{BASIC_FONTS, UnicodeFonts};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// Rows of large text.
pub(super) const ROWS: u16 = 4;

/// Draws `text` as large as `area` has room for, at least as bold text.
pub(super) fn draw(text: &str, style: Style, area: Rect, buffer: &mut Buffer) {
    let letters: Option<Vec<[u8; 8]>> = text.chars().map(|c| BASIC_FONTS.get(c)).collect();
    let letters = letters.unwrap_or_default();
    let wide = letters.len() * 8 <= usize::from(area.width);
    let narrow = letters.len() * 4 <= usize::from(area.width);
    if letters.is_empty() || area.height < ROWS || !narrow {
        let row = area.y + area.height.min(ROWS).saturating_sub(1) / 2;
        buffer.set_stringn(
            area.x,
            row,
            text,
            area.width.into(),
            super::Theme::BOLD.patch(style),
        );
        return;
    }
    for row in 0..ROWS {
        let rows = letters.iter().map(|letter| {
            let at = usize::from(row) * 2;
            (letter[at], letter[at + 1])
        });
        let line: String = if wide {
            rows.map(halves).collect()
        } else {
            rows.map(quadrants).collect()
        };
        buffer.set_stringn(area.x, area.y + row, line, area.width.into(), style);
    }
}

/// Two rows of a letter, the leftmost pixel in the lowest bit, as eight cells.
fn halves((upper, lower): (u8, u8)) -> String {
    const CELLS: [char; 4] = [' ', '▀', '▄', '█'];
    (0..8)
        .map(|x| CELLS[usize::from((upper >> x & 1) | (lower >> x & 1) << 1)])
        .collect()
}

/// The same as four cells.
fn quadrants((upper, lower): (u8, u8)) -> String {
    const CELLS: [char; 16] = [
        ' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█',
    ];
    (0..8)
        .step_by(2)
        .map(|x| CELLS[usize::from((upper >> x & 3) | (lower >> x & 3) << 2)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(text, Style::new(), area, &mut buffer);
        let cells: Vec<_> = buffer
            .content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect();
        cells
            .chunks(width.into())
            .map(|row| row.concat().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn letters_are_drawn_as_large_as_fits() {
        // An L is a column with a foot.
        assert_eq!(drawn("L", 8, 4), ["▀██▀", " ██", " ██  ▄█", "▀▀▀▀▀▀▀"]);
        assert_eq!(drawn("L", 4, 4), ["▜▛", "▐▌", "▐▌▗▌", "▀▀▀▘"]);
        assert_eq!(drawn("sad", 9, 4), ["", "sad", "", ""]);
        assert_eq!(drawn("sad", 2, 1), ["sa"]);
        assert_eq!(drawn("怒り", 80, 4)[1], "怒 り");
    }
}
