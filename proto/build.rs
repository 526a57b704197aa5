//! Generates the Rust code of `ser/v1/*.proto` without a system `protoc`.

use std::{env, error::Error, path::PathBuf};

const FILES: [&str; 4] = [
    "ser/v1/types.proto",
    "ser/v1/models.proto",
    "ser/v1/speech_emotion.proto",
    "ser/v1/clips.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    tonic_prost_build::configure()
        .bytes(".ser.v1.StreamingRecognizeRequest.audio")
        .bytes(".ser.v1.PcmClip.audio")
        .bytes(".ser.v1.RecognizeRequest.file")
        .file_descriptor_set_path(out.join("ser_v1.bin"))
        .compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=ser");
    Ok(())
}
