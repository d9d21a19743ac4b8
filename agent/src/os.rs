//! What each operating system says, read and parsed apart.
//!
//! [`proc`] parses the text formats of Linux; it is pure and compiles everywhere, so its tests run everywhere;
//! [`netlink`] does the same for the messages of its kernel.
//! `native` is the system at hand: the same names in `os/linux`, `os/macos` and `os/windows`. Everything that is read
//! as a file is read below a root that the caller gives, so that a directory of fixtures is a machine.

mod address;
pub(crate) mod child;
mod clock;
mod file;
pub(crate) mod ipp;
pub(crate) mod neighbour;
pub(crate) mod netlink;
pub(crate) mod package;
#[cfg(all(test, target_os = "linux"))]
pub(crate) mod prepared;
pub mod proc;
pub(crate) mod smart;

#[cfg(target_os = "linux")]
#[path = "os/linux/facade.rs"]
pub(crate) mod native;
#[cfg(target_os = "macos")]
#[path = "os/macos/facade.rs"]
pub(crate) mod native;
#[cfg(windows)]
#[path = "os/windows/facade.rs"]
pub(crate) mod native;

pub(crate) use address::{addresses, networks};
pub use clock::{Clock, SystemClock, Wait};
pub(crate) use file::{exists, list, modified_seconds, read, read_bytes, read_trimmed, tail};
