//! A technician's request for a fresh snapshot, from order to verified document.

mod document;

pub use document::{Headline, Pull, PullEndpoint, PullOrder, PullResult, PullSection, PullState};
