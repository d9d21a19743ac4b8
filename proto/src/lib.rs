//! The wire between endpoint and collector.
//!
//! [`v1`] is generated from `firstline/v1/*.proto`; [`convert`] turns its messages into the words of
//! `firstline-diagnosis` and back. Outward conversion cannot fail; inward conversion checks every bound that a
//! message states, since what arrives from a network is a claim, not a fact.

#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("firstline.v1");
}

pub mod convert;
pub mod pack;

/// Encodes and decodes messages; here so that other crates need not name prost.
pub use prost::{DecodeError, Message};

/// The compiled descriptions, with comments, as a serialized `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/firstline.v1.descriptors"));

/// Version of the protocol that this crate speaks, for `Hello.protocol_version`.
pub const PROTOCOL_VERSION: u32 = 1;
