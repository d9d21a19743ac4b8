//! Background services that failed.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "services",
    section: Section::Software,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 2,
    waits: true,
    heavy: false,
    signals: &["endpoint.service.failed.count", "endpoint.service.failed"],
};

/// At most this many are named; the count is of all.
const MOST_NAMED: usize = 32;

/// Asks the service manager which units failed.
#[derive(Default)]
pub(crate) struct Services {
    /// Services that were told as failed, to say when they no longer are.
    named: Mutex<BTreeSet<String>>,
}

impl Probe for Services {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let units = native::failed_units(&cx.root)?;
        let mut gather = Gather::new(cx);
        gather.single("endpoint.service.failed.count", units.len() as u64);
        let failed = order::set(units.iter().filter_map(|unit| plain_name(unit)).take(MOST_NAMED));
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        for name in named.union(&failed) {
            gather.value("endpoint.service.failed", [("service", name.as_str())], failed.contains(name));
        }
        // That none failed is an answer too, or the check would have to call it unknown.
        if named.is_empty() && failed.is_empty() {
            gather.unknown("endpoint.service.failed", [], ProbeError::NotPresent("failed service"));
        }
        // What recovered was told just now; it need not be told again.
        *named = failed;
        Ok(gather.done())
    }
}

/// The name of a unit that is a program, without what it was started for: `backup@ada.service` is `backup@.service`.
/// Other units carry paths and people in their names, and are only counted.
pub(super) fn plain_name(unit: &str) -> Option<String> {
    let (name, kind) = unit.rsplit_once('.')?;
    if !["service", "timer", "socket"].contains(&kind) {
        return None;
    }
    Some(match name.split_once('@') {
        Some((template, _)) => format!("{template}@.{kind}"),
        None => unit.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_services_without_what_they_were_started_for() {
        assert_eq!(plain_name("cups.service").as_deref(), Some("cups.service"));
        assert_eq!(plain_name("backup@ada.service").as_deref(), Some("backup@.service"));
        assert_eq!(plain_name("home-ada-secret.mount"), None);
        assert_eq!(plain_name("odd"), None);
    }
}
