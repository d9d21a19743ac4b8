//! Linux: files of `/proc` and `/sys`, a few system calls, the system bus.

mod clock;
mod memory;
mod processor;

pub(crate) use clock::{awake, since_boot, thread_cpu};
pub(crate) use memory::{meminfo, vmstat};
pub(crate) use processor::{load, stat};
