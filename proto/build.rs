//! Generates the Rust code of the `.proto` files without a system `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

/// What clients speak.
const SER_V1: [&str; 4] = [
    "ser/v1/types.proto",
    "ser/v1/models.proto",
    "ser/v1/speech_emotion.proto",
    "ser/v1/clips.proto",
];

/// What operators speak, on another listener, which describes itself alone.
const SER_ADMIN_V1: [&str; 2] = [
    "ser/admin/v1/model_repository.proto",
    "ser/admin/v1/logging.proto",
];

/// What clients of other inference servers speak.
const INFERENCE: [&str; 2] = [
    "inference/model_config.proto",
    "inference/grpc_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    generate("ser_v1.bin", &SER_V1)?;
    generate("ser_admin_v1.bin", &SER_ADMIN_V1)?;
    generate("inference.bin", &INFERENCE)?;
    println!("cargo:rerun-if-changed=ser");
    println!("cargo:rerun-if-changed=inference");
    Ok(())
}

fn generate(descriptors_file: &str, files: &[&str]) -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join(descriptors_file), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".ser.v1.StreamingRecognizeRequest.audio")
        .bytes(".ser.v1.Resume.checkpoint")
        .bytes(".ser.v1.EmotionResult.checkpoint")
        .bytes(".ser.v1.PcmClip.audio")
        .bytes(".ser.v1.RecognizeRequest.file")
        .bytes(".inference.ModelInferRequest.raw_input_contents")
        .bytes(".inference.ModelInferResponse.raw_output_contents")
        .compile_fds(descriptors)?;
    Ok(())
}
