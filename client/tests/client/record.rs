//! `--record`: what is kept of what was sent.

use std::path::Path;

use rustix::process::Signal;
use ser_client::{
    audio::Recording as Decoded,
    proto::{Encoding, streaming_recognize_response::Response},
};
use tokio::{process::Command, sync::mpsc};

use crate::support::{
    fake::FakeServer,
    messages,
    program::{Recording, patiently, run, start, wav_of},
};

/// A server that passes on all audio it receives, and has a result for every piece.
fn listener() -> (FakeServer, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (heard, all_heard) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |mut call| {
        let heard = heard.clone();
        async move {
            call.accept().await;
            let mut audio = Vec::new();
            let mut sequence = 0;
            while let Some(more) = call.audio().await {
                audio.extend_from_slice(&more);
                let result = messages::emotion(sequence, "happy", 0.9);
                call.send(messages::result(result)).await;
                sequence += 1;
            }
            // A program that was killed has no use for it.
            let _ = heard.send(audio);
            call.send(Response::Summary(messages::summary())).await;
        }
    });
    (server, all_heard)
}

fn path(folder: &tempfile::TempDir) -> String {
    folder.path().join("kept.wav").to_str().unwrap().to_owned()
}

/// What the file gives when it is sent.
fn sent_again(path: &str) -> Vec<u8> {
    Decoded::open(Path::new(path)).unwrap().audio().to_vec()
}

#[tokio::test]
async fn every_encoding_keeps_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    for (encoding, tag) in [("s16le", 1), ("f32le", 3), ("alaw", 6), ("mulaw", 7)] {
        let (server, mut heard) = listener();
        let path = folder.path().join(encoding);
        let path = path.to_str().unwrap();
        let raw = ["--rate", "8000", "--channels", "3", "--encoding", encoding];
        let arguments = [&["stream", "-", "--record", path][..], &raw].concat();
        let mut program = start(&server.address, &arguments);
        // Of 19 frames of each encoding, and the beginning of one more.
        let bytes: Vec<u8> = (0..230).map(|n| n % 64).collect();
        program.write(&bytes).await;
        program.close_stdin();
        let ended = program.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let heard = patiently(heard.recv()).await.unwrap();
        let kept = std::fs::read(path).unwrap();
        assert_eq!(kept[20], tag, "{encoding}");
        let audio = &kept[58..58 + heard.len()];
        assert_eq!(audio, heard, "{encoding}");
    }
}

#[tokio::test]
async fn a_recording_of_a_file_is_sent_like_the_file() {
    for (tag, bits, encoding) in [(1, 16, Encoding::S16le), (1, 24, Encoding::F32le)] {
        let folder = tempfile::tempdir().unwrap();
        let kept = path(&folder);
        let (server, mut heard) = listener();
        let data: Vec<u8> = (0..48_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        let source = Recording::write("speech.wav", &wav_of(tag, bits, &data));
        let arguments = ["stream", source.path(), "--fast", "--record", &kept];
        let ended = run(&server.address, &arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let heard = patiently(heard.recv()).await.unwrap();
        assert_eq!(sent_again(&kept), heard);
        let format = Decoded::open(Path::new(&kept)).unwrap().format();
        assert_eq!(format.encoding(), encoding);
    }
}

#[tokio::test]
async fn what_was_not_sent_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let kept = path(&folder);
    let (server, mut heard) = listener();
    let source = Recording::seconds(60);
    let arguments = ["stream", source.path(), "--record", &kept];
    let mut program = start(&server.address, &arguments);
    program.line().await;
    program.signal(Signal::INT);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let heard = patiently(heard.recv()).await.unwrap();
    assert!(heard.len() < 960_000);
    assert_eq!(sent_again(&kept), heard);
}

#[tokio::test]
async fn what_is_there_already_is_not_written_over() {
    let source = Recording::seconds(1);
    let before = std::fs::read(source.path()).unwrap();
    let (server, _heard) = listener();
    let arguments = ["stream", source.path(), "--record", source.path()];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("can't record: File exists"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("hint: name a new file"), "{ended:?}");
    assert_eq!(std::fs::read(source.path()).unwrap(), before);
}

#[tokio::test]
async fn a_disk_that_fills_up_costs_the_rest_of_the_recording_alone() {
    let folder = tempfile::tempdir().unwrap();
    let kept = path(&folder);
    let (server, mut heard) = listener();
    let source = Recording::seconds(10);
    // Files end at 64 KiB, and the program learns of it as of a full disk.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ser-client")])
        .args(["--server", &server.address])
        .args(["stream", source.path(), "--fast", "--record", &kept])
        .kill_on_drop(true)
        .output();
    let output = patiently(output).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    for said_of_it in [
        "warning: ",
        "the stream goes on without it",
        "error: ",
        "hint: the results are complete",
    ] {
        assert!(said.contains(said_of_it), "{said_of_it}: {said}");
    }
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("summary: "), "{shown}");
    let heard = patiently(heard.recv()).await.unwrap();
    assert_eq!(heard.len(), 160_000);
    let kept = sent_again(&kept);
    assert!(kept.len() > 32_000, "{}", kept.len());
    assert_eq!(kept, heard[..kept.len()]);
}

#[tokio::test]
async fn a_program_that_is_terminated_has_kept_all_that_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let kept = path(&folder);
    let (server, mut heard) = listener();
    let arguments = ["--rate", "8000", "--encoding", "s16le", "--record", &kept];
    let arguments = [&["stream", "-"][..], &arguments].concat();
    let mut program = start(&server.address, &arguments);
    // One that goes on, so that the program can't be done before the signal.
    program.write(&[7; 100_000]).await;
    program.line().await;
    program.signal(Signal::TERM);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(143), "{ended:?}");
    let heard = patiently(heard.recv()).await.unwrap();
    // Of what was sent, the end may not have got there.
    assert!(sent_again(&kept).starts_with(&heard));
}

#[tokio::test]
async fn a_program_that_is_killed_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let kept = path(&folder);
    let (server, _heard) = listener();
    let arguments = ["--rate", "8000", "--encoding", "s16le", "--record", &kept];
    let arguments = [&["stream", "-"][..], &arguments].concat();
    let mut program = start(&server.address, &arguments);
    program.write(&[7; 1_000]).await;
    // The result for it, so it was sent.
    program.line().await;
    program.write(&[8; 1_000]).await;
    program.line().await;
    // The disk has its own pace.
    patiently(async {
        while sent_again(&kept).len() <= 1_000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    program.signal(Signal::KILL);
    assert_eq!(program.end().await.code, None);
    let audio = sent_again(&kept);
    assert!(audio.len() > 1_000, "{}", audio.len());
    assert_eq!(audio[..1_000], [7; 1_000]);
    assert!(audio[1_000..].iter().all(|&byte| byte == 8));
}
