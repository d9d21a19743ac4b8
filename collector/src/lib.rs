//! The server of Firstline.
//!
//! Data goes one way: [`edge`] -> [`ingest`] -> [`store`] -> [`detect`] -> [`alert`] or [`ticket`] -> [`desk`]. People reach it
//! through [`api`] and [`console`], which stand on the same functions and pass [`access`] first.

pub mod access;
pub mod alert;
pub mod api;
pub mod app;
pub mod authority;
pub mod backup;
pub mod change;
pub mod client;
pub mod command;
pub mod config;
pub mod console;
pub mod desk;
pub mod detect;
pub mod directory;
pub mod doctor;
pub mod edge;
pub mod enrollment;
pub mod escalation;
pub mod feed;
pub mod fleet;
pub mod history;
pub mod incident;
pub mod ingest;
pub mod metrics;
mod outage;
pub mod pull;
pub mod recording;
pub mod replica;
pub mod report;
pub mod retest;
pub mod settings;
pub mod store;
pub mod symptom;
pub mod ticket;
