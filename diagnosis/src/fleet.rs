//! One cause seen on many endpoints.
//!
//! Functions of facts and thresholds, for the collector: which hosts count ([`eligible`]), what the affected ones have in
//! common ([`common_cause`]), who has fallen silent together ([`silent_group`]), what a rollout broke ([`bad_rollout`]), a
//! burst of one kind of trouble ([`rate_burst`]), a service that fails from everywhere ([`shared_service`]), and parts of one
//! make that fail more than others ([`hardware_cohort`]). Thresholds are the caller's: the file `catalogue/fleet.toml`.
//!
//! With fewer than thirty eligible hosts nothing is tested; only a silent group, a shared service and the plain number of
//! others with the same symptom are told. Nothing of this is used by the agent.

pub mod bad_rollout;
mod benjamini;
#[cfg(test)]
mod builtin;
pub mod common_cause;
pub mod eligible;
mod fisher;
pub mod hardware_cohort;
pub mod rate_burst;
pub mod shared_service;
pub mod silent_group;
mod thresholds;

pub use thresholds::{
    Attribute, BadRollout, Cause, CommonCause, HardwareCohort, Part, RateBurst, SharedService, SilentGroup, Thresholds,
};
