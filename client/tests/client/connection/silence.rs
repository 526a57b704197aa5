//! Servers that say nothing.

use super::*;

/// Accepts streams, and then says no more.
async fn mute(mut call: Call) {
    call.accept().await;
    std::future::pending().await
}

#[tokio::test]
async fn a_server_that_keeps_silent_is_passed_over() {
    let silent = FakeServer::start(|mut call| async move {
        call.config().await;
        std::future::pending::<()>().await;
    });
    let speaking = server();
    let client = Client::builder([&silent.address, &speaking.address])
        .timeouts(Timeouts {
            connect: Duration::from_secs(60),
            answer: Duration::from_secs(2),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    assert_eq!(spread(&client, 4).await[&speaking.address], 4);
}

#[tokio::test]
async fn a_recording_leaves_a_server_that_falls_silent() {
    let (mute, speaking) = (FakeServer::start(mute), server());
    let client = Client::builder([&mute.address, &speaking.address])
        .timeouts(Timeouts {
            silence: Duration::from_secs(2),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    let file = Recording::seconds(1);
    let recording = audio::Recording::open(Path::new(file.path())).unwrap();
    // One of two has the mute server's turn.
    for _ in 0..2 {
        let said = client.classify(&recording, RecognitionOptions::default());
        assert_eq!(patiently(said).await.unwrap().server, speaking.address);
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_not_used_again() {
    let connections = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&connections);
    let server = FakeServer::start(move |call| {
        seen.lock().unwrap().insert(call.client);
        mute(call)
    });
    let client = Client::builder([&server.address])
        .timeouts(Timeouts {
            silence: Duration::from_secs(1),
            ..Timeouts::default()
        })
        .resume(false)
        .connect();
    let client = patiently(client).await.unwrap();
    let (sink, mut results) = stream(&client).await.unwrap();
    drop(sink);
    let silent = patiently(results.next()).await;
    assert!(matches!(silent, Err(Error::Silent { .. })), "{silent:?}");
    assert_eq!(connections.lock().unwrap().len(), 1);

    let (mut sink, mut results) = stream(&client).await.unwrap();
    assert_eq!(connections.lock().unwrap().len(), 2);
    let more_than_it_takes = Bytes::from(vec![0; 16 << 20]);
    let ended = patiently(sink.send(more_than_it_takes)).await;
    assert!(matches!(ended, Err(Error::Ended)), "{ended:?}");
    let silent = patiently(results.next()).await;
    assert!(matches!(silent, Err(Error::Silent { .. })), "{silent:?}");

    stream(&client).await.unwrap();
    assert_eq!(connections.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn nobody_has_to_lose_patience() {
    let server = server();
    let client = Client::builder([&server.address]).timeouts(Timeouts {
        connect: Duration::MAX,
        answer: Duration::MAX,
        silence: Duration::MAX,
        resume: Duration::MAX,
    });
    let client = patiently(client.connect()).await.unwrap();
    let (sink, results) = stream(&client).await.unwrap();
    drop(sink);
    let events: Vec<_> = patiently(results.collect()).await;
    assert!(
        matches!(events.as_slice(), [Ok(Event::Summary(_))]),
        "{events:?}"
    );
}

#[tokio::test]
async fn silence_after_the_half_close_ends_a_stream() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.rest().await;
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        std::future::pending::<()>().await;
    });
    let client = Client::builder([&server.address])
        .timeouts(Timeouts {
            silence: Duration::from_secs(2),
            ..Timeouts::default()
        })
        .resume(false)
        .connect();
    let client = patiently(client).await.unwrap();
    let (mut sink, results) = stream(&client).await.unwrap();
    sink.send(Bytes::from_static(&[0; 320])).await.unwrap();
    drop(sink);
    let events: Vec<_> = patiently(results.collect()).await;
    assert!(
        matches!(
            events.as_slice(),
            [Ok(Event::Result(_)), Err(Error::Silent { .. })]
        ),
        "{events:?}"
    );
}
