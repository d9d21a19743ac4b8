//! What happened, from the system's own log.
//!
//! Reads what is new in the journal once a minute, by kinds of entries (see [`crate::os::proc::log`]). How far it came is
//! kept together with what it found (see [`crate::bookmarks`]), so that neither a restart of the agent nor a kill at any
//! moment repeats or misses an entry. What a run costs depends on the entries
//! of these kinds alone, of which at most 500 of each are read in a run; what is beyond is counted. The first start
//! looks back for a day.
//!
//! Without a journal the kernel's own messages are read, and the logs of a syslog daemon. Any person can write any line to
//! these, so that what is told of them says that it is unverified. Texts never leave: an event has a name, classes and
//! numbers.

mod kernel_log;
mod position;
mod reading;
mod stops;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;
use kernel_log::KernelLog;
use position::Kept;
use reading::Reader;
use stops::Stops;

static SPEC: Spec = Spec {
    name: "journal",
    section: Section::Software,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.8021x.failure",
        "endpoint.agent.log.readable",
        "endpoint.agent.log.skipped",
        "endpoint.app.crash",
        "endpoint.app.hang",
        "endpoint.auth.failure",
        "endpoint.clock.step",
        "endpoint.dhcp.failure",
        "endpoint.disk.errors",
        "endpoint.dns.client_timeout",
        "endpoint.domain.failure",
        "endpoint.driver.problem",
        "endpoint.filesystem.error",
        "endpoint.gpu.reset",
        "endpoint.hw_error",
        "endpoint.ip.conflict",
        "endpoint.link.down",
        "endpoint.oom_kill",
        "endpoint.os.crash",
        "endpoint.os.unclean_stop",
        "endpoint.security.malware",
        "endpoint.service.start_failure",
        "endpoint.service.unexpected_exit",
        "endpoint.thermal.alarm",
        "endpoint.usb.problem",
        "endpoint.vpn.drop",
        "endpoint.vpn.failure",
        "endpoint.wifi.auth_failure",
        "endpoint.wifi.disconnect",
    ],
};

/// Name of the bookmark.
const KEPT: &str = "log";
/// A new agent tells what happened in this time before it.
const LOOK_BACK: Duration = Duration::from_hours(24);

/// Reads the system's log.
#[derive(Default)]
pub(crate) struct Journal {
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    journal: native::Journal,
    kernel: KernelLog,
    kept: Option<Kept>,
    skipped: u64,
    stops: Stops,
}

impl Probe for Journal {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Files, Right::KernelLog]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gather = Gather::new(cx);
        memory.run(cx, &mut gather);
        Ok(gather.done())
    }
}

impl Memory {
    fn run(&mut self, cx: &Context, gather: &mut Gather) {
        let mut kept = self.kept.take().or_else(|| cx.recall_bookmark(KEPT)).unwrap_or_default();
        let before = kept.clone();
        let now_us = u64::try_from(cx.clock.now().unix_ms()).unwrap_or(0) * 1000;
        let mut reader = Reader::new(cx, kept.wifi.clone());
        let since_us = now_us.saturating_sub(u64::try_from(LOOK_BACK.as_micros()).unwrap_or(0));
        let lines = self.journal.read(&cx.root, &kept.journal, since_us.max(kept.read_until_us));
        let readable = lines.as_ref().map(|_| true).map_err(Clone::clone);
        gather.outcome("endpoint.agent.log.readable", [("source", "journal")], readable);
        let skipped = match lines {
            Ok(lines) => {
                reader.take(&lines.records);
                kept.journal = self.journal.positions();
                kept.read_until_us = now_us;
                Ok(lines.left_out)
            }
            Err(_) => self.without_journal(cx, gather, &mut kept, &mut reader, since_us),
        };
        self.skipped += *skipped.as_ref().unwrap_or(&0);
        gather.outcome("endpoint.agent.log.skipped", [], skipped.map(|_| self.skipped));
        self.stops.look(cx, &mut kept, &mut reader);
        let told = reader.finish(now_us, &mut kept, gather);
        if told || kept.differs_in_more_than_numbers(&before) {
            gather.bookmark(KEPT, &kept);
        }
        self.kept = Some(kept);
    }

    /// What else there is; how many entries were passed over.
    fn without_journal(
        &mut self,
        cx: &Context,
        gather: &mut Gather,
        kept: &mut Kept,
        reader: &mut Reader,
        since_us: u64,
    ) -> Result<u64, ProbeError> {
        let kernel = self.kernel_messages(cx, gather, kept, reader);
        let now_us = u64::try_from(cx.clock.now().unix_ms()).unwrap_or(0) * 1000;
        let since_us = since_us.max(kept.read_until_us);
        let lines = native::text_lines(&cx.root, &mut kept.texts, since_us, now_us);
        let readable = lines.as_ref().map(|_| true).map_err(Clone::clone);
        gather.outcome("endpoint.agent.log.readable", [("source", "text")], readable);
        let Ok(mut lines) = lines else { return kernel };
        kept.read_until_us = now_us;
        // The kernel's own word is better than a copy of it.
        lines.records.retain(|record| kernel.is_err() || !record.is_from_kernel());
        reader.take_unverified(&lines.records);
        Ok(kernel.unwrap_or(0) + lines.left_out)
    }

    /// The kernel's own messages; how many were passed over.
    fn kernel_messages(
        &mut self,
        cx: &Context,
        gather: &mut Gather,
        kept: &mut Kept,
        reader: &mut Reader,
    ) -> Result<u64, ProbeError> {
        let lines = self.kernel.read(cx, kept);
        let readable = lines.as_ref().map(|_| true).map_err(Clone::clone);
        gather.outcome("endpoint.agent.log.readable", [("source", "kernel")], readable);
        let lines = lines?;
        reader.take(&lines.records);
        Ok(lines.left_out)
    }
}
