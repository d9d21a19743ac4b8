//! What a user would notice, on the binaries that ship.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has found something")]

mod addresses;
mod authority;
mod backlog;
mod backups;
mod browser;
mod budgets;
mod checks;
mod clock;
mod collector_service;
mod command;
mod console;
mod damage;
mod desks;
mod directories;
mod disk_faults;
mod doctor;
mod enrolment;
mod events;
mod faults;
mod feed;
mod files;
mod flood;
mod harness;
mod hostile;
mod identities;
mod inventory;
mod kills;
mod load;
mod markup;
mod monitoring;
mod outputs;
mod postgres;
mod pulls;
mod quickstart;
mod replicas;
mod sealing;
mod service;
mod storage;
mod syncs;
mod tags;
mod values;
