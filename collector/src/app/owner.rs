//! Files and folders for their owner's eyes.

#[cfg_attr(unix, path = "owner/unix.rs")]
#[cfg_attr(not(unix), path = "owner/other.rs")]
mod system;

pub(crate) use system::{create, hand_over, hide, make_folder, make_new_folder, shared_mode};
