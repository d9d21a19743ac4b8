//! Memory that is not needed any more goes back to the system, at once and not when it becomes scarce.

#[cfg(target_env = "gnu")]
mod glibc;
#[cfg(not(target_env = "gnu"))]
#[path = "spare/elsewhere.rs"]
mod glibc;
mod program;

pub(crate) use glibc::keep_memory_small;

/// Gives back what was freed, and the pages of the program that nothing needed for long, such as those of the start. They
/// are read again from the page cache, a few microseconds each, when something does need them.
pub(crate) fn give_memory_back() {
    // Reading what is mapped takes memory of its own, which goes back with the rest.
    program::forget_pages();
    glibc::trim();
}
