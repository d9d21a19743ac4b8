use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1;
use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;

use super::store::{Certificates, Identity};
use crate::config::Collectors;
use crate::uplink::{Routes, dial_first};

/// When a certificate of this validity must be renewed: when two thirds of its life are over.
pub fn renewal_due((from, until): (Timestamp, Timestamp)) -> Timestamp {
    from + until.since(from) / 3 * 2
}

/// Asks for a fresh certificate over a connection of its own and takes it into use. The stream that is open goes on
/// with the old one; the next one uses the new one, so there is no gap. The key stays.
pub async fn renew(identity: &Mutex<Identity>, collectors: &Collectors, routes: &Routes) -> Result<()> {
    let (tls, certificate_request) = {
        let identity = identity.lock().unwrap_or_else(PoisonError::into_inner);
        (identity.tls()?, identity.certificate_request()?)
    };
    let link = dial_first(collectors, tls, routes).await?;
    let collector = &link.collector;
    let mut client = EnrollmentServiceClient::new(link.channel.clone());
    let response = client
        .renew(v1::RenewRequest { certificate_request, ..v1::RenewRequest::default() })
        .await
        .map_err(|status| anyhow::anyhow!("{}", link.explain(&status)))
        .with_context(|| format!("renewing the endpoint's certificate at {collector}"))?
        .into_inner();
    let certificates = Certificates::from_wire(response.certificate_chain, response.authorities, &response.naming_key);
    identity.lock().unwrap_or_else(PoisonError::into_inner).adopt(certificates)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_due_after_two_thirds() {
        assert_eq!(renewal_due((Timestamp(0), Timestamp(90_000))), Timestamp(60_000));
    }
}
