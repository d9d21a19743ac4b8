//! JSON over HTTPS.

pub mod problem;
