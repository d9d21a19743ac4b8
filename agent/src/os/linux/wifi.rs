use std::path::Path;

use super::kind::interfaces;
use super::netlink::Kernel;
use super::network;
use crate::os::netlink::nl80211;
use crate::os::{list, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::interface::Kind;
use crate::probe::wifi::{Connection, Radio, Wireless};

/// Every Wi-Fi adapter, with the connection that it has.
///
/// # Errors
/// There is no Wi-Fi adapter, or the kernel does not tell.
pub(crate) fn wireless(root: &Path) -> Result<Vec<Wireless>, ProbeError> {
    let adapters = interfaces(root)?.into_iter().filter(|(_, kind)| *kind == Kind::Wifi);
    let adapters: Vec<String> = adapters.map(|(name, _)| name).collect();
    if adapters.is_empty() {
        return Err(ProbeError::NotPresent("Wi-Fi adapter"));
    }
    let kernel = Kernel::generic(root)?;
    let family = kernel.family(nl80211::NAME)?;
    adapters.into_iter().map(|interface| adapter(root, &kernel, family, interface)).collect()
}

fn adapter(root: &Path, kernel: &Kernel, family: u16, interface: String) -> Result<Wireless, ProbeError> {
    let index = network::interface_index(root, &interface).ok_or(ProbeError::NotPresent("Wi-Fi adapter"))?;
    let ask = |request: Vec<u8>| kernel.ask("the Wi-Fi adapter", &request);
    let link = nl80211::link(&ask(nl80211::ask_link(family, index))?);
    let station = nl80211::station(&ask(nl80211::ask_station(family, index))?);
    let Some((mut link, station)) = link.zip(station) else { return Ok(Wireless { interface, connection: None }) };
    if link.network.is_none() {
        link.network = nl80211::joined_network(&ask(nl80211::ask_heard(family, index))?);
    }
    // Not every driver keeps a survey.
    let survey =
        ask(nl80211::ask_survey(family, index)).ok().and_then(|answer| nl80211::survey(&answer, link.frequency_mhz));
    Ok(Wireless { interface, connection: Some(Connection { link, station, survey: survey.unwrap_or_default() }) })
}

/// Every radio that can be switched off, of all kinds.
pub(crate) fn radios(root: &Path) -> Result<Vec<Radio>, ProbeError> {
    let names = list(root, "sys/class/rfkill").map_err(|_| ProbeError::NotPresent("radio"))?;
    let radio = |name: String| {
        let file = |file: &str| read_trimmed(root, &format!("sys/class/rfkill/{name}/{file}"));
        let is_on = |file_name: &str| file(file_name).map(|text| text == "1");
        Some(Radio { kind: file("type")?, by_switch: is_on("hard"), by_software: is_on("soft") })
    };
    Ok(names.into_iter().filter_map(radio).collect())
}
