//! The enrolment service of the wire: bounds, rate, and one place where errors become statuses.

use std::time::Duration;

use firstline_proto::convert::{check_certificate_request, check_enroll_request, check_fork};
use firstline_proto::v1::enrollment_service_server::EnrollmentService;
use firstline_proto::v1::{EnrollRequest, EnrollResponse, RenewRequest, RenewResponse};
use metrics::counter;
use tonic::{Request, Response, Status};
use tracing::{error, info, warn};

use super::rate::Rate;
use super::{Enrollment, EnrollmentError};
use crate::authority::{AuthorityError, CertificateOf};
use crate::edge::Peer;
use crate::edge::budget::Budget;
use crate::fleet::{Fleet, ForkError};
use crate::metrics::ENROLLMENTS;
use crate::outage::{causes, is_passing};

/// What is told while nothing can be signed; where the key should be is for the log.
const KEY_AWAY: &str =
    "the collector cannot sign certificates now, its authority's key is not in its place; try again later";

/// What is told while the database takes nothing; the store says so in the log.
const STORE_AWAY: &str = "the collector cannot store anything now; try again later";

/// Renewals (and identities of their own for copies) that one endpoint may ask for in a row, and how often another one after
/// that: each is a signature and a row. Agents ask once in weeks.
const RENEWALS_IN_A_ROW: u32 = 60;
const RENEWALS_EVERY: Duration = Duration::from_secs(10);

/// Answers Enroll and Renew.
#[derive(Debug)]
pub struct Service {
    enrollment: Enrollment,
    fleet: Fleet,
    rate: Rate,
    renewals: Budget,
}

impl Service {
    /// Over `enrollment`, and `fleet` for machines that share an identity; an address may try `wrong_tokens_per_minute` wrong tokens.
    pub fn new(enrollment: Enrollment, fleet: Fleet, wrong_tokens_per_minute: u32) -> Self {
        let renewals = Budget::new(RENEWALS_IN_A_ROW, RENEWALS_EVERY);
        Self { enrollment, fleet, rate: Rate::new(wrong_tokens_per_minute), renewals }
    }

    /// Refuses an endpoint that asks for one certificate after the other.
    fn admit(&self, endpoint_id: &str) -> Result<(), Status> {
        self.renewals.take(endpoint_id, 1).map_err(|over| {
            counter!(ENROLLMENTS, "outcome" => "too_often").increment(1);
            if over.first {
                warn!(
                    host.id = %endpoint_id,
                    "Endpoint {endpoint_id} asks for certificates more often than an agent does; beyond one in {} s it is refused. \
                     Revoke it when it does not end",
                    RENEWALS_EVERY.as_secs()
                );
            }
            Status::resource_exhausted("this endpoint asks for certificates too often")
        })
    }

    fn refused(&self, cause: &EnrollmentError, peer: &Peer) -> Status {
        counter!(ENROLLMENTS, "outcome" => cause.outcome()).increment(1);
        let address = peer.address.ip();
        match cause {
            EnrollmentError::Store(_) if is_passing(cause) => Status::unavailable(STORE_AWAY),
            EnrollmentError::Authority(_) | EnrollmentError::Store(_) if cause.outcome() == "failed" => {
                let cause = causes(cause);
                error!(client.address = %address, error = %cause, "Enrolment failed: {cause}");
                Status::internal("the collector could not do it; see its log")
            }
            EnrollmentError::Authority(AuthorityError::KeyAway(_)) => {
                warn!(client.address = %address, "Enrolment waits: {cause}");
                Status::unavailable(KEY_AWAY)
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

impl Service {
    /// A machine that shares its identity becomes an endpoint of its own.
    async fn fork(
        &self,
        certificate: &CertificateOf,
        request: RenewRequest,
    ) -> Result<Response<RenewResponse>, Status> {
        let permit = request.fork_permit.clone();
        let (csr, machine) = check_fork(request).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        let forked = self.fleet.fork(certificate, &permit, &csr, machine).await;
        let (endpoint_id, issued) = forked.map_err(|cause| {
            counter!(ENROLLMENTS, "outcome" => "fork_refused").increment(1);
            warn!(host.id = %certificate.endpoint_id, error = %cause, "A copy of endpoint {} got no identity: {cause}", certificate.endpoint_id);
            match cause {
                ForkError::Permit | ForkError::NotEnrolled => Status::permission_denied(cause.to_string()),
                ForkError::Authority(AuthorityError::KeyAway(_)) => Status::unavailable(KEY_AWAY),
                ForkError::Authority(AuthorityError::Request(_)) => Status::invalid_argument(cause.to_string()),
                _ => Status::internal("the collector could not do it; see its log"),
            }
        })?;
        counter!(ENROLLMENTS, "outcome" => "forked").increment(1);
        Ok(Response::new(RenewResponse {
            certificate_chain: issued.chain,
            authorities: self.enrollment.authorities(),
            endpoint_id,
            naming_key: self.enrollment.naming_key(),
        }))
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
        self.fleet.expect_one_more();
        info!(host.id = %endpoint_id, client.address = %peer.address.ip(), "Endpoint {endpoint_id} enrolled");
        Ok(Response::new(EnrollResponse {
            endpoint_id,
            certificate_chain: issued.chain,
            authorities: self.enrollment.authorities(),
            naming_key: self.enrollment.naming_key(),
        }))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        let peer = Peer::of(&request)?;
        let certificate = peer.endpoint()?;
        self.admit(&certificate.endpoint_id)?;
        let request = request.into_inner();
        if !request.fork_permit.is_empty() {
            return self.fork(certificate, request).await;
        }
        let csr = request.certificate_request;
        check_certificate_request(&csr).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        let issued = self.enrollment.renew(certificate, &csr).await.map_err(|cause| self.refused(&cause, &peer))?;
        counter!(ENROLLMENTS, "outcome" => "renewed").increment(1);
        info!(host.id = %certificate.endpoint_id, "Certificate of endpoint {} renewed", certificate.endpoint_id);
        Ok(Response::new(RenewResponse {
            certificate_chain: issued.chain,
            authorities: self.enrollment.authorities(),
            endpoint_id: String::new(),
            naming_key: self.enrollment.naming_key(),
        }))
    }
}
