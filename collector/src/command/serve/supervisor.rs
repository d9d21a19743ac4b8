//! Who started this process and wants to hear of it: systemd, where there is one.

#[cfg_attr(target_os = "linux", path = "supervisor/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "supervisor/other.rs")]
mod system;

pub(super) use system::{ready, stopping};
