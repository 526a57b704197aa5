//! A version in the repository as text.

use std::io::{self, Write};

use ser_client::admin_proto::RepositoryModel;

use super::{palette, printable, short_name};

/// Writes what the server says of `model`, for people.
pub(crate) fn write(out: &mut impl Write, model: &RepositoryModel) -> io::Result<()> {
    let (bold, dim) = (palette::BOLD, palette::DIM);
    let name = format!("{}/{}", printable(&model.name), printable(&model.version));
    let state = short_name(model.state().as_str_name(), "STATE_").replace('_', " ");
    let default = if model.is_default { " (default)" } else { "" };
    let streams = match model.open_streams {
        1 => "1 open stream".to_owned(),
        count => format!("{count} open streams"),
    };
    writeln!(
        out,
        "{bold}{name}{bold:#}{default}  {state}, {streams}  {dim}{}{dim:#}",
        printable(&model.origin)
    )?;
    if model.refusal.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {dim}refused{dim:#}  {}", printable(&model.refusal))
}
