//! How long a packet may be on the way to the collector before somebody drops it without a word.
//!
//! A tunnel makes packets longer, and a box that then drops them silently makes pages hang that begin to load. Asked when
//! a technician asks, and when a VPN came up or went down, since it tells nothing new from minute to minute.

use std::net::IpAddr;
use std::time::Duration;

use firstline_proto::v1::Section;

use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "mtu",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(8),
    priority: 4,
    waits: true,
    heavy: true,
    signals: &["endpoint.path.packet.ok", "endpoint.path.packet.largest"],
};

/// What is tried, in bytes with all heads, longest first; the last is a packet that everybody must let through.
const SIZES: [(u16, &str); 4] = [(1400, "1400"), (1300, "1300"), (1200, "1200"), (100, "")];
const HEADS_V4: u16 = 28;
const HEADS_V6: u16 = 48;
const PATIENCE: Duration = Duration::from_millis(600);
/// A single packet may be lost on a way that is fine.
const TRIES: u16 = 3;

/// Sends packets that must not be cut to where the collector was reached last.
pub(crate) struct PacketSize {
    standing: Standing,
}

impl PacketSize {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing }
    }
}

impl Probe for PacketSize {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Echoes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        if !self.standing.take_vpn_turn() {
            return Ok(Collected::default());
        }
        if self.standing.collector().is_none() {
            // Nobody can say yet which way it is: the next minute may know.
            self.standing.put_vpn_turn_back();
            return Ok(Collected::default());
        }
        measure(cx, &self.standing)
    }

    fn answer(&self, cx: &Context) -> Result<Collected, ProbeError> {
        measure(cx, &self.standing)
    }
}

fn measure(cx: &Context, standing: &Standing) -> Result<Collected, ProbeError> {
    let edge = standing.collector().ok_or(ProbeError::NotPresent("collector that was reached"))?;
    let mut gather = Gather::new(cx);
    let passed = try_sizes(edge)?;
    for ((_, name), passed) in SIZES.iter().zip(passed).filter(|((_, name), _)| !name.is_empty()) {
        gather.value("endpoint.path.packet.ok", [("size", *name)], passed);
    }
    let largest = SIZES.iter().zip(passed).find(|(_, passed)| *passed).map(|((size, _), _)| f64::from(*size));
    gather.outcome("endpoint.path.packet.largest", [], largest.ok_or(ProbeError::NotPresent("packet that passed")));
    Ok(gather.done())
}

/// Which sizes pass.
///
/// # Errors
/// When not even a small packet does, which says nothing about sizes.
fn try_sizes(edge: IpAddr) -> Result<[bool; SIZES.len()], ProbeError> {
    let echoes = native::Echoes::to(edge, None)?;
    echoes.forbid_fragments()?;
    let heads = if edge.is_ipv4() { HEADS_V4 } else { HEADS_V6 };
    let mut passed = [false; SIZES.len()];
    // The smallest first: without it the others need not be tried.
    for (index, (size, _)) in SIZES.iter().enumerate().rev() {
        passed[index] = passes(&echoes, index as u16, usize::from(size - heads));
        if index == SIZES.len() - 1 && !passed[index] {
            return Err(ProbeError::Unsupported("an answer to echoes"));
        }
    }
    Ok(passed)
}

fn passes(echoes: &native::Echoes, index: u16, payload: usize) -> bool {
    (0..TRIES).any(|attempt| {
        let number = index * TRIES + attempt;
        echoes.send(number, payload).is_ok()
            && std::iter::from_fn(|| echoes.receive(PATIENCE)).any(|answer| answer / TRIES == index)
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    #[test]
    fn a_vpn_that_came_up_is_measured_once_as_soon_as_the_way_is_known() {
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
        let standing = Standing::default();
        let probe = PacketSize::new(standing.clone());
        let measured = || probe.collect(&cx) != Ok(Collected::default());
        assert!(!measured(), "nothing turned");
        standing.set_vpns(["wg0".to_owned()].into());
        assert!(!measured(), "where the collector is, is not known yet");
        standing.set_collector(Ipv4Addr::LOCALHOST.into());
        assert!(measured(), "now it is, and an answer or its absence is told");
        assert!(!measured(), "once");
    }
}
