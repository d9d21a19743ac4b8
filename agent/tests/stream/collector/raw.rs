//! Answers a stream with bytes that are no frames.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

/// Says these bytes as one message of gRPC, whatever is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw(pub(crate) &'static [u8]);

impl NamedService for Raw {
    const NAME: &'static str = "firstline.v1.AgentService";
}

impl Service<http::Request<Body>> for Raw {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let length = u32::try_from(self.0.len()).expect("a short message").to_be_bytes();
        let message: Vec<u8> = [&[0], &length[..], self.0].concat();
        let response = http::Response::builder().header("content-type", "application/grpc");
        ready(Ok(response.body(Body::new(Full::new(Bytes::from(message)))).expect("a response")))
    }
}
