//! The endpoint's side of Firstline.
//!
//! Data goes one way: [`probe`] -> [`schedule`] -> [`sampler`] -> [`recorder`] and [`spool`] -> [`uplink`].
//! A [`pull`] asks the probes and the recorder for a [`snapshot`]. Nothing here runs a command for anybody.

pub mod app;
pub mod bookmarks;
pub mod command;
pub mod config;
pub mod identity;
pub mod journal;
pub mod os;
pub mod privacy;
pub mod probe;
pub mod pull;
pub mod recorder;
pub mod sampler;
pub mod schedule;
pub mod service;
pub mod settings;
pub mod snapshot;
pub mod spool;
pub mod state;
pub mod uplink;
