//! A real server on a free port: as a process, or in this one where a test
//! brings its own backend.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use ser_proto::v1::{GetModelRequest, models_client::ModelsClient};
use ser_server::{config::Config, models::BackendRegistry, serve, telemetry::Telemetry};
use tokio::{
    net::TcpSocket,
    sync::{oneshot, watch},
    time::timeout,
};
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::{binaries, stream::PATIENCE};

/// The `ser-server` binary, listening on a free port of this machine. Killed
/// when dropped.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    log: Arc<watch::Sender<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl ServerProcess {
    /// Starts a server and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it doesn't.
    #[must_use]
    pub fn start(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(binaries::command("ser-server"), flags, environment)
    }

    /// The same in a folder of its own, where everything lies that it writes: files,
    /// temporary ones, and its standard output under that name.
    ///
    /// # Panics
    ///
    /// When it doesn't listen.
    #[must_use]
    pub fn start_in(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = binaries::command("ser-server");
        let stdout = File::create(folder.join("stdout")).unwrap();
        command
            .current_dir(folder)
            .env("TMPDIR", folder)
            .stdout(stdout);
        Self::spawn(command, flags, environment)
    }

    fn spawn(mut command: Command, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        for (key, _) in
            env::vars_os().filter(|(key, _)| key.as_encoded_bytes().starts_with(b"SER__"))
        {
            command.env_remove(key);
        }
        if !flags.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .args(["--log-format", "json"])
            .args(flags)
            // Whatever else the machine does, unless the test is about that.
            .env("SER__OVERLOAD__LAG", "1h")
            .env("SER__OVERLOAD__UTILISATION", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(watch::Sender::new(Vec::new()));
        let (found, address) = mpsc::channel();
        let sink = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = listening_address(&line) {
                    let _ = found.send(address);
                }
                sink.send_modify(|log| log.push(line));
            }
        });
        let Ok(address) = address.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the server doesn't listen; it said {:#?}", log.borrow());
        };
        Self {
            child,
            address,
            log,
            reader: Some(reader),
        }
    }

    /// Starts a server with the embedded model and waits until it is ready.
    pub async fn ready() -> (Self, Channel) {
        let server = Self::start(&[], &[]);
        let channel = server.channel().await;
        until_serving(channel.clone()).await;
        (server, channel)
    }

    /// Where it listens, as clients name it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens, for clients that speak TLS.
    #[must_use]
    pub fn secure_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a line of the log holds `text`, after `lines` of them; gives the line
    /// and how many there are with it.
    ///
    /// # Panics
    ///
    /// When there is none in time.
    pub async fn until_said(&self, text: &str, lines: usize) -> (String, usize) {
        let mut log = self.log.subscribe();
        let position = |log: &Vec<String>| {
            let mut later = log.iter().enumerate().skip(lines);
            later.find_map(|(index, line)| line.contains(text).then_some(index))
        };
        let said = timeout(PATIENCE, log.wait_for(|log| position(log).is_some()));
        let log = said.await.expect("it says so in time").unwrap();
        let index = position(&log).expect("it was there");
        (log[index].clone(), index + 1)
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A new connection.
    pub async fn channel(&self) -> Channel {
        connect(self.address).await
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the process has ended and returns its status and log.
    pub fn wait(&mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status, self.log.borrow().clone())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The backend and the execution provider that `GetModel` reports of a model, or of
/// the default when `model` is empty.
pub async fn placement(channel: Channel, model: &str) -> (String, String) {
    let request = GetModelRequest {
        model: model.to_owned(),
    };
    let response = ModelsClient::new(channel).get_model(request).await.unwrap();
    let model = response.into_inner().model.unwrap();
    (model.backend, model.execution_provider)
}

fn listening_address(line: &str) -> Option<SocketAddr> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    let listening = event["message"].as_str()?.starts_with("listening on ");
    listening.then(|| event["address"].as_str()?.parse().ok())?
}

/// An address where nobody listens, and nobody else can.
pub struct Nobody(TcpSocket);

impl Nobody {
    /// Takes a free port.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket)
    }

    /// As clients name it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

impl Default for Nobody {
    fn default() -> Self {
        Self::new()
    }
}

/// A server in this process, with backends of the test's own. Stopped when
/// dropped.
pub struct InProcess {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result<(), ser_server::Error>>,
}

impl InProcess {
    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it doesn't become so.
    pub async fn start(mut config: Config, backends: BackendRegistry) -> Self {
        config.server.drain = Duration::from_secs(5);
        let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let telemetry = Telemetry::without_logs(&config).unwrap();
        let task = tokio::spawn(serve::run(listener, config, backends, telemetry, shutdown));
        let server = Self {
            address,
            stop: Some(stop),
            task,
        };
        until_serving(server.channel().await).await;
        server
    }

    /// A new connection.
    pub async fn channel(&self) -> Channel {
        connect(self.address).await
    }

    /// Stops the server and waits for its end.
    ///
    /// # Panics
    ///
    /// When it fails, or doesn't end.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        timeout(PATIENCE, &mut self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(address: SocketAddr) -> Channel {
    channel_to(&address.to_string()).await
}

/// A new connection to the server at `address`, as `HOST:PORT`.
///
/// # Panics
///
/// When none comes about.
pub async fn channel_to(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// Waits until health says that everything is served.
pub async fn until_serving(channel: Channel) {
    until_health(channel, ServingStatus::Serving).await;
}

/// Waits until health says `status` of the server as a whole.
///
/// # Panics
///
/// When it never does.
pub async fn until_health(channel: Channel, status: ServingStatus) {
    HealthWatch::open(channel).await.until(status).await;
}

/// What health says of the server as a whole, from now on.
pub struct HealthWatch(Streaming<HealthCheckResponse>);

impl HealthWatch {
    /// Starts to watch: when this returns, no change is missed any more.
    ///
    /// # Panics
    ///
    /// When the server doesn't answer in time.
    pub async fn open(channel: Channel) -> Self {
        let mut health = HealthClient::new(channel);
        let watch = health.watch(HealthCheckRequest::default());
        let watch = timeout(PATIENCE, watch).await.expect("an answer in time");
        Self(watch.unwrap().into_inner())
    }

    /// Waits until health says `status`.
    ///
    /// # Panics
    ///
    /// When it never does.
    pub async fn until(&mut self, status: ServingStatus) {
        let watch = async {
            loop {
                let change = self.0.message().await.unwrap();
                if change.expect("the watch goes on").status() == status {
                    break;
                }
            }
        };
        timeout(PATIENCE, watch).await.expect("the status in time");
    }
}
