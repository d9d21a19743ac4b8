//! The documents that people and scripts receive, as `--json` prints them and the API serves them.
//!
//! Fields are added, never renamed or removed. Times are RFC 3339 in UTC, ratios 0 to 1, bytes are bytes.

mod around;
mod change;
mod compared;
mod diagnosis;
mod endpoint;
mod forecast;
mod snapshot;

pub use around::{Around, Happened, Unusual};
pub use change::{Actor, ChangeRecord, ChangesResult, WhatChanged};
pub(crate) use compared::Account;
pub use compared::{Compared, Outcome, OutcomeResult};
pub use diagnosis::{
    Comparison, Diagnosis, Escalation, Evidence, Finding, FindingState, Guard, Role, RuledOut, RuledOutResult, Texts,
};
pub use endpoint::{Endpoint, EndpointList, EndpointState, Kinship, Os, Related};
pub use forecast::Forecast;
pub use snapshot::{
    AgentHealth, Change, Quality, Reason, Signature, Snapshot, SnapshotEndpoint, SnapshotReading, SnapshotSeries,
};
