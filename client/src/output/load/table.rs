//! A table for people, in Markdown, so that it can go into a report.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use super::{speech_percent, statuses, sustained};
use crate::{
    cli::BenchArgs,
    commands::bench::{Step, Times, Usage},
    output::printable,
};

/// Writes one line for each step, and what is to be known to read them.
pub(crate) fn write(out: &mut impl Write, args: &BenchArgs, steps: &[Step]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "streams",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "covered p50",
        "covered p99",
        "client p99",
        "results",
        "speech",
        "client CPU",
        "server CPU",
        "memory",
    ]);
    for step in steps {
        table.add_row(row(step));
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}\n")?;
    writeln!(
        out,
        "Lag of results in ms: from the instant at which the chunk was due that makes a result\n\
         computable, and from the chunk that the result covers. \"client\": how late this client\n\
         was itself. {} of audio a chunk, {} a connection; measured for {} each.",
        humantime::format_duration(args.chunk),
        count(args.streams_per_connection.get(), "stream"),
        humantime::format_duration(args.duration),
    )?;
    for step in steps {
        write_notes(out, args, step)?;
    }
    let limit = humantime::format_duration(args.max_lag);
    match sustained(steps, args.max_lag) {
        Some(streams) => writeln!(
            out,
            "{} ran with p99 within {limit}.",
            count(streams, "stream")
        ),
        None => writeln!(out, "No number of streams ran with p99 within {limit}."),
    }
}

fn row(step: &Step) -> Vec<String> {
    let tally = &step.tally;
    let mut row = vec![step.streams.to_string()];
    row.extend([50.0, 90.0, 99.0, 99.9, 100.0].map(|percent| percentile(&tally.lag, percent)));
    row.extend([50.0, 99.0].map(|percent| percentile(&tally.covered, percent)));
    row.push(percentile(&tally.lateness, 99.0));
    row.push(tally.results().to_string());
    row.push(speech_percent(tally).map_or_else(dash, |speech| format!("{speech:.0} %")));
    row.push(step.client.map_or_else(dash, processor));
    row.push(step.server.map_or_else(dash, processor));
    row.push(step.server.map_or_else(dash, |usage| {
        format!("{:.0} MiB", usage.memory as f64 / f64::from(1 << 20))
    }));
    row
}

/// What makes a line something else than it seems.
fn write_notes(out: &mut impl Write, args: &BenchArgs, step: &Step) -> io::Result<()> {
    let streams = count(step.streams, "stream");
    let tally = &step.tally;
    if step.interrupted {
        let measured = step.measured.as_secs_f64();
        writeln!(out, "{streams}: interrupted after {measured:.1}s.")?;
    }
    if tally.failures() > 0 {
        writeln!(
            out,
            "{streams}: {} ran to the end; failed: {}.",
            tally.achieved,
            statuses(tally)
        )?;
    }
    if tally.refused.len() > 0 {
        writeln!(
            out,
            "{streams}: {} refused for want of room, after {} ms (p99; max {}); {} told when to \
             come back.",
            tally.refused.len(),
            percentile(&tally.refused, 99.0),
            percentile(&tally.refused, 100.0),
            tally.asked_back,
        )?;
    }
    if args.resume {
        let resumed = count(tally.resumed, "resumption");
        writeln!(out, "{streams}: {resumed}, with no result left out.")?;
    }
    if let Some(error) = &tally.first_error {
        writeln!(out, "{streams}: {}.", printable(&error.to_string()))?;
    }
    if tally.missing > 0 {
        writeln!(
            out,
            "{streams}: {} more results were due on streams that failed, and count with what they \
             lagged until the end.",
            tally.missing,
        )?;
    }
    if step.client_was_late(args.max_lag) {
        let more_threads = if tally.connections > args.threads() {
            "add --threads"
        } else {
            "add --threads, with fewer --streams-per-connection"
        };
        writeln!(
            out,
            "{streams}: the client itself was late by {} ms (p99), so lag says more of it than of \
             the server; {more_threads}, or run it on another machine.",
            percentile(&tally.lateness, 99.0),
        )?;
    }
    Ok(())
}

/// In milliseconds.
fn percentile(times: &Times, percent: f64) -> String {
    if times.len() == 0 {
        return dash();
    }
    format!("{:.1}", times.percentile(percent).as_secs_f64() * 1e3)
}

fn processor(usage: Usage) -> String {
    format!("{:.0} %", usage.cores * 100.0)
}

fn dash() -> String {
    "–".to_owned()
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
