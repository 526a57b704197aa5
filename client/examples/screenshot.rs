//! Runs a program in a terminal of its own and prints what it shows as SVG.
//!
//! `cargo xtask screenshot` makes the picture of the README with it.

#![allow(clippy::unwrap_used, reason = "a chore for developers")]

use std::{env, fmt::Write as _, io::Read, num::NonZeroU16, ops::Range};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use vt100::{Cell, Color, Parser, Screen};

const USAGE: &str = "usage: screenshot COLUMNS ROWS TEXT PROGRAM [ARGUMENT]...
Runs PROGRAM until its screen shows TEXT.";

/// A cell, in units of the picture.
const WIDTH: usize = 8;
const HEIGHT: usize = 16;
/// Around the screen.
const MARGIN: usize = 12;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [columns, rows, text, program @ ..] = &arguments[..] else {
        panic!("{USAGE}");
    };
    let columns: NonZeroU16 = columns.parse().expect(USAGE);
    let rows: NonZeroU16 = rows.parse().expect(USAGE);
    assert!(!program.is_empty(), "{USAGE}");
    print!("{}", picture(&shown(rows, columns, text, program)));
}

/// The screen of `program` as soon as it shows `text`.
fn shown(rows: NonZeroU16, columns: NonZeroU16, text: &str, program: &[String]) -> Screen {
    let size = PtySize {
        rows: rows.get(),
        cols: columns.get(),
        ..PtySize::default()
    };
    let terminal = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(&program[0]);
    command.args(&program[1..]);
    command.cwd(env::current_dir().unwrap());
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    let mut child = terminal.slave.spawn_command(command).unwrap();
    drop(terminal.slave);
    let mut reader = terminal.master.try_clone_reader().unwrap();
    let mut screen = Parser::new(rows, columns, 0);
    let mut buffer = [0; 64 * 1024];
    // An error is the end of the program, too.
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        screen.process(&buffer[..length]);
        if screen.screen().contents().contains(text) {
            child.kill().unwrap();
            return screen.screen().clone();
        }
    }
    panic!("ended without {text:?}: {}", screen.screen().contents());
}

/// Cells of a row that look alike, from `start` on.
struct Run {
    start: usize,
    text: String,
    style: Style,
}

#[derive(Clone, PartialEq)]
struct Style {
    foreground: String,
    background: Option<String>,
    bold: bool,
    dim: bool,
}

fn picture(screen: &Screen) -> String {
    let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
    let width = usize::from(columns) * WIDTH + 2 * MARGIN;
    let height = usize::from(rows) * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"13\" xml:space=\"preserve\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        let y = MARGIN + usize::from(row) * HEIGHT;
        for run in runs(screen, row) {
            draw(&run, y, &mut svg);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn runs(screen: &Screen, row: u16) -> Vec<Run> {
    let mut runs = Vec::<Run>::new();
    for column in 0..screen.size().1.get() {
        let cell = screen.cell(row, column).unwrap();
        let style = style(cell);
        let text = if cell.has_contents() {
            cell.contents()
        } else {
            " "
        };
        match runs.last_mut() {
            Some(run) if run.style == style && is_block(text) == is_block(&run.text) => {
                run.text.push_str(text);
            }
            _ => runs.push(Run {
                start: usize::from(column),
                text: text.to_owned(),
                style,
            }),
        }
    }
    runs
}

/// Whether `text` begins with a block element, which is drawn: fonts leave gaps.
fn is_block(text: &str) -> bool {
    text.starts_with(|c| ('\u{2580}'..='\u{259f}').contains(&c))
}

fn draw(run: &Run, y: usize, svg: &mut String) {
    let x = MARGIN + run.start * WIDTH;
    let Style {
        foreground,
        background,
        bold,
        dim,
    } = &run.style;
    if let Some(background) = background {
        let width = run.text.chars().count() * WIDTH;
        writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{background}\"/>"
        )
        .unwrap();
    }
    let opacity = if *dim { " opacity=\".6\"" } else { "" };
    if is_block(&run.text) {
        let blocks = run.text.chars().enumerate();
        let path: String = blocks
            .flat_map(|(at, block)| {
                let parts = parts(block).into_iter();
                parts.map(move |(across, down)| rectangle(x + at * WIDTH, y, &across, &down))
            })
            .collect();
        let shade = if run.text.starts_with('░') {
            " opacity=\".4\""
        } else {
            opacity
        };
        writeln!(svg, "<path fill=\"{foreground}\"{shade} d=\"{path}\"/>").unwrap();
        return;
    }
    let trimmed = run.text.trim_end();
    let text = trimmed.trim_start();
    if text.is_empty() {
        return;
    }
    let cells = text.chars().count();
    let x = x + (trimmed.chars().count() - cells) * WIDTH;
    let width = cells * WIDTH;
    let weight = if *bold { " font-weight=\"bold\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" fill=\"{foreground}\"{weight}{opacity}>{text}</text>",
        y + 12
    )
    .unwrap();
}

/// The filled parts of a block element, across and down, in eighths of a cell.
fn parts(block: char) -> Vec<(Range<usize>, Range<usize>)> {
    let quadrants = |which: &[usize]| {
        let quadrant = |at: &usize| (at % 2 * 4..at % 2 * 4 + 4, at / 2 * 4..at / 2 * 4 + 4);
        which.iter().map(quadrant).collect()
    };
    match block {
        '▀' => vec![(0..8, 0..4)],
        '▁'..='█' => vec![(0..8, 8 - (block as usize - 0x2580)..8)],
        '▉'..='▏' => vec![(0..0x2590 - block as usize, 0..8)],
        '▐' => vec![(4..8, 0..8)],
        '░' => vec![(0..8, 0..8)],
        '▖' => quadrants(&[2]),
        '▗' => quadrants(&[3]),
        '▘' => quadrants(&[0]),
        '▙' => quadrants(&[0, 2, 3]),
        '▚' => quadrants(&[0, 3]),
        '▛' => quadrants(&[0, 1, 2]),
        '▜' => quadrants(&[0, 1, 3]),
        '▝' => quadrants(&[1]),
        '▞' => quadrants(&[1, 2]),
        '▟' => quadrants(&[1, 2, 3]),
        other => panic!("{other:?} is not drawn yet"),
    }
}

fn rectangle(x: usize, y: usize, across: &Range<usize>, down: &Range<usize>) -> String {
    let width = across.len() * WIDTH / 8;
    format!(
        "M{} {}h{width}v{}h-{width}z",
        x + across.start * WIDTH / 8,
        y + down.start * HEIGHT / 8,
        down.len() * HEIGHT / 8
    )
}

fn style(cell: &Cell) -> Style {
    Style {
        foreground: hex(cell.fgcolor()).unwrap_or_else(|| FOREGROUND.to_owned()),
        background: hex(cell.bgcolor()),
        bold: cell.bold(),
        dim: cell.dim(),
    }
}

/// The colour of xterm's cube with that number.
fn hex(colour: Color) -> Option<String> {
    let (red, green, blue) = match colour {
        Color::Default => return None,
        Color::Rgb(red, green, blue) => (red, green, blue),
        Color::Idx(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        Color::Idx(other) => panic!("colour {other} depends on the terminal"),
    };
    Some(format!("#{red:02x}{green:02x}{blue:02x}"))
}
