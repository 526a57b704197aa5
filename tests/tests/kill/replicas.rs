//! Servers that are killed, stopped, and started again where they were.

use std::{net::SocketAddr, time::Duration};

use rustix::process::Signal;
use ser_tests::server::{ServerProcess, until_serving};
use tokio::{net::TcpSocket, task::spawn_blocking, time::sleep};

pub(crate) const REPLICAS: usize = 3;

/// How long a replica has for its streams when it is stopped; and none refuses streams
/// because so many come at once.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("SER__SERVER__DRAIN", "3s"),
    ("SER__OVERLOAD__BURST", "100000"),
];

/// Of what happens when. Reproducible but for the scheduling of threads.
const SEED: u64 = 20_261_123;

/// An address of a replica, which it keeps for all its lives.
#[derive(Debug)]
struct Address {
    at: SocketAddr,
    /// Bound, and never listening: nobody else is given the port meanwhile.
    _reserved: TcpSocket,
}

impl Address {
    fn reserve() -> Self {
        let reserved = TcpSocket::new_v4().expect("a socket");
        reserved.set_reuseaddr(true).expect("a new socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        reserved.bind(any).expect("a free port");
        Self {
            at: reserved.local_addr().expect("it is bound"),
            _reserved: reserved,
        }
    }
}

pub(crate) struct Replicas {
    flags: Vec<String>,
    addresses: Vec<Address>,
    servers: Vec<ServerProcess>,
}

/// How replicas ended.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    pub(crate) killed: usize,
    pub(crate) stopped: usize,
}

impl Replicas {
    /// Starts all, and waits until they serve.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let mut replicas = Self {
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            addresses: (0..REPLICAS).map(|_| Address::reserve()).collect(),
            servers: Vec::new(),
        };
        for index in 0..REPLICAS {
            let server = replicas.replica(index).await;
            until_serving(server.channel().await).await;
            replicas.servers.push(server);
        }
        replicas
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        let addresses = self.addresses.iter();
        addresses
            .map(|address| format!("http://{}", address.at))
            .collect()
    }

    async fn replica(&self, index: usize) -> ServerProcess {
        let flags = self.flags.clone();
        let address = self.addresses[index].at.to_string();
        let start = move || {
            let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
            flags.extend(["--listen", &address]);
            ServerProcess::start(&flags, &ENVIRONMENT)
        };
        spawn_blocking(start).await.expect("it starts")
    }

    /// Ends one after the other and starts it again, until `done` is.
    pub(crate) async fn come_and_go<T>(mut self, done: impl Future<Output = T>) -> (T, Kills) {
        let mut kills = Kills::default();
        let ending = async {
            let mut random = Random(SEED);
            loop {
                sleep(Duration::from_millis(300 + random.below(1_500))).await;
                let index = random.below(REPLICAS as u64) as usize;
                let signal = if random.below(2) == 0 {
                    kills.killed += 1;
                    Signal::KILL
                } else {
                    kills.stopped += 1;
                    Signal::TERM
                };
                self.end(index, signal).await;
                self.servers.insert(index, self.replica(index).await);
            }
        };
        let done = tokio::select! {
            done = done => done,
            () = ending => unreachable!("it has no end of its own"),
        };
        (done, kills)
    }

    /// Waits until the process has gone.
    async fn end(&mut self, index: usize, signal: Signal) {
        let mut server = self.servers.remove(index);
        server.signal(signal);
        let waiting = spawn_blocking(move || server.wait());
        let (status, log) = waiting.await.expect("it ends");
        if signal == Signal::TERM {
            assert!(status.success(), "{log:#?}");
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
