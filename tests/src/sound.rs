//! A microphone that needs no hardware: a sound server of a test's own, and what is
//! played on it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{program, stream::PATIENCE};

/// How a program reaches the microphone.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    /// It asks the sound server.
    Server,
    /// It knows ALSA alone, whose default device hands on to the sound server.
    Alsa,
}

/// A private PulseAudio with one microphone, named "fakemic", that hears what is
/// played. Killed when dropped.
pub struct SoundServer {
    server: Child,
    folder: TempDir,
}

impl SoundServer {
    /// Starts a server and waits until its microphone is there.
    ///
    /// # Panics
    ///
    /// When it doesn't come to be.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        // Without `norewinds` a null sink works in blocks of two seconds, which
        // overwhelm ALSA's plugin: it stops delivering for good.
        let modules = format!(
            "load-module module-null-sink sink_name=loudspeaker norewinds=1 rate=16000 channels=1 \
             format=s16le\n\
             load-module module-remap-source source_name=fakemic master=loudspeaker.monitor \
             source_properties=device.description=fakemic\n\
             set-default-source fakemic\n\
             load-module module-native-protocol-unix auth-anonymous=1 socket={}\n",
            socket.display()
        );
        let file = folder.path().join("modules");
        fs::write(&file, modules).unwrap();
        let alsa = format!(
            "pcm.!default {{ type pulse server \"unix:{}\" }}\n",
            socket.display()
        );
        fs::write(folder.path().join("asound.conf"), alsa).unwrap();
        fs::write(folder.path().join("no-asound.conf"), "").unwrap();
        // The server lets everybody in who has a cookie at all.
        fs::write(folder.path().join("cookie"), [0; 256]).unwrap();

        let mut command = Command::new("pulseaudio");
        isolate(&mut command, folder.path());
        let mut server = command
            .args(["-n", "--daemonize=no", "--use-pid-file=no"])
            .args(["--exit-idle-time=-1", "--log-level=info"])
            .arg("-F")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("pulseaudio, which `cargo xtask test` installs");
        let log = BufReader::new(server.stderr.take().unwrap()).lines();
        let (started, starting) = mpsc::channel();
        // Reads the log to its end, so that the server never waits for a reader.
        thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                if line.contains("Daemon startup complete") {
                    let _ = started.send(());
                }
            }
        });
        let sound = Self { server, folder };
        starting
            .recv_timeout(PATIENCE)
            .expect("the sound server starts");
        sound
    }

    /// Lets `command` reach this server by `route`, and no other.
    pub fn reach(&self, command: &mut Command, route: Route) {
        isolate(command, self.folder.path());
        match route {
            Route::Server => {
                command.env("PULSE_SERVER", self.address());
                command.env("ALSA_CONFIG_PATH", self.path("no-asound.conf"));
            }
            Route::Alsa => {
                command.env("ALSA_CONFIG_PATH", self.path("asound.conf"));
            }
        }
    }

    /// Plays a WAV file in real time, and waits until its end was heard.
    ///
    /// # Panics
    ///
    /// When it can't.
    pub async fn play(&self, file: &Path) {
        let mut command = Command::new("paplay");
        command.arg("--device=loudspeaker").arg(file);
        self.run(command).await;
    }

    /// Takes the microphone away, as if it were unplugged. What heard it hears what the
    /// loudspeaker plays from here on.
    ///
    /// # Panics
    ///
    /// When it can't.
    pub async fn unplug(&self) {
        self.unload("module-remap-source").await;
    }

    /// Takes all devices away.
    ///
    /// # Panics
    ///
    /// When it can't.
    pub async fn unplug_all(&self) {
        self.unplug().await;
        self.unload("module-null-sink").await;
    }

    async fn unload(&self, module: &str) {
        let mut command = Command::new("pactl");
        command.args(["unload-module", module]);
        self.run(command).await;
    }

    /// Lets the server answer nobody any more.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn hang(&self) {
        let id = Pid::from_raw(self.server.id().cast_signed()).unwrap();
        kill_process(id, Signal::STOP).unwrap();
    }

    /// Ends the whole server.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    async fn run(&self, mut command: Command) {
        isolate(&mut command, self.folder.path());
        command.env("PULSE_SERVER", self.address());
        program::run(command).await.assert(0, &[]);
    }

    fn address(&self) -> String {
        format!("unix:{}", self.path("socket").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Keeps a program from the sound system of this machine and of whoever runs the test.
fn isolate(command: &mut Command, folder: &Path) {
    for variable in [
        "PULSE_SERVER",
        "PULSE_RUNTIME_PATH",
        "ALSA_CONFIG_DIR",
        "DISPLAY",
    ] {
        command.env_remove(variable);
    }
    command
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("PULSE_COOKIE", folder.join("cookie"))
        .env("XDG_RUNTIME_DIR", folder)
        .env("XDG_CONFIG_HOME", folder);
}

/// Lets `command` find no sound device at all.
#[must_use]
pub fn without_devices(command: &mut Command) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    isolate(command, folder.path());
    let empty = folder.path().join("asound.conf");
    fs::write(&empty, "").unwrap();
    command.env("ALSA_CONFIG_PATH", empty);
    folder
}
