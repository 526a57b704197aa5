//! Where the audio comes from.

#[cfg(feature = "microphone")]
use ser_client::audio::microphone::Microphone;
use ser_client::audio::{AudioSource, Oddity};

#[cfg(feature = "microphone")]
use crate::output::{Form, notes, printable};
use crate::{
    cli::{Input, StreamArgs},
    failure::Failure,
};

/// The source that `args` name, with nothing taken from it yet.
pub(super) async fn open(args: &StreamArgs) -> Result<AudioSource, Failure> {
    Ok(match args.input()? {
        Input::File(path, pacing) => AudioSource::file(&path, args.chunk, pacing)?,
        Input::Raw(format) => AudioSource::standard_input(format, args.chunk),
        #[cfg(feature = "microphone")]
        Input::Microphone(device) => {
            let microphone = Microphone::open(device.as_deref(), args.chunk).await?;
            if args.form() != Form::Json {
                notes().say(&format!("microphone: {}\n", printable(microphone.name())));
            }
            AudioSource::Microphone(microphone)
        }
    })
}

/// Whether it is live, and can be turned off here.
pub(super) fn can_be_muted(source: &AudioSource) -> bool {
    match source {
        AudioSource::File(_) | AudioSource::StandardInput(_) => false,
        #[cfg(feature = "microphone")]
        AudioSource::Microphone(_) => true,
    }
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
        Oddity::Dropped(audio) => format!(
            "{:.2} s of audio dropped, because the network or the server was held up for longer \
             than the microphone can wait; times leave it out",
            audio.as_secs_f64()
        ),
        Oddity::Overrun(times) => format!(
            "the sound system lost audio {times} time{} before it could be read; the machine is \
             busy",
            if times == 1 { "" } else { "s" }
        ),
        Oddity::OtherMicrophone => {
            "the system's default microphone has changed, and the new one is heard; keep to one \
             with --device"
                .to_owned()
        }
        // A kind that this command line does not know yet.
        other => format!("{other:?}"),
    }
}
