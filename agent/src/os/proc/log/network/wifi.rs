use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::found::{between, name, word_after};
use super::Found;

/// A connection that is back within this time was handed from one access point to the next.
const ROAM_US: u64 = 2_000_000;
/// A connection that is not back within this time is told as it is, without its length.
const PATIENCE_US: u64 = 120_000_000;
/// Adapters that are followed.
const ADAPTERS_MAX: usize = 8;

/// A lost connection of which it is not known yet whether it comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Drop {
    /// When, microseconds since 1970.
    at_us: u64,
    reason: u16,
    local: bool,
}

/// Follows Wi-Fi connections through the words of `wpa_supplicant`: tells a drop from a roam, and how long it took.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wifi {
    dropped: BTreeMap<String, Drop>,
}

impl Wifi {
    /// Takes a line written at `at_us`; what it settles.
    pub(crate) fn take(&mut self, at_us: u64, message: &str) -> Option<(u64, Found)> {
        let (adapter, what) = message.split_once(": ")?;
        let adapter = name(adapter)?;
        if let Some(rest) = what.strip_prefix("CTRL-EVENT-DISCONNECTED ") {
            let reason = word_after(rest, "reason=").and_then(|reason| reason.parse().ok()).unwrap_or(0);
            let drop = Drop { at_us, reason, local: rest.contains("locally_generated=1") };
            // A second line about the same loss (there are several on some drivers) says nothing new.
            if self.dropped.len() < ADAPTERS_MAX && !self.dropped.contains_key(adapter) {
                self.dropped.insert(adapter.to_owned(), drop);
            }
            return None;
        }
        what.starts_with("CTRL-EVENT-CONNECTED").then_some(())?;
        let drop = self.dropped.remove(adapter)?;
        let gone_us = at_us.saturating_sub(drop.at_us);
        (gone_us >= ROAM_US).then(|| (drop.at_us, drop.event(adapter, Some(gone_us))))
    }

    /// What did not come back by `now_us`.
    pub(crate) fn over(&mut self, now_us: u64) -> Vec<(u64, Found)> {
        let over = |drop: &Drop| now_us.saturating_sub(drop.at_us) >= PATIENCE_US;
        let told = self.dropped.iter().filter(|(_, drop)| over(drop));
        let told = told.map(|(adapter, drop)| (drop.at_us, drop.event(adapter, None))).collect();
        self.dropped.retain(|_, drop| !over(drop));
        told
    }
}

impl Drop {
    fn event(&self, adapter: &str, gone_us: Option<u64>) -> Found {
        let found = Found::new("endpoint.wifi.disconnect")
            .of("network.interface.name", adapter)
            .of("planned", if self.is_planned() { "yes" } else { "no" })
            .text("reason", reason(self.reason))
            .number("code", f64::from(self.reason));
        match gone_us {
            // Whole seconds, so that drops of about the same length are counted together.
            Some(gone_us) => found.number("seconds", (gone_us / 1_000_000) as f64),
            None => found,
        }
    }

    /// The machine itself left: a person switched it off, another network was chosen, or it went to sleep.
    fn is_planned(&self) -> bool {
        self.local && matches!(self.reason, 3 | 8)
    }
}

/// The class of a reason code of IEEE 802.11.
fn reason(code: u16) -> &'static str {
    match code {
        3 | 8 => "left",
        2 | 6 | 7 | 9 => "not signed in",
        4 => "not heard",
        5 | 33 | 34 => "access point busy",
        13..=15 | 16..=22 | 29 => "wrong key",
        23 | 24 => "802.1X rejected",
        39 => "timeout",
        1 | 0 => "not said",
        _ => "access point ended session",
    }
}

/// `wlan0: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="Home" auth_failures=2 duration=20 reason=WRONG_KEY`;
/// `wlan0: CTRL-EVENT-EAP-FAILURE EAP authentication failed`
pub(super) fn sign_in(message: &str) -> Option<Found> {
    let (adapter, what) = message.split_once(": ")?;
    let adapter = name(adapter)?;
    if what.starts_with("CTRL-EVENT-EAP-FAILURE") {
        let eap = Found::new("endpoint.8021x.failure").of("network.interface.name", adapter);
        return Some(eap.text("reason", "rejected"));
    }
    let rest = what.strip_prefix("CTRL-EVENT-SSID-TEMP-DISABLED ")?;
    // The name of the network comes first and may contain anything, also what looks like a reason.
    let reason = rest.rsplit_once(" reason=")?.1.split(' ').next()?;
    between(rest, " auth_failures=", " ")?;
    let reason = match reason {
        "WRONG_KEY" => "wrong key",
        "AUTH_FAILED" => "802.1X rejected",
        "CONN_FAILED" => "no connection",
        _ => "other",
    };
    Some(Found::new("endpoint.wifi.auth_failure").of("network.interface.name", adapter).text("reason", reason))
}
