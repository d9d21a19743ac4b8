//! Messages of the wire <-> words of `firstline-diagnosis`, one file per concept.
//!
//! Outward conversion cannot fail. Inward conversion checks every bound that the `.proto` comments state and names
//! the field that breaks one, so that a refusal can be acted upon.

mod bounds;
mod enrollment;
mod event;
mod layout;
mod machine;
mod mark;
mod pull;
mod reading;
mod record;
mod sample;
mod series;
mod snapshot;
mod value;
mod why;

pub use bounds::BadField;
pub use enrollment::{check_certificate_request, check_enroll_request, check_fork};
pub use layout::{apply, difference};
pub use machine::Machine;
pub use pull::{Pull, Section, SectionProgress, SectionState, every_section};
pub use record::{Body, Dropped, RECORDS_PER_BATCH, Record, SEQUENCE_MAX, check_batch};
pub use snapshot::{PIECE_BYTES_MAX, Piece, SNAPSHOT_BYTES_MAX, pieces};
