use firstline_diagnosis::document::{
    AgentHealth, Change, Quality, Reason, Snapshot, SnapshotEndpoint, SnapshotReading, SnapshotSeries,
};
use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Event, Mark, Reading, Timestamp};
use firstline_proto::convert::Machine;

use super::history::HistoryEntry;
use crate::identity::{Identity, IdentityError};

/// Version of the snapshot document.
pub const SCHEMA: u32 = 1;

/// What a snapshot is made of.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Identity; empty before enrolment.
    pub endpoint_id: String,
    /// The machine.
    pub machine: Machine,
    /// The kernel's name for this boot.
    pub boot_id: String,
    /// Seconds since boot.
    pub uptime_seconds: u64,
    /// Fresh readings.
    pub readings: Vec<Reading>,
    /// Recent history.
    pub series: Vec<SnapshotSeries>,
    /// Marks, events and changes.
    pub history: Vec<HistoryEntry>,
    /// The agent's account of itself.
    pub agent: AgentHealth,
}

/// Makes the document, not yet signed.
pub fn assemble(
    parts: Parts,
    taken_at: Timestamp,
    reason: Reason,
    ticket: Option<String>,
    catalogue: &str,
) -> Snapshot {
    let (marks, events, changes) = split(parts.history);
    let mut readings: Vec<_> = parts.readings.iter().map(snapshot_reading).collect();
    readings.arrange_by(|one, other| (&one.signal, &one.attrs).cmp(&(&other.signal, &other.attrs)));
    Snapshot {
        id: uuid::Uuid::now_v7().to_string(),
        endpoint: SnapshotEndpoint {
            id: parts.endpoint_id,
            name: parts.machine.host_name,
            os: parts.machine.os,
            users: parts.machine.users,
            uptime_seconds: parts.uptime_seconds,
            boot_id: parts.boot_id,
        },
        taken_at,
        reason,
        ticket,
        schema: SCHEMA,
        catalogue: catalogue.to_owned(),
        readings,
        series: parts.series,
        events,
        marks,
        changes,
        agent: parts.agent,
        signature: None,
    }
}

type Split = (Vec<(Timestamp, Mark)>, Vec<Event>, Vec<Change>);

fn split(history: Vec<HistoryEntry>) -> Split {
    let (mut marks, mut events, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for entry in history {
        match entry {
            HistoryEntry::Mark { at, mark } => marks.push((at, mark)),
            HistoryEntry::Event { event } => events.push(event),
            HistoryEntry::Change { change } => changes.push(change),
        }
    }
    (marks, events, changes)
}

/// A reading as documents show it.
pub fn snapshot_reading(reading: &Reading) -> SnapshotReading {
    let unit = Registry::builtin().get(&reading.series.signal).map(|spec| spec.unit.clone()).unwrap_or_default();
    let unknown = reading.outcome.as_ref().err();
    SnapshotReading {
        signal: reading.series.signal.to_string(),
        attrs: reading.series.attributes.clone(),
        value: reading.outcome.as_ref().ok().cloned(),
        unit,
        quality: if unknown.is_some() { Quality::Unknown } else { Quality::Ok },
        why: unknown.map(|unknown| unknown.why),
        detail: unknown.map(|unknown| unknown.detail.clone()).unwrap_or_default(),
        at: reading.at,
    }
}

/// Signs a snapshot with the endpoint's key.
pub fn sign(snapshot: &mut Snapshot, identity: &Identity) -> Result<(), IdentityError> {
    let bytes = snapshot.signed_bytes().expect("readings and rows hold only finite numbers");
    snapshot.signature = Some(identity.sign(&bytes)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::{Attributes, Why};

    use super::*;

    #[test]
    fn what_is_signed_survives_the_way_through_json() {
        let series = SnapshotSeries {
            signal: "system.cpu.utilization".into(),
            attrs: Attributes::none(),
            start: Timestamp(0),
            step_seconds: 15,
            values: (0..2000).map(|n| (n % 7 != 0).then_some((n as f32).sqrt() * 0.1)).collect(),
        };
        let readings = vec![
            Reading::value("system.uptime", Attributes::none(), 1.0 / 3.0, Timestamp(1)),
            Reading::unknown("host.name", Attributes::none(), Why::Timeout, Timestamp(1)),
        ];
        let parts = Parts { series: vec![series], readings, ..Parts::default() };
        let snapshot = assemble(parts, Timestamp(5), Reason::Pull, Some("17".into()), "1");
        let document = serde_json::to_vec(&snapshot).expect("finite");
        let back: Snapshot = serde_json::from_slice(&document).expect("own document");
        assert_eq!(back.signed_bytes().expect("finite"), snapshot.signed_bytes().expect("finite"));
        assert_eq!(back.readings[0].why, Some(Why::Timeout));
        assert_eq!(back.readings[1].unit, "s");
    }
}
