//! Which limits each method has.

use std::{convert::Infallible, sync::Arc};

use ser_proto::inference::{
    ModelInferRequest, ModelInferResponse,
    grpc_inference_service_server::{
        GrpcInferenceService, GrpcInferenceServiceServer, SERVICE_NAME,
    },
};
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
    codegen::{self, BoxFuture, http},
    server::{Grpc, NamedService, UnaryService},
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

use super::{Service, weight};
use crate::services::{LARGEST_NAME_REQUEST, clip_gate::LARGEST_CLIP_REQUEST, hears_audio};

/// Serves `ModelInfer`, whose requests are large and are weighed before they are decoded,
/// and every other method, whose requests carry a name at most.
#[derive(Clone, Debug)]
pub(in crate::services) struct Server {
    service: Arc<Service>,
    others: GrpcInferenceServiceServer<Service>,
}

impl Server {
    pub(super) fn new(service: Service) -> Self {
        let service = Arc::new(service);
        let others = GrpcInferenceServiceServer::from_arc(Arc::clone(&service));
        Self {
            service,
            others: others.max_decoding_message_size(LARGEST_NAME_REQUEST),
        }
    }
}

impl codegen::Service<http::Request<Body>> for Server {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(
        &mut self,
        _context: &mut codegen::Context<'_>,
    ) -> codegen::Poll<Result<(), Infallible>> {
        codegen::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if !hears_audio(request.uri().path()) {
            return self.others.call(request);
        }
        let infer = Infer(Arc::clone(&self.service));
        Box::pin(async move {
            let grpc = Grpc::new(Weighed);
            let mut grpc = grpc.max_decoding_message_size(LARGEST_CLIP_REQUEST);
            Ok(grpc.unary(infer, request).await)
        })
    }
}

impl NamedService for Server {
    const NAME: &'static str = SERVICE_NAME;
}

/// The method.
struct Infer(Arc<Service>);

impl UnaryService<ModelInferRequest> for Infer {
    type Response = ModelInferResponse;
    type Future = BoxFuture<Response<ModelInferResponse>, Status>;

    fn call(&mut self, request: Request<ModelInferRequest>) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move { service.model_infer(request).await })
    }
}

/// Its messages.
#[derive(Debug)]
struct Weighed;

impl Codec for Weighed {
    type Encode = ModelInferResponse;
    type Decode = ModelInferRequest;
    type Encoder = ProstEncoder<ModelInferResponse>;
    type Decoder = WeighedDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<ModelInferResponse, ModelInferRequest>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        let mut codec = ProstCodec::<ModelInferResponse, ModelInferRequest>::default();
        WeighedDecoder(codec.decoder())
    }
}

#[derive(Debug)]
struct WeighedDecoder(ProstDecoder<ModelInferRequest>);

impl Decoder for WeighedDecoder {
    type Item = ModelInferRequest;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<ModelInferRequest>, Status> {
        weight::check(prost::bytes::Buf::chunk(message))?;
        self.0.decode(message)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}
