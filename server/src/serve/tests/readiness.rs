//! What is served when: while models load, hang, are gone, or the server ends.

use super::*;

#[tokio::test]
async fn nothing_is_served_before_the_models_are_loaded() {
    let server = start().await;
    let services = [
        "",
        "ser.v1.SpeechEmotion",
        "ser.v1.SpeechEmotionClips",
        "ser.v1.Models",
    ];
    for service in services {
        assert_eq!(
            health(&server.channel, service).await,
            ServingStatus::NotServing
        );
    }
    let (said, end) = stream(&server.channel, requests()).await;
    let end = end.unwrap();
    assert!(said.is_empty());
    assert_eq!(
        (end.code(), end.message()),
        (Code::Unavailable, "server: loading models")
    );

    drop(server.load);
    wait_until_ready(&server.channel).await;
    for service in services {
        assert_eq!(
            health(&server.channel, service).await,
            ServingStatus::Serving
        );
    }
    let (said, end) = stream(&server.channel, requests()).await;
    assert!(end.is_none(), "{end:?}");
    assert!(matches!(said[0].response, Some(Response::Started(_))));
    assert!(matches!(
        said.last().unwrap().response,
        Some(Response::Summary(_))
    ));

    server.stop.cancel();
    drop(server.channel);
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_model_that_hangs_turns_readiness_until_it_is_replaced() {
    let server = ready().await;
    let hang = &server.fixture.backend.hang_loud;
    hang.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut loud = requests();
    loud[1] = Request::Audio(bytes(&babble(16_000, 2.0, 1.0, 1)).into());
    let (_, end) = stream(&server.channel, loud.clone()).await;
    assert_eq!(end.unwrap().code(), Code::Unavailable);
    wait_until(&server.channel, ServingStatus::NotServing).await;

    hang.store(false, std::sync::atomic::Ordering::Relaxed);
    server.load.send(()).unwrap();
    let request = ReloadModelRequest {
        model: "double/1".to_owned(),
    };
    let reloaded = ModelRepositoryClient::new(server.admin.clone())
        .reload_model(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reloaded.model.unwrap().state(), State::Serving);
    wait_until_ready(&server.channel).await;
    let (_, end) = stream(&server.channel, loud).await;
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test]
async fn a_server_without_models_is_not_ready() {
    let server = ready().await;
    let mut admin = ModelRepositoryClient::new(server.admin.clone());
    for model in ["double/1", "memory/1"] {
        let model = model.to_owned();
        admin
            .unload_model(UnloadModelRequest { model })
            .await
            .unwrap();
    }
    wait_until(&server.channel, ServingStatus::NotServing).await;
    let (_, end) = stream(&server.channel, requests()).await;
    let end = end.unwrap();
    let message = "config.options.model: none given, and the default \"double\" is not served; \
                   expected none, there are no models";
    assert_eq!((end.code(), end.message()), (Code::Unavailable, message));

    server.load.send(()).unwrap();
    let model = "memory/1".to_owned();
    admin.load_model(LoadModelRequest { model }).await.unwrap();
    wait_until_ready(&server.channel).await;
}

#[tokio::test]
async fn operators_are_told_that_models_are_loading() {
    let server = start().await;
    let model = "double/1".to_owned();
    let error = ModelRepositoryClient::new(server.admin.clone())
        .unload_model(UnloadModelRequest { model })
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::Unavailable, "server: loading models")
    );
}

#[tokio::test]
async fn a_load_does_not_hold_up_the_end() {
    let server = ready().await;
    let mut admin = ModelRepositoryClient::new(server.admin.clone());
    let mut reload = std::pin::pin!(admin.reload_model(ReloadModelRequest {
        model: "double/1".to_owned(),
    }));
    let mut watching = ModelRepositoryClient::new(server.admin.clone());
    // Once this is answered, the call before it has arrived.
    tokio::select! {
        biased;
        ended = &mut reload => panic!("{ended:?}"),
        listed = watching.list_repository(ListRepositoryRequest {}) => drop(listed.unwrap()),
    }
    server.stop.cancel();
    let error = reload.await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::Unavailable, "server: shutting down")
    );
    // So that the runtime has nothing left to wait for.
    drop(server.load);
    drop((server.channel, server.admin));
    server.ended.await.unwrap().unwrap();
}
