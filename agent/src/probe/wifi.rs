//! Wi-Fi: how well the access point is heard, how fast, and how much has to be sent again. Names of networks and
//! hardware addresses become keyed names here; they are never kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Pseudonyms, Spec, Tier};
use crate::os::native;
use crate::os::netlink::nl80211::{Link, Station, Survey};

static SPEC: Spec = Spec {
    name: "wifi",
    section: Section::Network,
    tier: Tier::Fast,
    deadline: Duration::from_secs(3),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.wifi.connected",
        "endpoint.wifi.rssi",
        "endpoint.wifi.noise",
        "endpoint.wifi.snr",
        "endpoint.wifi.tx_rate",
        "endpoint.wifi.rx_rate",
        "endpoint.wifi.retry_ratio",
        "endpoint.wifi.beacon_loss",
        "endpoint.wifi.channel_busy",
        "endpoint.wifi.band",
        "endpoint.wifi.channel_width",
        "endpoint.wifi.phy",
        "endpoint.wifi.ap_hash",
        "endpoint.wifi.network_hash",
    ],
};

static RADIOS_SPEC: Spec = Spec {
    name: "radios",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(3),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &["endpoint.radio.state"],
};

/// A share of fewer packets than these says nothing.
const FEWEST_PACKETS: u64 = 20;
/// A share of less listening than this says nothing.
const SHORTEST_MS: u64 = 200;

/// One Wi-Fi adapter and its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wireless {
    pub(crate) interface: String,
    /// Absent when it has joined no network.
    pub(crate) connection: Option<Connection>,
}

/// A network that an adapter has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) station: Station,
    pub(crate) survey: Survey,
}

/// A radio that can be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Radio {
    /// `wlan`, `bluetooth`, `wwan` and others, as the kernel names them.
    pub(crate) kind: String,
    pub(crate) by_switch: Option<bool>,
    pub(crate) by_software: Option<bool>,
}

/// Every Wi-Fi connection.
#[derive(Debug, Default)]
pub(crate) struct Wifi {
    before: Mutex<BTreeMap<String, Totals>>,
}

/// What the drivers counted until the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Totals {
    access_point: Vec<u8>,
    packets: Option<u32>,
    retries: Option<u32>,
    active_ms: Option<u64>,
    busy_ms: Option<u64>,
}

impl Probe for Wifi {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for wireless in native::wireless(&cx.root)? {
            self.enter(&wireless, &cx.pseudonyms, &mut gather);
        }
        Ok(gather.done())
    }
}

impl Wifi {
    fn enter(&self, wireless: &Wireless, names: &Pseudonyms, gather: &mut Gather) {
        let attributes = Attributes::from([("network.interface.name", wireless.interface.as_str())]);
        let Some(Connection { link, station, survey }) = &wireless.connection else {
            gather.value("endpoint.wifi.connected", attributes.clone(), false);
            for signal in &SPEC.signals[1..] {
                gather.unknown(signal, attributes.clone(), ProbeError::NotPresent("Wi-Fi connection"));
            }
            self.before().remove(&wireless.interface);
            return;
        };
        gather.value("endpoint.wifi.connected", attributes.clone(), true);
        enter_radio(station, *survey, &attributes, gather);
        let now = Totals::of(station, *survey);
        let before = self.before().insert(wireless.interface.clone(), now.clone());
        gather.outcome("endpoint.wifi.retry_ratio", attributes.clone(), now.repeats_since(before.as_ref()));
        gather.outcome("endpoint.wifi.channel_busy", attributes.clone(), now.busy_since(before.as_ref()));
        enter_link(link, station, names, &attributes, gather);
    }

