//! The real client with a microphone that hears a recording in real time. The sound
//! server that the tests install is for Linux.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use ser_features::AudioClip;
use ser_tests::{
    audio,
    binaries::{self, sample},
    program::{self, Ended, Program},
    server::ServerProcess,
    sound::{self, Route, SoundServer},
};
use serde_json::Value;
use tempfile::TempDir;

/// `ser-client stream` to `server`, printing JSON lines.
fn stream(server: &ServerProcess) -> Command {
    let mut command = binaries::command("ser-client");
    command.args(["--server", &server.url(), "stream", "--json"]);
    command
}

/// `ser-client stream --mic`, recording into a new file.
struct Listener {
    program: Program,
    folder: TempDir,
    events: Vec<Value>,
}

impl Listener {
    /// Starts it, and waits until it hears the microphone.
    async fn start(server: &ServerProcess, sound: &SoundServer, route: Route) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = stream(server);
        command.args(["--mic", "--record"]);
        command.arg(kept(&folder));
        sound.reach(&mut command, route);
        let mut listener = Self {
            program: Program::start(command),
            folder,
            events: Vec::new(),
        };
        listener.until(|event| event["type"] == "result").await;
        listener
    }

    /// Reads on until an event `is` what the test waits for.
    async fn until(&mut self, is: impl Fn(&Value) -> bool) {
        loop {
            let event = serde_json::from_str(&self.program.line().await).unwrap();
            self.events.push(event);
            if self.events.last().is_some_and(&is) {
                break;
            }
        }
    }

    /// What it printed from start to end, how it ended, and where its recording is.
    async fn end(self) -> (Vec<Value>, Ended, TempDir) {
        let mut events = self.events;
        let ended = self.program.end().await;
        events.extend(lines(&ended.stdout));
        (events, ended, self.folder)
    }
}

