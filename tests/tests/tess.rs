//! The server says of real speech what `ser-train evaluate` says, and that is
//! what librosa and ONNX Runtime say.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bytes::Bytes;
use ser_backend::ModelPackage;
use ser_features::AudioClip;
use ser_proto::v1::{Encoding, Pace};
use ser_tests::{
    audio,
    evaluation::{corpora, evaluated, package},
    server::ServerProcess,
    stream::{self, Transcript},
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// Streams open at once.
const STREAMS: usize = 8;

async fn recognise(channel: Channel, path: &Path) -> Transcript {
    let clip = AudioClip::read(path).expect("a clip of the corpus");
    let mut config = stream::config(Encoding::S16le, clip.sample_rate.hz());
    config.pace = Pace::Bulk.into();
    let bytes = Bytes::from(audio::s16le(&clip.samples));
    let chunks: Vec<_> = bytes.chunks(4_882).map(Bytes::copy_from_slice).collect();
    stream::recognise(channel, config, chunks).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_CORPORA"]
async fn real_speech_gets_the_labels_of_the_evaluation() {
    let tess = corpora().join("tess");
    let evaluated = evaluated(&tess);
    assert!(evaluated.len() > 2_000, "{} clips", evaluated.len());
    let (_server, channel) = ServerProcess::ready().await;

    let mut open = JoinSet::new();
    let mut different = Vec::new();
    let mut check = |(file, expected, transcript): (PathBuf, String, Transcript)| {
        assert_eq!(transcript.error, None, "{}", file.display());
        let last = transcript
            .results
            .last()
            .and_then(|result| result.label.clone());
        if last.as_deref() != Some(expected.as_str()) {
            different.push(format!("{}: {last:?}; expected {expected}", file.display()));
        }
    };
    for (file, expected) in evaluated {
        if open.len() == STREAMS {
            check(
                open.join_next()
                    .await
                    .expect("streams are open")
                    .expect("no panic"),
            );
        }
        let channel = channel.clone();
        open.spawn(async move {
            let transcript = recognise(channel, &file).await;
            (file, expected, transcript)
        });
    }
    while let Some(done) = open.join_next().await {
        check(done.expect("no panic"));
    }
    assert!(
        different.is_empty(),
        "{} clips: {different:#?}",
        different.len()
    );
}

/// The corpus is at 24,414 Hz, so this compares our resampling with that of
/// `librosa.load`, too.
#[test]
#[ignore = "needs SER_CORPORA"]
fn real_speech_gets_the_labels_of_librosa_and_onnx_runtime() {
    let evaluated = evaluated(&corpora().join("tess"));
    let files: Vec<_> = evaluated
        .keys()
        .map(|file| file.to_str().expect("UTF-8"))
        .collect();
    let python = env::var_os("SER_PYTHON").expect("SER_PYTHON names a Python with librosa");
    let mut librosa = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/librosa_labels.py"))
        .arg(package().join("model.onnx"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script runs");
    let mut input = librosa.stdin.take().expect("asked for");
    input
        .write_all(files.join("\n").as_bytes())
        .expect("the script reads");
    drop(input);
    let output = librosa.wait_with_output().expect("the script ends");
    assert!(output.status.success());

    let labels = ModelPackage::read(&package())
        .expect("the package")
        .manifest
        .labels;
    let theirs: Vec<&str> = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|index| labels[index.parse::<usize>().expect("an index")].as_str())
        .collect();
    assert_eq!(theirs.len(), evaluated.len());
    let different: Vec<_> = evaluated
        .iter()
        .zip(&theirs)
        .filter(|((_, ours), theirs)| ours != *theirs)
        .collect();
    // At least 99.9 % of the clips.
    assert!(different.len() * 1_000 <= theirs.len(), "{different:#?}");
}
