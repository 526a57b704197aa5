//! Names of several servers, resolved by the test.

use super::*;

/// Knows what a test lets it know.
#[derive(Clone, Default)]
struct Registry(Arc<Mutex<Vec<SocketAddr>>>);

impl Registry {
    fn of(servers: &[&FakeServer]) -> Self {
        let registry = Self::default();
        registry.set(servers);
        registry
    }

    fn set(&self, servers: &[&FakeServer]) {
        *self.0.lock().unwrap() = servers.iter().map(|server| ip(&server.address)).collect();
    }
}

impl Resolver for Registry {
    fn resolve<'a>(&'a self, name: &'a str, _: u16) -> Resolution<'a> {
        let known = self.0.lock().unwrap().clone();
        Box::pin(async move {
            if name == "ser" {
                Ok(known)
            } else {
                Err(io::Error::other(format!("{name} is unknown")))
            }
        })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

#[tokio::test]
async fn a_name_counts_as_every_server_behind_it() {
    let servers = [server(), server()];
    let client = Client::builder(["http://ser:50051"])
        .resolver(Registry::of(&[&servers[0], &servers[1]]))
        .connect();
    let spread = spread(&patiently(client).await.unwrap(), 6).await;
    for server in &servers {
        let name = format!("http://ser:50051 ({})", ip(&server.address));
        assert_eq!(spread[&name], 3, "{spread:?}");
    }
}

#[tokio::test]
async fn a_failure_makes_names_be_resolved_again() {
    let (old, new) = (server(), server());
    let registry = Registry::of(&[&old]);
    let client = Client::builder(["http://ser:50051"])
        .resolver(registry.clone())
        .timeouts(Timeouts {
            connect: Duration::from_secs(60),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    assert_eq!(spread(&client, 2).await.len(), 1);
    registry.set(&[&new]);
    drop(old);
    let (_, results) = stream(&client).await.unwrap();
    assert!(results.server().contains(&ip(&new.address).to_string()));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_at_once() {
    for (server, reason) in [
        ("http://nobody:1", "nobody is unknown"),
        ("http://ser:1", "ser has no address"),
    ] {
        let client = Client::builder([server]).resolver(Registry::default());
        let error = patiently(client.connect()).await.unwrap_err();
        let said = format!("nothing answers at {server} ({reason})");
        assert_eq!(error.to_string(), said);
    }
    let no_servers: [&str; 0] = [];
    let error = Client::builder(no_servers).connect().await.unwrap_err();
    assert!(error.to_string().contains("no server was named"));
}

/// Knows one name at once, and the other when it is let.
#[derive(Debug)]
struct HalfSlow {
    quick: SocketAddr,
    slow: SocketAddr,
    answers: Arc<Semaphore>,
}

impl Resolver for HalfSlow {
    fn resolve<'a>(&'a self, name: &'a str, _: u16) -> Resolution<'a> {
        Box::pin(async move {
            if name == "slow" {
                let _answer = self.answers.acquire().await.unwrap();
                return Ok(vec![self.slow]);
            }
            Ok(vec![self.quick])
        })
    }
}

#[tokio::test]
async fn a_name_that_takes_its_time_holds_up_no_other() {
    let (quick, slow) = (server(), server());
    let answers = Arc::new(Semaphore::new(0));
    let resolver = HalfSlow {
        quick: ip(&quick.address),
        slow: ip(&slow.address),
        answers: Arc::clone(&answers),
    };
    let client = Client::builder(["http://slow:1", "http://quick:1"])
        .resolver(resolver)
        .timeouts(Timeouts {
            connect: Duration::from_secs(3_600),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    let [quick, slow] = [("quick", &quick), ("slow", &slow)]
        .map(|(name, server)| format!("http://{name}:1 ({})", ip(&server.address)));
    assert_eq!(spread(&client, 4).await[&quick], 4);

    answers.add_permits(1);
    let until_known = async { while !spread(&client, 1).await.contains_key(&slow) {} };
    patiently(until_known).await;
}
