//! Assembles and signs snapshots.

mod assembly;
mod history;
mod machine;

pub use assembly::{Parts, SCHEMA, assemble, sign, snapshot_reading};
pub use history::{History, HistoryEntry};
pub use machine::{boot_id, machine};
