//! `ser-client devices`: what can be recorded from.

use ser_client::{Error, audio::microphone};

use crate::{cli::DevicesArgs, failure::Failure, output};

pub(crate) async fn run(args: &DevicesArgs) -> Result<(), Failure> {
    let devices = microphone::devices().await?;
    if devices.is_empty() {
        return Err(Error::NoMicrophone.into());
    }
    let mut out = anstream::stdout();
    for (index, device) in devices.iter().enumerate() {
        if args.json {
            output::json::write_device(&mut out, index, device)?;
        } else {
            output::device::write(&mut out, index, device)?;
        }
    }
    Ok(())
}
