//! Why a system crashed, from the end of its own log: one of a few classes.

/// Words of the kernel, and the class they mean. The first that is found decides.
const CLASSES: [(&str, &str); 13] = [
    ("Kernel panic - not syncing: Fatal machine check", "hardware error"),
    ("Kernel panic - not syncing: Fatal hardware error", "hardware error"),
    ("Kernel panic - not syncing: Attempted to kill init", "first process ended"),
    ("Kernel panic - not syncing: VFS: Unable to mount root", "system volume not found"),
    ("Kernel panic - not syncing: Out of memory", "out of memory"),
    ("Kernel panic - not syncing: System is deadlocked on memory", "out of memory"),
    ("Kernel panic - not syncing: hung_task", "hung"),
    ("Kernel panic - not syncing: softlockup", "hung"),
    ("Kernel panic - not syncing: Hard LOCKUP", "hung"),
    ("Kernel panic - not syncing: sysrq triggered crash", "asked for"),
    ("BUG: unable to handle", "bad address"),
    ("BUG: kernel NULL pointer dereference", "bad address"),
    ("kernel BUG at", "assertion"),
];

/// The class of the fault that `log` ends with.
pub(crate) fn reason(log: &str) -> &'static str {
    let class = CLASSES.into_iter().find(|(words, _)| log.contains(words)).map(|(_, class)| class);
    let general = || if log.contains("general protection fault") { "bad address" } else { "other" };
    class.unwrap_or_else(general)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_from_the_kernels_words() {
        let log = "<1>[ 11.2] BUG: kernel NULL pointer dereference, address: 8\n<0>[ 11.3] Kernel panic - not syncing: Fatal exception";
        assert_eq!(reason(log), "bad address");
        assert_eq!(reason("Kernel panic - not syncing: sysrq triggered crash"), "asked for");
        assert_eq!(reason("Kernel panic - not syncing: Fatal machine check on current CPU"), "hardware error");
        assert_eq!(reason("garbage"), "other");
    }
}