    fn before(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Totals>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Strength, noise, speeds.
fn enter_radio(station: &Station, survey: Survey, attributes: &Attributes, gather: &mut Gather) {
    let mut enter = |signal: &str, value: Option<f64>, what: &'static str| {
        gather.outcome(signal, attributes.clone(), value.ok_or(ProbeError::Unsupported(what)));
    };
    let (signal, noise) = (station.signal_dbm.map(f64::from), survey.noise_dbm.map(f64::from));
    enter("endpoint.wifi.rssi", signal, "the signal strength by this Wi-Fi driver");
    enter("endpoint.wifi.noise", noise, "the noise by this Wi-Fi driver");
    let distance = signal.zip(noise).map(|(signal, noise)| signal - noise);
    enter("endpoint.wifi.snr", distance, "the noise by this Wi-Fi driver");
    let rate = |bits: Option<u64>| bits.map(|bits| bits as f64);
    enter("endpoint.wifi.tx_rate", rate(station.transmit.bits_per_second), "the speed by this Wi-Fi driver");
    enter("endpoint.wifi.rx_rate", rate(station.receive.bits_per_second), "the speed by this Wi-Fi driver");
    let losses = station.beacon_losses.map(f64::from);
    enter("endpoint.wifi.beacon_loss", losses, "the count of missed beacons by this Wi-Fi driver");
}

/// What hardly ever changes while a connection lasts.
fn enter_link(link: &Link, station: &Station, names: &Pseudonyms, attributes: &Attributes, gather: &mut Gather) {
    gather.value("endpoint.wifi.band", attributes.clone(), band(link.frequency_mhz));
    let width = link.width_mhz.map(|mhz| f64::from(mhz) * 1e6);
    let width = width.ok_or(ProbeError::Unsupported("the width of the channel by this Wi-Fi driver"));
    gather.outcome("endpoint.wifi.channel_width", attributes.clone(), width);
    let standard = station.transmit.standard.or(station.receive.standard);
    let standard = standard.ok_or(ProbeError::Unsupported("the speed by this Wi-Fi driver"));
    gather.outcome("endpoint.wifi.phy", attributes.clone(), standard);
    let access_point = hexadecimal(&station.access_point, ":");
    gather.value("endpoint.wifi.ap_hash", attributes.clone(), names.name("bssid", &access_point));
    let network = link.network.as_ref().map(|network| names.name("ssid", &network_name(network)));
    let network = network.ok_or(ProbeError::Unsupported("the name of the network by this Wi-Fi driver"));
    gather.outcome("endpoint.wifi.network_hash", attributes.clone(), network);
}

fn band(frequency_mhz: u32) -> &'static str {
    match frequency_mhz {
        ..3_000 => "2.4 GHz",
        3_000..5_925 => "5 GHz",
        5_925..10_000 => "6 GHz",
        10_000.. => "60 GHz",
    }
}

/// The name of a network as people write it; names that are no text have their bytes for a name.
fn network_name(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| hexadecimal(bytes, ""), str::to_owned)
}

fn hexadecimal(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

impl Totals {
    fn of(station: &Station, survey: Survey) -> Self {
        Self {
            access_point: station.access_point.clone(),
            packets: station.transmit_packets,
            retries: station.transmit_retries,
            active_ms: survey.active_ms,
            busy_ms: survey.busy_ms,
        }
    }

    /// The share of transmissions since `before` that were repeats. Another access point counts anew.
    fn repeats_since(&self, before: Option<&Self>) -> Result<f64, ProbeError> {
        let unsupported = ProbeError::Unsupported("the count of repeats by this Wi-Fi driver");
        let (packets, retries) = self.packets.zip(self.retries).ok_or(unsupported)?;
        let before = before.filter(|before| before.access_point == self.access_point);
        let before = before.and_then(|before| before.packets.zip(before.retries));
        let before = before.ok_or(ProbeError::NotPresent("second look yet"))?;
        // The driver's numbers have 32 bits and wrap.
        let packets = u64::from(packets.wrapping_sub(before.0));
        let retries = u64::from(retries.wrapping_sub(before.1));
        if packets + retries < FEWEST_PACKETS {
            return Err(ProbeError::NotPresent("traffic to judge by"));
        }
        Ok(retries as f64 / (packets + retries) as f64)
    }

    /// The share of the time since `before` in which somebody was sending on the channel.
    fn busy_since(&self, before: Option<&Self>) -> Result<f64, ProbeError> {
        let unsupported = ProbeError::Unsupported("the use of the channel by this Wi-Fi driver");
        let (active, busy) = self.active_ms.zip(self.busy_ms).ok_or(unsupported)?;
        let before = before.and_then(|before| before.active_ms.zip(before.busy_ms));
        let before = before.ok_or(ProbeError::NotPresent("second look yet"))?;
        match (active.checked_sub(before.0), busy.checked_sub(before.1)) {
            (Some(active), Some(busy)) if active >= SHORTEST_MS => Ok((busy as f64 / active as f64).min(1.0)),
            _ => Err(ProbeError::NotPresent("listening to judge by")),
        }
    }
}

/// Whether radios are on.
pub(crate) struct Radios;

impl Probe for Radios {
    fn spec(&self) -> &'static Spec {
        &RADIOS_SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let radios = native::radios(&cx.root)?;
        if radios.is_empty() {
            return Err(ProbeError::NotPresent("radio"));
        }
        let mut gather = Gather::new(cx);
        for (kind, state) in by_kind(&radios) {
            gather.value("endpoint.radio.state", [("radio", kind)], state);
        }
        Ok(gather.done())
    }
}

/// What keeps each kind of radio off, where nothing lets any radio of the kind be on.
fn by_kind(radios: &[Radio]) -> BTreeMap<&str, &'static str> {
    let mut kinds = BTreeMap::new();
    for radio in radios {
        let name = if radio.kind == "wlan" { "wifi" } else { radio.kind.as_str() };
        let state = match (radio.by_switch, radio.by_software) {
            (Some(true), _) => "off by a switch or key",
            (_, Some(true)) => "off by a setting",
            _ => "on",
        };
        let known = kinds.entry(name).or_insert(state);
        // The laptop's own switch and the adapter are two entries of one radio: the one that is off decides.
        if *known == "on" {
            *known = state;
        }
    }
    kinds
}

#[cfg(test)]
mod tests;