fn kept(folder: &TempDir) -> PathBuf {
    folder.path().join("kept.wav")
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a stream says of the audio: results and summary.
fn recognised(events: &[Value]) -> Vec<&Value> {
    let is_one = |event: &&Value| event["type"] == "result" || event["type"] == "summary";
    events.iter().filter(is_one).collect()
}

/// Streams a file as fast as it goes.
async fn replay(server: &ServerProcess, file: &Path) -> Vec<Value> {
    let mut command = stream(server);
    command.arg(file).arg("--fast");
    let ended = program::run(command).await;
    ended.assert(0, &[]);
    lines(&ended.stdout)
}

fn overall(events: &[Value]) -> &Value {
    let label = &events.last().expect("a summary")["overall_label"];
    assert!(label.is_string(), "{label}");
    label
}

async fn what_is_said_is_heard_and_kept(route: Route, rate: u32) {
    let sound = SoundServer::start();
    let (server, _) = ServerProcess::ready().await;
    let mut listener = Listener::start(&server, &sound, route).await;
    let said = sample("demo.wav");
    sound.play(&said).await;
    // A window of three seconds in which nobody speaks comes after all speech.
    listener.until(|event| event["verdict"] == "emotion").await;
    listener
        .until(|event| event["verdict"] == "no_speech")
        .await;
    listener.program.signal(Signal::INT);
    let (heard, ended, folder) = listener.end().await;
    ended.assert(0, &[]);
    assert_eq!(heard[0]["audio"]["sample_rate"], rate);

    let replayed = replay(&server, &kept(&folder)).await;
    assert_eq!(recognised(&heard), recognised(&replayed));
    let recording = AudioClip::read(&kept(&folder)).unwrap();
    let source = AudioClip::read(&said).unwrap();
    let correlation = audio::correlation(&source, &recording);
    assert!(correlation >= 0.99, "{correlation}");
    assert_eq!(overall(&heard), overall(&replay(&server, &said).await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn what_is_said_behind_a_sound_server_is_heard_and_kept() {
    what_is_said_is_heard_and_kept(Route::Server, 16_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn what_is_said_behind_alsa_is_heard_and_kept() {
    // ALSA's plugin has no rate of its own, so the client's choice counts.
    what_is_said_is_heard_and_kept(Route::Alsa, 48_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn what_the_network_cannot_take_is_dropped_and_told_of() {
    let sound = SoundServer::start();
    let (server, _) = ServerProcess::ready().await;
    let mut listener = Listener::start(&server, &sound, Route::Server).await;
    server.signal(Signal::STOP);
    // 17 seconds, of which the ring and what lies before the server hold half.
    sound.play(&sample("demo.wav")).await;
    server.signal(Signal::CONT);
    listener.until(is_caution).await;
    listener.program.signal(Signal::INT);
    has_told_once_of_lost_audio(listener, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn what_was_said_before_the_wish_to_stop_is_heard() {
    for hangs in [false, true] {
        let sound = SoundServer::start();
        what_was_said_before_is_heard(&sound, hangs).await;
    }
}

/// Also when the sound server `hangs` at the end.
async fn what_was_said_before_is_heard(sound: &SoundServer, hangs: bool) {
    let (server, _) = ServerProcess::ready().await;
    let listener = Listener::start(&server, sound, Route::Server).await;
    server.signal(Signal::STOP);
    let said = six_seconds(&listener.folder);
    sound.play(&said).await;
    if hangs {
        sound.hang();
    }
    listener.program.signal(Signal::INT);
    server.signal(Signal::CONT);
    let (heard, ended, folder) = listener.end().await;
    ended.assert(0, &[]);
    assert!(!heard.iter().any(is_caution), "{heard:?}");
    let recording = AudioClip::read(&kept(&folder)).unwrap();
    let correlation = audio::correlation(&AudioClip::read(&said).unwrap(), &recording);
    assert!(correlation >= 0.99, "{correlation}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn what_cannot_leave_after_the_wish_to_stop_is_told_of() {
    let sound = SoundServer::start();
    let (server, _) = ServerProcess::ready().await;
    let mut listener = Listener::start(&server, &sound, Route::Server).await;
    server.signal(Signal::STOP);
    let said = six_seconds(&listener.folder);
    sound.play(&said).await;
    listener.program.signal(Signal::INT);
    listener.until(is_caution).await;
    server.signal(Signal::CONT);
    has_told_once_of_lost_audio(listener, &server).await;
}

/// A voice for so long that a part of it lies in the ring when the server is held up.
fn six_seconds(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("said.wav");
    let voice = audio::voice(16_000, 6.0, 1);
    std::fs::write(&path, audio::wav(16_000, 1, &voice)).unwrap();
    path
}

fn is_caution(event: &Value) -> bool {
    event["type"] == "warning" && event["code"] == "client"
}

/// The stream ends well, and what is kept is what was sent.
async fn has_told_once_of_lost_audio(listener: Listener, server: &ServerProcess) {
    let (heard, ended, folder) = listener.end().await;
    ended.assert(0, &[]);
    let told: Vec<_> = heard.iter().filter(|event| is_caution(event)).collect();
    let [told] = told[..] else {
        panic!("one burst: {heard:?}")
    };
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("s of audio dropped"), "{message}");
    // Without the gap.
    let replayed = replay(server, &kept(&folder)).await;
    assert_eq!(recognised(&heard), recognised(&replayed));
}

/// The stream ends with its summary, and the program says what happened.
async fn ends_with(listener: Listener, what_happened: &str) {
    let (events, ended, _folder) = listener.end().await;
    ended.assert(1, &[]);
    assert_eq!(events.last().unwrap()["type"], "summary");
    let said = ended.stderr;
    assert!(said.contains(what_happened), "{said}");
    assert!(
        said.contains("hint: the summary is of what was sent"),
        "{said}"
    );
    assert!(!said.contains("ALSA lib"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn an_unplugged_microphone_ends_in_the_summary() {
    let sound = SoundServer::start();
    let (server, _) = ServerProcess::ready().await;
    let listener = Listener::start(&server, &sound, Route::Server).await;
    sound.unplug_all().await;
    ends_with(listener, "error: lost fakemic: ").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn another_device_does_not_take_the_place_of_a_microphone() {
    let sound = SoundServer::start();
    let (server, _) = ServerProcess::ready().await;
    let listener = Listener::start(&server, &sound, Route::Server).await;
    sound.unplug().await;
    ends_with(
        listener,
        "error: lost fakemic: the sound server no longer has it",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn a_sound_server_that_dies_ends_in_the_summary() {
    let (server, _) = ServerProcess::ready().await;
    for (route, what_happened) in [
        (Route::Server, "error: lost fakemic: "),
        // ALSA's plugin says nothing of it.
        (
            Route::Alsa,
            "error: Default Audio Device delivered nothing for 10s",
        ),
    ] {
        let mut sound = SoundServer::start();
        let listener = Listener::start(&server, &sound, route).await;
        sound.kill();
        ends_with(listener, what_happened).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PulseAudio"]
async fn devices_are_listed_and_chosen_from() {
    let sound = SoundServer::start();
    let client = |arguments: &[&str]| {
        let mut command = binaries::command("ser-client");
        sound.reach(&mut command, Route::Server);
        command.args(arguments);
        program::run(command)
    };
    let ended = client(&["devices", "--json"]).await;
    let first = &lines(&ended.stdout)[0];
    for (field, value) in [
        ("name", Value::from("fakemic")),
        ("is_default", true.into()),
        ("is_monitor", false.into()),
        ("state", "ready".into()),
        ("sample", "i16".into()),
        ("sample_rate", 16_000.into()),
        ("channels", 1.into()),
    ] {
        assert_eq!(first[field], value, "{first}");
    }
    let listed = client(&["devices"]).await.stdout;
    assert!(listed.starts_with(" 0  fakemic (default)  16000 Hz, 1 channel, i16"));

    // The name of neither, and a part of the monitor's.
    for wanted in ["Headset", "loudspeaker"] {
        let ended = client(&["stream", "--mic", "--device", wanted]).await;
        let unknown = format!("no microphone is called {wanted:?}");
        ended.assert(1, &[&unknown, "\"fakemic\" (fakemic)"]);
    }

    sound.unplug().await;
    let ended = client(&["devices", "--json"]).await;
    let [monitor] = &lines(&ended.stdout)[..] else {
        panic!("{ended:?}")
    };
    for (field, value) in [
        ("id", Value::from("loudspeaker.monitor")),
        ("is_default", false.into()),
        ("is_monitor", true.into()),
    ] {
        assert_eq!(monitor[field], value, "{monitor}");
    }
    let ended = client(&["stream", "--mic"]).await;
    ended.assert(1, &["error: no microphone found"]);
}

#[tokio::test]
async fn without_a_microphone_the_program_says_what_to_try() {
    for arguments in [&["devices"][..], &["stream", "--mic"]] {
        let mut command = binaries::command("ser-client");
        let _nothing = sound::without_devices(&mut command);
        command.args(arguments);
        let ended = program::run(command).await;
        ended.assert(1, &[]);
        assert_eq!(ended.stdout, "");
        let said = ended.stderr;
        assert!(
            said.starts_with("error: no microphone found\nhint: plug one in"),
            "{said}"
        );
    }
}
