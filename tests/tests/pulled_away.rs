//! What a command-line program does when the server, the disk or the reader of its
//! output is pulled away.

use std::{
    io::Write,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use ser_tests::{
    audio, binaries,
    binaries::sample,
    program::{Ended, Program, run},
    server::{Nobody, ServerProcess},
};
use tempfile::TempDir;

const FAILURE: i32 = 1;
const CONNECTION: i32 = 3;

const RAW: [&str; 6] = ["stream", "-", "--rate", "16000", "--encoding", "s16le"];

const SHORT_BENCH: [&str; 5] = ["bench", "--warm-up", "100ms", "--duration", "2s"];

/// `ser-client`, with the server at `url`. Does not wait for one that may yet
/// start.
fn client(url: &str, arguments: &[&str]) -> Command {
    let mut command = binaries::command("ser-client");
    command
        .args(["--server", url, "--connect-timeout", "100ms"])
        .args(arguments)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

/// `command` with an output redirected by the shell.
fn redirected(command: &Command, redirection: &str) -> Command {
    in_shell(&format!("exec \"$0\" \"$@\" {redirection}"), command)
}

/// `command` as the shell's arguments.
fn in_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    shell
}

fn demo() -> String {
    sample("demo.wav").display().to_string()
}

/// A folder with many clips.
fn clips(count: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..count {
        let clip = folder.path().join(format!("{number:03}.wav"));
        symlink(sample("demo.wav"), clip).expect("a link");
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn assert_lost(ended: &Ended, url: &str) {
    let lost = format!("error: lost {url}: ");
    let hint = "hint: the results so far are complete; run the command again";
    ended.assert(CONNECTION, &[&lost, hint]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_a_recording() {
    // A plain line is a result; of JSON lines some are about the stream.
    for (options, result) in [(&[][..], "neutral"), (&["--json"], r#""type":"result""#)] {
        let (server, _) = ServerProcess::ready().await;
        let demo = demo();
        let arguments = [&["stream", &demo, "--no-resume"], options].concat();
        let mut program = Program::start(client(&server.url(), &arguments));
        while !program.line().await.contains(result) {}
        server.signal(Signal::KILL);
        assert_lost(&program.end().await, &server.url());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_live_audio() {
    let (server, _) = ServerProcess::ready().await;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = client(&server.url(), &RAW);
    command.arg("--no-resume").stdin(reader);
    let mut program = Program::start(command);
    let spoken = audio::s16le(&audio::voice(16_000, 1.5, 1));
    writer.write_all(&spoken).unwrap();
    program.line().await;
    server.signal(Signal::KILL);
    // Standard input stays open, as a microphone's would.
    assert_lost(&program.end().await, &server.url());
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_many_clips() {
    let (server, _) = ServerProcess::ready().await;
    let clips = clips(300);
    let arguments = ["classify", text(clips.path()), "--jobs", "2"];
    let mut program = Program::start(client(&server.url(), &arguments));
    let first = program.line().await;
    assert!(first.contains("000.wav"), "{first}");
    server.signal(Signal::KILL);
    let ended = program.end().await;
    ended.assert(CONNECTION, &["hint: the results so far are complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let nobody = Nobody::new();
    let url = nobody.url();
    let demo = demo();
    let nothing = format!("error: nothing answers at {url} (Connection refused");
    let start = "hint: start one with `ser-server`, or name another with --server";
    for arguments in [
        &["stream", &demo][..],
        &["stream", &demo, "--json"],
        &["classify", &demo],
        &["bench"],
        &["models"],
        &["health"],
    ] {
        let ended = run(client(&url, arguments)).await;
        ended.assert(CONNECTION, &[&nothing, start]);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    let mut admin = binaries::command("ser-client");
    admin.args(["admin", "list", "--admin-server", &url]);
    admin.args(["--connect-timeout", "100ms"]);
    let ended = run(admin).await;
    ended.assert(
        CONNECTION,
        &[&nothing, "hint: start the server with --admin-listen"],
    );
    let ended = run(client(&url, &["health", "--json"])).await;
    ended.assert(CONNECTION, &[&nothing]);
    assert!(
        ended.stdout.contains(r#""status":"unreachable""#),
        "{ended:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full() {
    let (server, _) = ServerProcess::ready().await;
    let url = server.url();
    let demo = demo();
    let full = "No space left on device";
    for arguments in [
        &["stream", &demo, "--fast"][..],
        &["stream", &demo, "--fast", "--json"],
        &["classify", &demo],
        &["classify", &demo, "--format", "table"],
        &SHORT_BENCH,
        &["models"],
        &["health"],
    ] {
        let ended = run(redirected(&client(&url, arguments), ">/dev/full")).await;
        ended.assert(FAILURE, &[&format!("error: can't write: {full}")]);
    }

    for format in ["table", "lines", "csv", "json"] {
        let arguments = ["classify", &demo, "--out", "/dev/full", "--format", format];
        let ended = run(client(&url, &arguments)).await;
        ended.assert(FAILURE, &[&format!("error: can't write /dev/full: {full}")]);
    }

    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("demo.svg");
    symlink("/dev/full", &picture).unwrap();
    for arguments in [&["classify", &demo][..], &SHORT_BENCH] {
        let arguments = [arguments, &["--plot", text(&picture)]].concat();
        let ended = run(client(&url, &arguments)).await;
        let unwritten = format!("error: can't write {}: {full}", picture.display());
        ended.assert(FAILURE, &[&unwritten]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_under_a_recording_of_the_stream() {
    let (server, _) = ServerProcess::ready().await;
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("sent.wav");
    let demo = demo();
    let stream = ["stream", &demo, "--fast"];
    let undisturbed = run(client(&server.url(), &stream)).await;

    let stream = [&stream[..], &["--record", text(&record)]].concat();
    let command = client(&server.url(), &stream);
    // 100 blocks of 512 bytes, of a file alone. Unless the signal is ignored, it ends the
    // program before the write can fail.
    let limited = in_shell("trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"", &command);
    let ended = run(limited).await;
    ended.assert(FAILURE, &["can't record", "the results are complete"]);
    assert_eq!(ended.stdout, undisturbed.stdout);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn notes_that_nobody_can_read_are_left_out() {
    let (server, _) = ServerProcess::ready().await;
    let nobody = Nobody::new();
    let demo = demo();
    for command in [&["stream", &demo, "--fast"][..], &["classify", &demo]] {
        for redirection in ["2>/dev/full", "2>&-"] {
            let noted = run(client(&server.url(), command)).await;
            let ended = run(redirected(&client(&server.url(), command), redirection)).await;
            ended.assert(0, &[]);
            assert_eq!(ended.stdout, noted.stdout);

            let failed = redirected(&client(&nobody.url(), command), redirection);
            run(failed).await.assert(CONNECTION, &[]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough() {
    let (server, _) = ServerProcess::ready().await;
    let url = server.url();
    let clips = clips(20);
    let (demo, folder) = (demo(), text(clips.path()));
    for arguments in [
        &["stream", &demo][..],
        &["stream", &demo, "--json"],
        &["classify", folder],
        &["classify", folder, "--json"],
        &["classify", folder, "--format", "csv", "--per", "window"],
    ] {
        let mut program = Program::start(client(&url, arguments));
        program.line().await;
        program.close_stdout();
        let ended = program.end().await;
        ended.assert(0, &[]);
        assert!(!ended.stderr.contains("error"), "{arguments:?}: {ended:?}");
    }
    for arguments in [
        &["classify", folder, "--format", "table"][..],
        &["models"],
        &["models", "--json"],
        &["health"],
        &SHORT_BENCH,
        &["stream", "--help"],
    ] {
        let mut program = Program::start(client(&url, arguments));
        program.close_stdout();
        let ended = program.end().await;
        ended.assert(0, &[]);
        assert!(!ended.stderr.contains("error"), "{arguments:?}: {ended:?}");
    }
}
