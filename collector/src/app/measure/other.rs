use super::Process;

/// Not known.
pub(super) fn process() -> Option<Process> {
    None
}
