use std::net::IpAddr;

use crate::probe::ProbeError;

/// Addresses of this machine with their interfaces, loopback left out.
pub(crate) fn addresses() -> Result<Vec<(String, IpAddr)>, ProbeError> {
    let all = if_addrs::get_if_addrs().map_err(|source| ProbeError::io("addresses", &source))?;
    Ok(all.into_iter().filter(|one| !one.is_loopback()).map(|one| (one.name.clone(), one.ip())).collect())
}
