//! What the listener answers.

use super::*;

#[tokio::test]
async fn models_are_listed_and_found() {
    let server = ready().await;
    let mut models = ModelsClient::new(server.channel.clone());
    let listed = models
        .list_models(ListModelsRequest {})
        .await
        .unwrap()
        .into_inner()
        .models;
    let names: Vec<_> = listed
        .iter()
        .map(|model| (model.name.as_str(), model.is_default))
        .collect();
    assert_eq!(names, [("double", true), ("memory", false)]);
    assert!(listed[0].window.is_some() && listed[1].window.is_none());
    let mut get = async |model: &str| {
        let request = GetModelRequest {
            model: model.to_owned(),
        };
        models
            .get_model(request)
            .await
            .map(|response| response.into_inner().model.unwrap())
    };
    assert_eq!(get("").await.unwrap(), listed[0]);
    assert_eq!(get("memory/1").await.unwrap(), listed[1]);
    let error = get("A b").await.unwrap_err();
    let message = "model: \"A b\"; expected name or name/version, of [a-z0-9][a-z0-9._-]*";
    assert_eq!(
        (error.code(), error.message()),
        (Code::InvalidArgument, message)
    );
    let error = get("double/9").await.unwrap_err();
    let message = "model: \"double/9\" is not served; expected one of double/1, memory/1";
    assert_eq!((error.code(), error.message()), (Code::NotFound, message));
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_its_stream_alone() {
    let server = ready().await;
    let mut too_large = requests();
    too_large.push(Request::Audio(vec![0; 300_000].into()));
    let (said, end) = stream(&server.channel, too_large).await;
    assert_eq!(end.unwrap().code(), Code::OutOfRange);
    let results = said
        .iter()
        .filter(|response| matches!(response.response, Some(Response::Result(_))))
        .count();
    // Windows end at 0.6, 0.8, … 2.0 s.
    assert_eq!(results, 8);
    let (_, end) = stream(&server.channel, requests()).await;
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test]
async fn a_clip_that_never_comes_is_not_waited_for_forever() {
    let server = ready().await;
    let mut clips = Grpc::new(server.channel.clone());
    clips.ready().await.unwrap();
    let nothing = tonic::Request::new(tokio_stream::pending::<RecognizeRequest>());
    let path = PathAndQuery::from_static("/ser.v1.SpeechEmotionClips/Recognize");
    let codec = tonic_prost::ProstCodec::<RecognizeRequest, RecognizeResponse>::default();
    let error = clips
        .client_streaming(nothing, path, codec)
        .await
        .unwrap_err();
    let message = "clip: unfinished for 0.2s; expected a shorter clip or a faster upload";
    assert_eq!(
        (error.code(), error.message()),
        (Code::DeadlineExceeded, message)
    );
}

#[tokio::test]
async fn the_services_describe_themselves() {
    let server = ready().await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(server.channel.clone())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers
        .next()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer else {
        panic!("{answer:?}; expected the services")
    };
    let names: Vec<_> = listed
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for name in [
        "ser.v1.SpeechEmotion",
        "ser.v1.SpeechEmotionClips",
        "ser.v1.Models",
    ] {
        assert!(names.iter().any(|listed| listed == name), "{names:?}");
    }
}
