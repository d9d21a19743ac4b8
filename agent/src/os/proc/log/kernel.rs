//! Lines of the kernel.

mod device;
mod hardware;
mod program;
mod storage;

use super::Found;

pub(crate) use storage::whole_disk;

/// What a line of the kernel (without its time) means. The first rule that knows the line decides.
pub(crate) fn meaning(line: &str) -> Option<Found> {
    // A line that a rule can know is not long; what is, was written by something that wants to be read.
    if line.len() > 1024 {
        return None;
    }
    storage::meaning(line)
        .or_else(|| program::meaning(line))
        .or_else(|| hardware::meaning(line))
        .or_else(|| device::meaning(line))
}

/// Whether `line` tells of a program that crashed. Where core dumps are reported, that report says more.
pub(crate) fn is_crash(line: &str) -> bool {
    program::crash(line).is_some()
}
