//! `cargo xtask demo --replicas N`: streams that outlive one of their servers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use crate::comparison::Comparison;
use crate::server::{Process, Server};
use crate::{Error, Workspace, interrupts::Interrupts};

/// Streams for each replica.
const STREAMS: usize = 4;
/// Seconds until a replica is killed.
const KILLED: usize = 5;

/// Serves with `count` replicas, has clients go round them with `audio`, kills one of
/// them, and compares what the clients heard with what an undisturbed one hears.
pub(crate) fn run(workspace: &Workspace, audio: &Path, count: usize) -> Result<(), Error> {
    let mut interrupts = Interrupts::hold()?;
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(Server::start(workspace, &mut interrupts)?);
    }
    let client = workspace.program("ser-client");
    let undisturbed = Listener::start(&client, audio, &servers[0].address, &["--fast"])?;
    let expected = undisturbed.end()?;

    let addresses: Vec<_> = servers
        .iter()
        .map(|server| server.address.as_str())
        .collect();
    let addresses = addresses.join(",");
    let start = |_| Listener::start(&client, audio, &addresses, &[]);
    let streams = count * STREAMS;
    let listeners: Vec<_> = (0..streams).map(start).collect::<Result<_, _>>()?;
    println!("\n{streams} streams in real time, by client-side balancing over {count} replicas:\n");
    let servers = watch(servers, &listeners, &mut interrupts)?;

    let mut sum = Comparison::default();
    for listener in listeners {
        sum.add(&expected, &listener.end()?);
    }
    println!("\n{sum}\n");
    for server in servers {
        server.stop()?;
    }
    sum.into_result()
}

/// Shows each second which replica has how many streams, until all are done. The one
/// that has most is killed on the way. Returns the others.
fn watch(
    servers: Vec<Server>,
    listeners: &[Listener],
    interrupts: &mut Interrupts,
) -> Result<Vec<Server>, Error> {
    let mut servers: Vec<_> = servers.into_iter().map(Some).collect();
    let heads = (1..=servers.len()).map(|number| format!("{:>12}", format!("replica {number}")));
    println!("seconds{}", heads.collect::<String>());
    for second in 0.. {
        interrupts.check()?;
        let open: Vec<_> = servers
            .iter()
            .map(|server| server.as_ref().map(streams))
            .collect();
        let cells = open.iter().map(|open| match open {
            Some(open) => format!("{open:>12}"),
            None => format!("{:>12}", "killed"),
        });
        println!("{second:>7}{}", cells.collect::<String>());
        if listeners.iter().all(Listener::has_ended) {
            break;
        }
        if second == KILLED {
            let (fullest, _) = open
                .iter()
                .enumerate()
                .max_by_key(|(_, open)| **open)
                .expect("some");
            servers[fullest] = None;
            println!("        kill -9 of replica {}", fullest + 1);
        }
        // The screen's pace, which nothing waits for.
        sleep(Duration::from_secs(1));
    }
    Ok(servers.into_iter().flatten().collect())
}

/// How many streams a server has, by its metrics; none if it doesn't say.
fn streams(server: &Server) -> usize {
    let scrape = || {
        let mut connection = TcpStream::connect(("127.0.0.1", server.metrics))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        connection.read_to_string(&mut text).map(|_| text)
    };
    let text = scrape().unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("ser_streams_active{"));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn failed(source: std::io::Error) -> Error {
    Error::Process {
        command: "ser-client",
        source,
    }
}

/// A client whose lines are kept.
struct Listener {
    process: Process,
    heard: JoinHandle<std::io::Result<String>>,
}

impl Listener {
    fn start(client: &Path, audio: &Path, servers: &str, flags: &[&str]) -> Result<Self, Error> {
        let mut command = Command::new(client);
        command.args(["stream", "--json", "--server", servers]);
        command.args(flags).arg(audio);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Process::spawn(command).map_err(failed)?;
        let mut output = process.output().expect("it was asked for");
        let heard = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        Ok(Self { process, heard })
    }

    fn has_ended(&self) -> bool {
        self.heard.is_finished()
    }

    /// What it heard.
    fn end(mut self) -> Result<String, Error> {
        let text = self.heard.join().expect("reading doesn't panic");
        let text = text.map_err(failed)?;
        let status = self.process.wait().map_err(failed)?;
        if status.success() {
            Ok(text)
        } else {
            Err(Error::Client(status))
        }
    }
}
