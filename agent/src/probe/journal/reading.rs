use std::collections::BTreeMap;

use firstline_diagnosis::order::{self, Arrange as _};
use firstline_diagnosis::vocabulary::{Attributes, Timestamp};

use super::super::{Context, Gather};
use super::position::Kept;
use crate::os::native;
use crate::os::proc::log::network::{self, Wifi};
use crate::os::proc::log::sign_in::Attempts;
use crate::os::proc::log::{Found, Record, kernel, system};

/// Events of one run at most. A machine on which more different things go wrong in a minute says enough with these.
const EVENTS_MAX: usize = 200;

/// Understands the entries of one run.
pub(super) struct Reader<'a> {
    cx: &'a Context,
    attempts: Attempts,
    wifi: Wifi,
    /// Whether crashes are told by core dumps, so that the kernel's lines about them say nothing new.
    dumps: bool,
    found: Vec<(u64, Found)>,
    /// What is read now may be from anybody.
    unverified: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cx: &'a Context, wifi: Wifi) -> Self {
        let pattern = crate::os::read_trimmed(&cx.root, "proc/sys/kernel/core_pattern").unwrap_or_default();
        let dumps = pattern.contains("systemd-coredump");
        Self { cx, attempts: Attempts::default(), wifi, dumps, found: Vec::new(), unverified: false }
    }

    /// Takes entries, oldest first.
    pub(super) fn take(&mut self, records: &[Record]) {
        for record in records {
            self.attempts.take(record);
            if record.program() == "wpa_supplicant" && record.is_from_root() {
                let settled = self.wifi.take(record.at_us, record.message());
                self.found.extend(settled);
            }
            let found = self.meaning(record).map(|found| (record.at_us, found));
            self.found.extend(found);
        }
    }

    /// Takes entries, oldest first, whose writers nobody can tell.
    pub(super) fn take_unverified(&mut self, records: &[Record]) {
        let verified = self.found.len();
        self.unverified = true;
        self.take(records);
        let found = self.found.drain(verified..).map(|(at_us, found)| (at_us, found.flag("unverified", true)));
        let found: Vec<_> = found.collect();
        self.found.extend(found);
    }

    fn meaning(&self, record: &Record) -> Option<Found> {
        if record.is_from_kernel() {
            let line = record.message();
            return if self.dumps && kernel::is_crash(line) { None } else { kernel::meaning(line) };
        }
        let file = system::dump_file(record).map(|name| format!("{}/{name}", system::DUMPS));
        let has_file = file.is_some_and(|file| native::is_roots(&self.cx.root, &file));
        system::known_message(record, has_file)
            .or_else(|| system::companion(record))
            .or_else(|| network::meaning(record))
    }

    /// Takes what was found elsewhere, if anything was.
    pub(super) fn extend(&mut self, found: Option<(u64, Found)>) {
        self.found.extend(found);
    }

    /// Takes what was found elsewhere.
    pub(super) fn add(&mut self, at_us: u64, found: Found) {
        self.found.push((at_us, found));
    }

    /// Adds the events to `gather`; whether there are any.
    pub(super) fn finish(mut self, now_us: u64, kept: &mut Kept, gather: &mut Gather) -> bool {
        let unverified = self.unverified;
        let marked = |found: Found| if unverified { found.flag("unverified", true) } else { found };
        self.found.extend(self.wifi.over(now_us).into_iter().map(|(at_us, found)| (at_us, marked(found))));
        kept.wifi = self.wifi;
        for failure in std::mem::take(&mut self.attempts).done() {
            let user = failure.user.as_ref().map(|user| self.cx.pseudonyms.name("user", &user.to_lowercase()));
            self.found.push((failure.at_us, marked(failure.event(user.as_deref()))));
        }
        let root = &self.cx.root;
        let together = together(self.found.into_iter().map(|(at_us, found)| (at_us, with_media(root, found))));
        let any = !together.is_empty();
        together.into_iter().take(EVENTS_MAX).for_each(|(at_us, found)| tell(gather, at_us, found));
        any
    }
}

/// The same thing of one run counts, at the time of the last.
fn together(found: impl Iterator<Item = (u64, Found)>) -> Vec<(u64, Found)> {
    let mut kinds: BTreeMap<String, (u64, Found)> = BTreeMap::new();
    for (at_us, found) in found {
        let name = format!("{} {:?} {:?}", found.signal, found.attributes, found.fields);
        match kinds.get_mut(&name) {
            Some((last_us, same)) => {
                *last_us = at_us.max(*last_us);
                same.count = same.count.saturating_add(found.count);
            }
            None => drop(kinds.insert(name, (at_us, found))),
        }
    }
    let mut all: Vec<_> = kinds.into_values().collect();
    all.arrange_by_key(|(at_us, _)| *at_us);
    all
}

/// A disk's errors say whether it belongs to the machine: a stick that was pulled out is no failing disk.
fn with_media(root: &std::path::Path, found: Found) -> Found {
    if !["endpoint.disk.errors", "endpoint.filesystem.error"].contains(&found.signal) {
        return found;
    }
    let device = found.attributes.get("system.device").cloned().unwrap_or_default();
    let place = native::place_of_disk(root, &kernel::whole_disk(&device));
    found.of("place", place)
}

fn tell(gather: &mut Gather, at_us: u64, found: Found) {
    let attributes = order::map(found.attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let fields = order::map(found.fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let at = Timestamp(i64::try_from(at_us / 1000).unwrap_or(i64::MAX));
    gather.happened(found.signal, Attributes::from(attributes), at, fields, found.count);
}
