//! Where the audio comes from.

use ser_client::audio::{AudioSource, Oddity};

use crate::{
    cli::{Input, StreamArgs},
    failure::Failure,
};

/// The source that `args` name, with nothing taken from it yet.
pub(super) fn open(args: &StreamArgs) -> Result<AudioSource, Failure> {
    Ok(match args.input()? {
        Input::File(path, pacing) => AudioSource::file(&path, args.chunk, pacing)?,
        Input::StandardInput(format) => AudioSource::standard_input(format, args.chunk),
    })
}

/// What is odd, for whoever is to mend it.
pub(super) fn describe(oddity: Oddity) -> String {
    match oddity {
        Oddity::FileHeader(marker) => format!(
            "standard input begins with {marker}, so the header of a file is heard as sound; give \
             the name of the file, or pipe raw audio"
        ),
        Oddity::LeftOver(bytes) => format!(
            "standard input ends inside a sample; {bytes} byte{} left out",
            if bytes == 1 { "" } else { "s" }
        ),
    }
}
