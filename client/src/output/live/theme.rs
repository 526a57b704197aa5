//! Colours and weights of the live view, with and without colour.

use ratatui::style::{Color, Modifier, Style};

use crate::output::palette;

/// Bluish green, yellow and vermillion of the same palette: fine, look, act.
const FINE: u8 = 36;
const LOOK: u8 = 227;
const ACT: u8 = 166;

/// How things look. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    pub(super) colour: bool,
}

impl Theme {
    pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
    pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);

    /// Text about the label at `place`.
    pub(super) fn emotion(self, place: Option<usize>) -> Style {
        place.map_or(Style::new(), |place| {
            self.foreground(palette::emotion_colour(place))
        })
    }

    /// A cell filled with the label's colour.
    pub(super) fn filled(self, place: Option<usize>) -> Style {
        match place {
            Some(place) if self.colour => Style::new()
                .fg(Color::Indexed(palette::BLACK))
                .bg(Color::Indexed(palette::emotion_colour(place))),
            _ => Style::new(),
        }
    }

    pub(super) fn fine(self) -> Style {
        self.foreground(FINE)
    }

    pub(super) fn look(self) -> Style {
        self.foreground(LOOK).patch(Self::BOLD)
    }

    pub(super) fn act(self) -> Style {
        self.foreground(ACT).patch(Self::BOLD)
    }

    fn foreground(self, colour: u8) -> Style {
        if self.colour {
            Style::new().fg(Color::Indexed(colour))
        } else {
            Style::new()
        }
    }
}
