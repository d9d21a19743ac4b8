use std::ffi::c_int;

/// The heap grows by so much beyond what is asked for, and what is free at its end goes back when it is twice as much.
const STEP_BYTES: c_int = 32 * 1024;

/// Pieces of this size are mapped on their own, so that they go back when they are freed.
const MAPPED_BYTES: c_int = 128 * 1024;

/// Makes the allocator take little. By default each thread gets a heap of its own, none of which is ever given back, and
/// the limits grow with what was once needed.
pub(crate) fn keep_memory_small() {
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_TOP_PAD, STEP_BYTES),
        (libc::M_TRIM_THRESHOLD, 2 * STEP_BYTES),
        (libc::M_MMAP_THRESHOLD, MAPPED_BYTES),
    ] {
        // SAFETY: mallopt takes two numbers; where it refuses one, its default stays.
        unsafe { libc::mallopt(option, value) };
    }
}

/// Gives back what was freed anywhere in the heap.
pub(super) fn trim() {
    // SAFETY: malloc_trim touches only what is free, and takes the heap's lock.
    unsafe { libc::malloc_trim(0) };
}
