//! Findings that people must be told about.

mod document;

pub use document::{
    Acknowledgement, Alert, AlertChange, AlertDetail, AlertEndpoint, AlertList, AlertQuery, AlertState, Decision,
    DecisionRecord, Matchers, NewSilence, Silence, SilencedBy,
};
