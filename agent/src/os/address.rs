use std::net::IpAddr;

use if_addrs::IfAddr;

use crate::probe::ProbeError;

/// Addresses of this machine with their interfaces, loopback left out.
pub(crate) fn addresses() -> Result<Vec<(String, IpAddr)>, ProbeError> {
    let all = if_addrs::get_if_addrs().map_err(|source| ProbeError::io("addresses", &source))?;
    Ok(all.into_iter().filter(|one| !one.is_loopback()).map(|one| (one.name.clone(), one.ip())).collect())
}

/// The same, with the length of the network's part in bits.
pub(crate) fn networks() -> Result<Vec<(String, IpAddr, u8)>, ProbeError> {
    let all = if_addrs::get_if_addrs().map_err(|source| ProbeError::io("addresses", &source))?;
    let network = |one: if_addrs::Interface| {
        let length = match &one.addr {
            IfAddr::V4(four) => four.prefixlen,
            IfAddr::V6(six) => six.prefixlen,
        };
        (one.name.clone(), one.ip(), length)
    };
    Ok(all.into_iter().filter(|one| !one.is_loopback()).map(network).collect())
}
