//! Messages of `/dev/kmsg`: `4,1234,5678901,-;text`, each in a read of its own, with further lines that begin with a space.

/// A message of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Its number; it grows by one with each.
    pub(crate) number: u64,
    /// Microseconds of the kernel's clock, which stands still while the machine sleeps.
    pub(crate) at_us: u64,
    /// What it says.
    pub(crate) text: &'a str,
}

/// The message in `raw`; nothing when a program wrote it, which any that runs as root may, or when it is malformed.
pub(crate) fn message(raw: &str) -> Option<Message<'_>> {
    let (head, rest) = raw.split_once(';')?;
    let mut head = head.split(',');
    let facility = head.next()?.parse::<u32>().ok()? >> 3;
    let number = head.next()?.parse().ok()?;
    let at_us = head.next()?.parse().ok()?;
    (facility == 0).then_some(Message { number, at_us, text: rest.lines().next()? })
}

/// The number of the message in `raw`, whoever wrote it.
pub(crate) fn number(raw: &str) -> Option<u64> {
    raw.split(',').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_message_of_the_kernel() {
        let raw = "4,811,11153784147,-;EXT4-fs (loop0): mounted filesystem\n SUBSYSTEM=block\n DEVICE=b7:0\n";
        let text = "EXT4-fs (loop0): mounted filesystem";
        assert_eq!(message(raw), Some(Message { number: 811, at_us: 11_153_784_147, text }));
    }

    #[test]
    fn what_a_program_wrote_there_is_none() {
        assert_eq!(message("12,5,77,-;I/O error, dev sda, sector 1"), None);
        assert_eq!(number("12,5,77,-;I/O error, dev sda, sector 1"), Some(5));
        assert_eq!(message("garbage"), None);
    }

    proptest! {
        #[test]
        fn never_panics(raw in "\\PC{0,80}|[0-9,;-]{0,40}") {
            let _ = (message(&raw), number(&raw));
        }
    }
}
