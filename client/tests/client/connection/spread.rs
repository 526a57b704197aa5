//! Streams go to all servers that answer.

use super::*;

#[tokio::test]
async fn streams_go_round_all_servers() {
    let servers = [server(), server(), server()];
    let addresses: Vec<_> = servers.iter().map(|s| s.address.as_str()).collect();
    let client = connect(&addresses).await;
    let spread = spread(&client, 9).await;
    for address in addresses {
        assert_eq!(spread[address], 3, "{spread:?}");
    }
}

#[tokio::test]
async fn a_server_named_twice_counts_once() {
    let servers = [server(), server()];
    let (first, second) = (&*servers[0].address, &*servers[1].address);
    let client = connect(&[first, second, first]).await;
    let spread = spread(&client, 6).await;
    assert_eq!((spread[first], spread[second]), (3, 3));
}

#[tokio::test]
async fn streams_share_the_connections_to_a_server() {
    for connections in [1, 3] {
        let clients = Arc::new(Mutex::new(HashMap::<_, usize>::new()));
        let seen = Arc::clone(&clients);
        let server = FakeServer::start(move |call| {
            *seen.lock().unwrap().entry(call.client).or_default() += 1;
            obliging(call)
        });
        let client = Client::builder([&server.address])
            .connections(NonZeroUsize::new(connections).unwrap())
            .connect();
        spread(&patiently(client).await.unwrap(), 9).await;
        let clients = clients.lock().unwrap();
        assert_eq!(clients.len(), connections);
        // Connecting takes the first turn.
        assert!(clients.values().all(|streams| *streams == 9 / connections));
    }
}

#[tokio::test]
async fn a_dead_server_is_passed_over() {
    let dead = ReservedPort::new();
    let living = [server(), server()];
    let client = connect(&[&living[0].address, &dead.address(), &living[1].address]).await;
    let spread = spread(&client, 9).await;
    for server in &living {
        assert!(spread[&server.address] >= 3, "{spread:?}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_gets_streams_again() {
    let port = ReservedPort::new();
    let address = port.address();
    let living = server();
    let client = connect(&[&address, &living.address]).await;
    // Both have had their turn.
    assert_eq!(spread(&client, 2).await[&living.address], 2);

    let _back = FakeServer::start_on(port, obliging);
    let until_back = async { while !spread(&client, 1).await.contains_key(&address) {} };
    patiently(until_back).await;
}

#[tokio::test]
async fn a_stream_that_is_not_to_be_resumed_dies_with_its_server() {
    let streams = Arc::new(AtomicUsize::new(0));
    let script = |streams: &Arc<AtomicUsize>| {
        let streams = Arc::clone(streams);
        move |mut call: Call| {
            streams.fetch_add(1, Ordering::Relaxed);
            async move {
                call.accept().await;
                // Dropped, it would end the stream in good order.
                std::mem::forget(call);
            }
        }
    };
    let servers = [&streams, &streams].map(|streams| FakeServer::start(script(streams)));
    let addresses = servers.each_ref().map(|server| server.address.clone());
    let client = Client::builder(addresses).resume(false).connect();
    let client = patiently(client).await.unwrap();
    let (_sink, mut results) = stream(&client).await.unwrap();
    let [dies, lives]: [FakeServer; 2] = {
        let mut servers = Vec::from(servers);
        servers.sort_by_key(|server| server.address != results.server());
        servers.try_into().ok().unwrap()
    };
    let address = dies.address.clone();
    drop(dies);
    let lost = patiently(results.next()).await.unwrap_err();
    assert!(
        matches!(&lost, Error::Lost { address: named, .. } if *named == address),
        "{lost:?}"
    );
    assert_eq!(patiently(results.next()).await.unwrap(), None, "it is over");
    assert_eq!(streams.load(Ordering::Relaxed), 1);
    assert_eq!(spread(&client, 4).await[&lives.address], 4);
}

#[tokio::test]
async fn servers_that_cannot_be_reached_are_told_together() {
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let addresses = ports.each_ref().map(ReservedPort::address);
    let client = Client::builder(&addresses).timeouts(Timeouts {
        connect: Duration::from_millis(100),
        ..Timeouts::default()
    });
    let error = patiently(client.connect()).await.unwrap_err().to_string();
    let all = format!("nothing answers at {}, {} (", addresses[0], addresses[1]);
    assert!(error.starts_with(&all), "{error}");
    assert_eq!(error.matches("refused").count(), 1, "{error}");
}

#[tokio::test]
async fn the_program_takes_several_servers() {
    let dead = ReservedPort::new();
    let server = server();
    let recording = Recording::seconds(1);
    let servers = format!("{},{}", dead.address(), server.address);
    let ended = run(&servers, &["stream", recording.path(), "--fast"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let (dead, living) = (dead.address(), server.address.as_str());
    let arguments = ["models", "--server", &dead, "--server", living];
    let ended = run("http://127.0.0.1:1", &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
