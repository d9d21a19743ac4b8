//! Backups: everything that a collector is made of, taken while it runs, and put back elsewhere.
//!
//! A backup is a folder, or the same as one file when its name ends with `.tar`:
//!
//! ```text
//! firstline.toml, authority/, checks/, ..   the data folder's files, byte for byte
//! firstline.sqlite                          SQLite: the database as it was at one moment
//! firstline.pgdump                          PostgreSQL: what pg_dump wrote
//! manifest.json                             when, by what program, migrations, and size and SHA-256 of each file
//! ```
//!
//! **Guarantees.** A backup is only for its owner's eyes, since the authority's key is in it. It is there whole or not at all
//! (as a file: without a manifest, which restoring refuses), and never takes the place of anything. Taking one changes
//! nothing in the data folder and stops nobody. Restoring checks every byte against the manifest and the database for
//! damage before the first file has its name.
//!
//! **Limits.** The data folder's files are copied after the database; keys and configuration change seldom. Files that the
//! configuration names outside the folder are listed and not copied. As one file, a backup needs its size twice while it
//! is made.

mod archive;
mod database;
mod digest;
mod files;
mod manifest;
mod restore;
mod take;

pub use manifest::{Database, Entry, Manifest};
pub use restore::{Restored, restore};
pub use take::{Order, take};

#[cfg(test)]
mod tests;
