//! The agent's stream and its pulls, against a collector of a few lines.

mod bytes;
mod collector;
mod network;
mod pull;
mod sleep;
mod uplink;
