use std::fs::File;

/// Not known.
pub(in crate::doctor) fn holder(_lock: &File) -> Option<u32> {
    None
}

/// Not known.
pub(in crate::doctor) fn name(_process: u32) -> String {
    "not visible from here".to_owned()
}

/// Not known.
pub(in crate::doctor) fn files_allowed(_process: u32) -> Option<u64> {
    None
}
