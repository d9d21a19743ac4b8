//! How even the way to the collector's network is: ten small packets, closely one after another. For the first stretch,
//! to the gateway, the gateway's own row of echoes serves.
//!
//! Calls and remote screens suffer from loss and from packets that come unevenly, long before anything fails. Where the
//! other side answers no echoes nothing can be said.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::interface::has_tunnel;
use super::path::is_public;
use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "burst",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(4),
    priority: 3,
    waits: true,
    heavy: true,
    signals: &["endpoint.path.rtt", "endpoint.path.jitter", "endpoint.path.loss"],
};

const PACKETS: u16 = 10;
const APART: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(1);
/// When answers that are not there yet are looked for once more, and the last time: with [`APART`] they make [`PATIENCE`].
const LATER: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(900)];
/// With the heads of the echo and of IPv4: 60 bytes.
const PAYLOAD_BYTES: usize = 32;

/// Sends a burst to where the collector was reached last.
pub(crate) struct Burst {
    standing: Standing,
}

impl Burst {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing }
    }
}

impl Probe for Burst {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Echoes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        if let Some((echoes, loss)) = self.standing.echoes() {
            echoes.enter(&mut gather, "gateway", loss);
        }
        let edge = self.standing.collector();
        let is_inner = edge.is_some_and(|edge| has_tunnel(cx) && !is_public(edge));
        let segment = if is_inner { "vpn_inner" } else { "edge" };
        match to_edge(edge) {
            Ok(answers) => answers.enter(&mut gather, segment, answers.known_loss()),
            Err(why) => SPEC.signals.iter().for_each(|signal| {
                gather.unknown(signal, [("segment", segment)], why.clone());
            }),
        }
        Ok(gather.done())
    }
}

/// A burst to the collector, where it was reached.
fn to_edge(edge: Option<IpAddr>) -> Result<Answers, ProbeError> {
    let edge = edge.ok_or(ProbeError::NotPresent("collector that was reached"))?;
    if edge.is_loopback() {
        return Err(ProbeError::NotPresent("way to the collector, which is on this machine"));
    }
    burst(edge)
}

/// The packets go out evenly, and their answers are taken in one go: the kernel notes when each arrived, and nobody wakes
/// up for it.
fn burst(edge: IpAddr) -> Result<Answers, ProbeError> {
    let echoes = native::Echoes::to(edge, None)?;
    echoes.stamp()?;
    let mut sent = Vec::new();
    for number in 0..PACKETS {
        sent.push(SystemTime::now());
        // A packet that the kernel refuses is one that did not arrive.
        let _ = echoes.send(number, PAYLOAD_BYTES);
        sleep(APART);
    }
    let mut answers = vec![None; sent.len()];
    take(&echoes, &sent, &mut answers)?;
    // What is still on its way is not waited for longer than the last packet may take.
    for wait in LATER {
        if answers.iter().any(Option::is_none) {
            sleep(wait);
            take(&echoes, &sent, &mut answers)?;
        }
    }
    Ok(Answers(answers))
}

/// Takes the answers that are there.
fn take(echoes: &native::Echoes, sent: &[SystemTime], answers: &mut [Option<Duration>]) -> Result<(), ProbeError> {
    while let Some((number, at)) = echoes.arrived() {
        if let (Some(sent), Some(slot)) = (sent.get(usize::from(number)), answers.get_mut(usize::from(number))) {
            let set_back = |_| ProbeError::Failed("the clock was set back during the measurement".to_owned());
            let time = at.duration_since(*sent).map_err(set_back)?;
            if time <= PATIENCE {
                slot.get_or_insert(time);
            }
        }
    }
    Ok(())
}

/// Times of the answers to echoes in the order in which these were sent; nothing where none came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answers(pub(super) Vec<Option<Duration>>);

impl Answers {
    /// Share of echoes without an answer.
    pub(super) fn loss(&self) -> f64 {
        let lost = self.0.iter().filter(|answer| answer.is_none()).count();
        lost as f64 / self.0.len().max(1) as f64
    }

    /// The same, unless there is no answer at all: then the other side may simply answer no echoes.
    fn known_loss(&self) -> Result<f64, ProbeError> {
        let nobody = self.0.iter().all(Option::is_none);
        if nobody { Err(ProbeError::Unsupported("an answer to echoes")) } else { Ok(self.loss()) }
    }

    /// Half of the answers took no longer.
    fn median(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.0.iter().flatten().copied().collect();
        times.arrange();
        times.get(times.len().saturating_sub(1) / 2).copied()
    }

    /// How much one answer's time differs from that of the one before, on average.
    fn jitter(&self) -> Option<Duration> {
        let times: Vec<Duration> = self.0.iter().flatten().copied().collect();
        let differences: Vec<Duration> = times.windows(2).map(|pair| pair[0].abs_diff(pair[1])).collect();
        let count = u32::try_from(differences.len()).ok().filter(|count| *count > 0)?;
        Some(differences.iter().sum::<Duration>() / count)
    }

    /// Enters what they say about `segment`.
    pub(super) fn enter(&self, gather: &mut Gather, segment: &str, loss: Result<f64, ProbeError>) {
        let segment = || Attributes::from([("segment", segment)]);
        let seconds = |time: Option<Duration>| {
            time.map(|time| time.as_secs_f64()).ok_or(ProbeError::NotPresent("answer to an echo"))
        };
        gather.outcome("endpoint.path.rtt", segment(), seconds(self.median()));
        gather.outcome("endpoint.path.jitter", segment(), seconds(self.jitter()));
        gather.outcome("endpoint.path.loss", segment(), loss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers<const N: usize>(times: [Option<u64>; N]) -> Answers {
        Answers(times.map(|time| time.map(Duration::from_millis)).to_vec())
    }

    #[test]
    fn weighs_a_burst() {
        let answers = answers([Some(10), Some(30), None, Some(20), Some(20)]);
        assert_eq!(answers.loss(), 0.2);
        assert_eq!(answers.median(), Some(Duration::from_millis(20)));
        assert_eq!(answers.jitter(), Some(Duration::from_millis(10)));
    }

    #[test]
    fn silence_is_not_total_loss() {
        let silence = answers([None, None]);
        assert!(matches!(silence.known_loss(), Err(ProbeError::Unsupported(_))));
        assert_eq!((silence.median(), silence.jitter()), (None, None));
        assert_eq!(answers([Some(7)]).jitter(), None);
    }
}
