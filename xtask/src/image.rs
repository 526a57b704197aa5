//! `cargo xtask image`: the container image, built and run as a cluster would run it.

use std::process::Command;

use xshell::cmd;

use crate::{Error, Workspace, interrupts::Interrupts};

const IMAGE: &str = "ser-server:checked";
/// The restricted profile of Kubernetes, and the limits of the `cpu` overlay.
const RESTRICTED: [&str; 7] = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=3g",
    "--cpus=2",
    "--stop-timeout=45",
    "--publish=127.0.0.1::50051",
];
/// What the server is told, and what Kubernetes adds beside a Service of the same name:
/// none of its variables may be taken for a setting.
const VARIABLES: [&str; 6] = [
    "SER__SERVER__LISTEN=0.0.0.0:50051",
    "SER__SERVER__ALLOW_PLAINTEXT=true",
    "SER_SERVER_SERVICE_HOST=10.0.0.1",
    "SER_SERVER_SERVICE_PORT=50051",
    "SER_SERVER_PORT=tcp://10.0.0.1:50051",
    "SER_SERVER_PORT_50051_TCP=tcp://10.0.0.1:50051",
];

/// Builds the variant for processors with Docker, starts it with the least rights, has it
/// recognise the sample, and stops it. Prints its size, and how long it took to get ready.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let shell = &workspace.shell;
    let client = workspace.cargo().args(["build", "--package", "ser-client"]);
    client.arg("--bins").run()?;
    let _buildkit = shell.push_env("DOCKER_BUILDKIT", "1");
    let file = workspace.path("deploy/Containerfile");
    cmd!(
        shell,
        "docker build --file {file} --target cpu --tag {IMAGE} ."
    )
    .run()?;
    let format = "{{.Size}}";
    let size = cmd!(shell, "docker image inspect --format {format} {IMAGE}").read()?;

    let mut interrupts = Interrupts::hold()?;
    let container = Container::start(workspace)?;
    let address = container.address()?;
    let client = |arguments: &[&str]| {
        let mut client = Command::new(workspace.program("ser-client"));
        client.args(arguments).args(["--server", &address]);
        client
    };
    let ready = interrupts.attend(client(&["health", "--wait", "30s"]))?;
    interrupts.check()?;
    let mut stream = client(&["stream", "--plain", "--fast"]);
    stream.arg(workspace.path("samples/demo.wav"));
    let heard = interrupts.attend(stream)?;
    interrupts.check()?;
    let cold_start = container.cold_start()?;
    container.stop()?;
    for status in [ready, heard] {
        if !status.success() {
            return Err(Error::Client(status));
        }
    }
    println!("image: {size} bytes; from its first line to ready: {cold_start:.3} s");
    Ok(())
}

/// Removed when dropped.
struct Container<'a> {
    workspace: &'a Workspace,
    id: String,
}

impl<'a> Container<'a> {
    fn start(workspace: &'a Workspace) -> Result<Self, Error> {
        let variables = VARIABLES.iter().flat_map(|variable| ["--env", variable]);
        let run = cmd!(workspace.shell, "docker run --detach").args(RESTRICTED);
        let id = run.args(variables).arg(IMAGE).read()?;
        Ok(Self { workspace, id })
    }

    /// Where it is published on this machine.
    fn address(&self) -> Result<String, Error> {
        let id = &self.id;
        let port = cmd!(self.workspace.shell, "docker port {id} 50051").read()?;
        Ok(format!("http://{port}"))
    }

    /// Seconds from its first line, that it listens, until it said that it is ready. What
    /// Docker calls the start may be later than either.
    fn cold_start(&self) -> Result<f64, Error> {
        let id = &self.id;
        let logs = cmd!(self.workspace.shell, "docker logs {id}")
            .quiet()
            .output()?;
        let log = String::from_utf8_lossy(&logs.stderr);
        let ready = log.lines().find(|line| line.ends_with("INFO ready"));
        let times = second_of_day(&log).zip(ready.and_then(second_of_day));
        let (first, ready) = times.ok_or_else(|| Error::Log(log.clone().into_owned()))?;
        Ok((ready - first).rem_euclid(86_400.0))
    }

    /// As the kubelet does; it has to say that all went well.
    fn stop(self) -> Result<(), Error> {
        let (shell, id) = (&self.workspace.shell, &self.id);
        cmd!(shell, "docker stop {id}").ignore_stdout().run()?;
        cmd!(shell, "docker logs {id}").run()?;
        let format = "{{.State.ExitCode}}";
        let code = cmd!(shell, "docker container inspect --format {format} {id}");
        match code.read()?.as_str() {
            "0" => Ok(()),
            code => Err(Error::Container(code.to_owned())),
        }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let id = &self.id;
        let remove = cmd!(self.workspace.shell, "docker rm --force {id}");
        // Nothing else can be done about one that stays.
        let _ = remove.quiet().ignore_stdout().run();
    }
}

/// Of a text that begins like `2026-11-23T08:45:26.077883Z`.
fn second_of_day(text: &str) -> Option<f64> {
    let time = text.split_once('T')?.1.split_once('Z')?.0;
    time.split(':').try_fold(0.0, |sum, part| {
        let part: f64 = part.parse().ok()?;
        Some(sum * 60.0 + part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_log_lines() {
        for (text, seconds) in [
            ("2026-11-23T00:01:02.5Z  INFO listening", Some(62.5)),
            (
                "2026-11-23T10:00:00.077883Z  INFO ready",
                Some(36_000.077_883),
            ),
            ("INFO ready", None),
            ("2026-11-23Tten:00:00Z", None),
        ] {
            assert_eq!(second_of_day(text), seconds, "{text}");
        }
    }
}
