use std::path::Path;

use firstline_proto::convert::Machine;
use firstline_proto::v1;
use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use rustls::ClientConfig;
use thiserror::Error;
use tonic::{Code, Status};

use super::crypto::{Key, provider};
use super::pin::{Pinned, fingerprint};
use super::store::{Certificates, Identity, IdentityError};
use super::token::Token;
use super::witness::Witness;
use crate::config::Address;
use crate::uplink::{DialError, Link, Problem, Routes, Trouble, dial};

/// Why a machine could not be enrolled.
#[derive(Debug, Error)]
pub enum EnrollError {
    /// No connection.
    #[error(transparent)]
    Dial(DialError),
    /// A collector answers, but not the one that made the token.
    #[error(
        "{0}: the token is of another collector; check the collector's address, or enrol with a token that \
         `firstline token create` makes at this one"
    )]
    OtherCollector(Trouble),
    /// The collector said no.
    #[error(
        "the collector {collector} refused this machine: {reason}; a new token is made with `firstline token create`"
    )]
    Refused {
        /// Which collector.
        collector: Address,
        /// What it said.
        reason: String,
    },
    /// Something answers there, and not as a collector does.
    #[error(
        "what answers at {collector} is not a collector's port for agents{}; check host and port, agents have 7443 unless \
         the collector's configuration says otherwise, and nothing in between may change what is said",
        said(reason)
    )]
    NoCollector {
        /// Which address.
        collector: Address,
        /// What it said.
        reason: String,
    },
    /// The collector has no time for it.
    #[error("the collector {collector} cannot enrol this machine now: {reason}; try again in a minute")]
    NotNow {
        /// Which collector.
        collector: Address,
        /// What it said.
        reason: String,
    },
    /// The answer does not fit the token.
    #[error("the collector {0} answered with authorities that do not include the token's; nothing was kept")]
    OtherAuthority(Address),
    /// The identity could not be made or kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<DialError> for EnrollError {
    fn from(error: DialError) -> Self {
        match error.trouble.problem {
            Problem::OtherCollector => Self::OtherCollector(error.trouble),
            _ => Self::Dial(error),
        }
    }
}

/// Makes a key, asks the collector for a certificate with `token`, and keeps both in `dir`.
pub async fn enroll(
    dir: &Path,
    collector: Address,
    routes: &Routes,
    token: &Token,
    machine: Machine,
) -> Result<Identity, EnrollError> {
    let key = Key::generate().map_err(IdentityError::from)?;
    let link = dial(&collector, tls(token)?, routes).await?;
    let request = v1::EnrollRequest {
        token: token.secret().to_owned(),
        certificate_request: key.certificate_request().map_err(IdentityError::from)?,
        machine: Some(machine.into()),
    };
    let mut client = EnrollmentServiceClient::new(link.channel.clone());
    let response = client.enroll(request).await.map_err(|status| refused(&link, &collector, &status))?.into_inner();
    let certificates = Certificates::from_wire(response.certificate_chain, response.authorities, &response.naming_key);
    if !certificates.authorities.iter().any(|authority| fingerprint(authority) == token.fingerprint) {
        return Err(EnrollError::OtherAuthority(collector));
    }
    Ok(Identity::create(dir, key, response.endpoint_id, collector, token.fingerprint, certificates)?)
}

/// What an answer means that is no certificate: a collector's own words have a code of its own choice; whatever else
/// speaks HTTP there leads to one that the transport makes up.
fn refused(link: &Link, collector: &Address, status: &Status) -> EnrollError {
    let (collector, reason) = (collector.clone(), link.explain(status));
    match status.code() {
        Code::Unknown | Code::Unimplemented => EnrollError::NoCollector { collector, reason },
        // What tonic says of an answer that is no gRPC.
        Code::Internal if reason.starts_with("protocol error") => EnrollError::NoCollector { collector, reason },
        Code::Internal | Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => {
            EnrollError::NotNow { collector, reason }
        }
        _ => EnrollError::Refused { collector, reason },
    }
}

/// What a web server answered, of a reason that tells much of a protocol it does not speak.
fn said(reason: &str) -> String {
    reason.rsplit_once("status: ").map_or_else(String::new, |(_, status)| format!(" (it says {status})"))
}

/// TLS 1.3 to the authority that the token pins, without a certificate of our own.
fn tls(token: &Token) -> Result<ClientConfig, IdentityError> {
    let pinned = Pinned::new(token.fingerprint, provider());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Witness::over(std::sync::Arc::new(pinned)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_server_is_named_by_its_answer_and_not_by_what_grpc_makes_of_it() {
        let reason = "protocol error: received message with invalid compression flag: 123 (valid flags are 0 and 1) while \
                      receiving response with status: 404 Not Found";
        let collector: Address = "127.0.0.1:8443".parse().expect("an address");
        let told = EnrollError::NoCollector { collector, reason: reason.to_owned() }.to_string();
        assert!(told.contains("port for agents (it says 404 Not Found); check host and port"), "{told}");
        assert_eq!(said("the stream ended"), "");
    }
}
