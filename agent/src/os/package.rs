//! What package managers write down: pure functions of text and bytes, the same on every system that compiles them.
//!
//! Nothing here asks a network, refreshes a list or takes a lock. What a file does not say is absent, never zero.

pub(crate) mod bundle;
pub(crate) mod dpkg;
pub(crate) mod dpkg_log;
pub(crate) mod history;
pub(crate) mod inventory;
pub(crate) mod kernel;
pub(crate) mod lists;
pub(crate) mod lz4;
pub(crate) mod stanza;
pub(crate) mod unattended;
pub(crate) mod version;
