use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::os::proc::kmsg;
use crate::os::proc::log::{Lines, Record};
use crate::probe::ProbeError;

/// Longest message; longer ones are refused by the kernel with an error and passed over.
const MESSAGE_BYTES_MAX: usize = 8192;
/// Messages that are looked at in one run. The kernel's ring holds some thousand.
const LOOKS_MAX: usize = 20_000;

/// `/dev/kmsg`, open.
#[derive(Debug, Default)]
pub(crate) struct KernelLog(Option<File>);

impl KernelLog {
    /// The messages from the number `next` on, at most the newest `most`, and the number after the last one. The
    /// kernel's clock counts from `boot_us` (microseconds since 1970).
    pub(crate) fn read(
        &mut self,
        root: &Path,
        next: u64,
        boot_us: u64,
        most: usize,
    ) -> Result<(Lines, u64), ProbeError> {
        let file = match &mut self.0 {
            Some(file) => file,
            none => none.insert(open(root)?),
        };
        let (mut lines, mut after) = (Lines::default(), next);
        let mut raw = vec![0; MESSAGE_BYTES_MAX];
        for _ in 0..LOOKS_MAX {
            let got = match file.read(&mut raw) {
                Ok(0) => break,
                Ok(got) => got,
                Err(source) if source.kind() == ErrorKind::WouldBlock => break,
                // The ring went round, or the message is too long: the next read goes on with the next message.
                Err(source) if matches!(source.raw_os_error(), Some(32 | 22)) => continue,
                Err(source) => return Err(ProbeError::file("dev/kmsg", &source)),
            };
            let text = String::from_utf8_lossy(&raw[..got]);
            let Some(number) = kmsg::number(&text).filter(|number| *number >= next) else { continue };
            after = after.max(number + 1);
            if let Some(message) = kmsg::message(&text) {
                lines.records.push(record(boot_us + message.at_us, message.text));
            }
            if lines.records.len() > most {
                lines.records.remove(0);
                lines.left_out += 1;
            }
        }
        Ok((lines, after))
    }
}

fn record(at_us: u64, text: &str) -> Record {
    let mut record = Record::at(at_us);
    record.keep("_TRANSPORT", "kernel".to_owned());
    record.keep("SYSLOG_IDENTIFIER", "kernel".to_owned());
    record.keep("MESSAGE", text.to_owned());
    record
}

fn open(root: &Path) -> Result<File, ProbeError> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let path = root.join("dev/kmsg");
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| ProbeError::file("dev/kmsg", &source))
}
