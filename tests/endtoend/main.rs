//! What a user would notice, on the binaries that ship.

mod harness;
