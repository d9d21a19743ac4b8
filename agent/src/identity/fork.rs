use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use firstline_proto::convert::Machine;
use firstline_proto::v1;
use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;

use super::crypto::Key;
use super::store::{Certificates, Identity};
use crate::config::Collectors;
use crate::uplink::{Routes, dial_first};

/// Makes a key and asks for an identity of this machine's own, with the permit that the collector gave to the identity
/// that it shares with another machine. Says its name. Records before `keep_from` stay with the other.
pub async fn fork(
    identity: &Mutex<Identity>,
    collectors: &Collectors,
    routes: &Routes,
    permit: String,
    machine: Machine,
    keep_from: u64,
) -> Result<String> {
    let key = Key::generate()?;
    let tls = identity.lock().unwrap_or_else(PoisonError::into_inner).tls()?;
    let link = dial_first(collectors, tls, routes).await?;
    let collector = &link.collector;
    let request = v1::RenewRequest {
        certificate_request: key.certificate_request()?,
        fork_permit: permit,
        machine: Some(machine.into()),
    };
    let mut client = EnrollmentServiceClient::new(link.channel.clone());
    let response = client
        .renew(request)
        .await
        .map_err(|status| anyhow::anyhow!("{}", link.explain(&status)))
        .with_context(|| format!("asking {collector} for an identity of our own"))?
        .into_inner();
    ensure!(!response.endpoint_id.is_empty(), "the collector {collector} named no new endpoint");
    let certificates = Certificates::from_wire(response.certificate_chain, response.authorities, &response.naming_key);
    let mut identity = identity.lock().unwrap_or_else(PoisonError::into_inner);
    identity.become_other(key, response.endpoint_id.clone(), certificates, keep_from)?;
    Ok(response.endpoint_id)
}
