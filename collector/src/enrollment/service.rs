//! The enrolment service of the wire: bounds, rate, and one place where errors become statuses.

use firstline_proto::convert::{check_certificate_request, check_enroll_request};
use firstline_proto::v1::enrollment_service_server::EnrollmentService;
use firstline_proto::v1::{EnrollRequest, EnrollResponse, RenewRequest, RenewResponse};
use metrics::counter;
use tonic::{Request, Response, Status};
use tracing::{error, info, warn};

use super::rate::Rate;
use super::{Enrollment, EnrollmentError};
use crate::edge::Peer;
use crate::metrics::ENROLLMENTS;

/// Answers Enroll and Renew.
#[derive(Debug)]
pub struct Service {
    enrollment: Enrollment,
    rate: Rate,
}

impl Service {
    /// Over `enrollment`; an address may try `wrong_tokens_per_minute` wrong tokens.
    pub fn new(enrollment: Enrollment, wrong_tokens_per_minute: u32) -> Self {
        Self { enrollment, rate: Rate::new(wrong_tokens_per_minute) }
    }

    fn refused(&self, cause: &EnrollmentError, peer: &Peer) -> Status {
        counter!(ENROLLMENTS, "outcome" => cause.outcome()).increment(1);
        let address = peer.address.ip();
        match cause {
            EnrollmentError::Authority(_) | EnrollmentError::Store(_) if cause.outcome() == "failed" => {
                error!(client.address = %address, error = %cause, "Enrolment failed");
                Status::internal("the collector could not do it; see its log")
            }
            EnrollmentError::WrongToken => {
                self.rate.wrong(address, self.enrollment.clock.now());
                warn!(client.address = %address, "Enrolment refused: {cause}");
                Status::unauthenticated(cause.to_string())
            }
            EnrollmentError::Wish(_) | EnrollmentError::Authority(_) => {
                warn!(client.address = %address, "Enrolment refused: {cause}");
                Status::invalid_argument(cause.to_string())
            }
            _ => {
                warn!(client.address = %address, outcome = cause.outcome(), "Enrolment refused: {cause}");
                Status::permission_denied(cause.to_string())
            }
        }
    }
}

#[tonic::async_trait]
impl EnrollmentService for Service {
    async fn enroll(&self, request: Request<EnrollRequest>) -> Result<Response<EnrollResponse>, Status> {
        let peer = Peer::of(&request)?;
        if self.rate.exceeded(peer.address.ip(), self.enrollment.clock.now()) {
            counter!(ENROLLMENTS, "outcome" => "rate_limited").increment(1);
            return Err(Status::resource_exhausted("too many wrong tokens from this address; wait a minute"));
        }
        let request = request.into_inner();
        let (token, csr) = (request.token.clone(), request.certificate_request.clone());
        let machine = check_enroll_request(request).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        let enrolled = self.enrollment.enroll(&token, &csr, machine).await;
        let (endpoint_id, issued) = enrolled.map_err(|cause| self.refused(&cause, &peer))?;
        counter!(ENROLLMENTS, "outcome" => "enrolled").increment(1);
        info!(host.id = %endpoint_id, client.address = %peer.address.ip(), "Endpoint {endpoint_id} enrolled");
        let authorities = self.enrollment.authorities();
        Ok(Response::new(EnrollResponse { endpoint_id, certificate_chain: issued.chain, authorities }))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        let peer = Peer::of(&request)?;
        let certificate = peer.endpoint()?;
        let csr = request.into_inner().certificate_request;
        check_certificate_request(&csr).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        let issued = self.enrollment.renew(certificate, &csr).await.map_err(|cause| self.refused(&cause, &peer))?;
        counter!(ENROLLMENTS, "outcome" => "renewed").increment(1);
        info!(host.id = %certificate.endpoint_id, "Certificate of endpoint {} renewed", certificate.endpoint_id);
        let authorities = self.enrollment.authorities();
        Ok(Response::new(RenewResponse { certificate_chain: issued.chain, authorities, ..RenewResponse::default() }))
    }
}
