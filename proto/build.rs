//! Generates the Rust code of `ser/v1/*.proto` without a system `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 4] = [
    "ser/v1/types.proto",
    "ser/v1/models.proto",
    "ser/v1/speech_emotion.proto",
    "ser/v1/clips.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("ser_v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".ser.v1.StreamingRecognizeRequest.audio")
        .bytes(".ser.v1.PcmClip.audio")
        .bytes(".ser.v1.RecognizeRequest.file")
        .compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=ser");
    Ok(())
}
