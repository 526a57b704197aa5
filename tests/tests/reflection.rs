//! Generic gRPC tools find their way without the `.proto` files.

use ser_tests::server::ServerProcess;
use tokio_stream::StreamExt;
use tonic_reflection::pb;

const SERVICES: [&str; 4] = [
    "grpc.health.v1.Health",
    "ser.v1.Models",
    "ser.v1.SpeechEmotion",
    "ser.v1.SpeechEmotionClips",
];

/// Both versions of the reflection protocol have the same messages, as different
/// types.
macro_rules! lists_every_service {
    ($test:ident, $version:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            use pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let (_server, channel) = ServerProcess::ready().await;
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let answers = ServerReflectionClient::new(channel)
                .server_reflection_info(tokio_stream::once(request))
                .await
                .expect("reflection");
            let answer = answers
                .into_inner()
                .next()
                .await
                .expect("an answer")
                .expect("no error");
            let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
                panic!("a list: {answer:?}");
            };
            let names: Vec<_> = list
                .service
                .into_iter()
                .map(|service| service.name)
                .collect();
            for service in SERVICES {
                assert!(
                    names.iter().any(|name| name == service),
                    "{service} in {names:?}"
                );
            }
        }
    };
}

lists_every_service!(version_1_lists_every_service, v1);
lists_every_service!(version_1alpha_lists_every_service, v1alpha);
