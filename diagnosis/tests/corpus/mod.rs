//! What the files of findings and those of whole days share: how they are read, how people write quantities and values in
//! them, and what a machine tells because of it.

pub(crate) mod files;
pub(crate) mod quantity;
pub(crate) mod told;
pub(crate) mod written;
