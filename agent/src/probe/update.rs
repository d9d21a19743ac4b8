//! Updates of the system: what waits for a restart, when something was last installed, and what the lists on the disk
//! offer.
//!
//! Nothing is fetched and no list is refreshed: how old the lists are is told beside what they offer. A run of the
//! package manager is told once, as an event.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Timestamp, Value};
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::package::history::Run;
use crate::os::package::lists::Available;
use crate::os::package::unattended::Attempt;

static RESTARTS: Spec = Spec {
    name: "restart",
    section: Section::Trust,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(5),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.update.pending_reboot",
        "endpoint.update.pending_reboot.reasons",
        "endpoint.update.pending_reboot.age",
    ],
};

static RESULTS: Spec = Spec {
    name: "update-results",
    section: Section::Trust,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(5),
    priority: 4,
    waits: false,
    heavy: false,
    signals: &["endpoint.update.result", "endpoint.update.last_success_age"],
};

static OFFERS: Spec = Spec {
    name: "updates",
    section: Section::Trust,
    tier: Tier::Daily,
    deadline: Duration::from_secs(30),
    priority: 5,
    waits: false,
    heavy: true,
    signals: &[
        "endpoint.update.available_count",
        "endpoint.update.lists_age",
        "endpoint.update.interrupted_count",
        "endpoint.update.automatic",
    ],
};

/// At most this many reasons are named.
const MOST_REASONS: usize = 6;

/// Whether a restart is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Restart {
    /// What waits for it; empty when nothing does.
    pub(crate) reasons: Vec<String>,
    /// Since when, seconds since 1970.
    pub(crate) since_seconds: Option<i64>,
}

/// What the diaries of the package managers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Diary {
    /// Runs, oldest first.
    pub(crate) runs: Vec<Run>,
    /// Runs that began by themselves, oldest first.
    pub(crate) unattended: Vec<Attempt>,
    /// When something was last updated, seconds since 1970.
    pub(crate) last_success_seconds: Option<i64>,
}

/// What the package manager's record and its lists say.
#[derive(Debug, Clone)]
pub(crate) struct Packaged {
    /// Packages whose installation was begun and not finished.
    pub(crate) interrupted: Vec<String>,
    /// What the lists offer.
    pub(crate) available: Result<Available, ProbeError>,
}

impl Restart {
    /// Adds reasons that hold since `since_seconds`.
    pub(crate) fn enter(&mut self, reasons: Vec<&str>, since_seconds: i64) {
        for reason in reasons {
            if !self.reasons.iter().any(|known| known == reason) {
                self.reasons.push(reason.to_owned());
            }
        }
        let since = Some(since_seconds).filter(|&since| since < i64::MAX);
        self.since_seconds = self.since_seconds.into_iter().chain(since).min();
    }

    fn words(&self) -> String {
        let more = self.reasons.len().saturating_sub(MOST_REASONS);
        let words = self.reasons[..self.reasons.len() - more].join(", ");
        if more > 0 { format!("{words} and {more} more") } else { words }
    }
}

/// Asks what waits for a restart.
pub(crate) struct Restarts;

impl Probe for Restarts {
    fn spec(&self) -> &'static Spec {
        &RESTARTS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let restart = native::restart_due(&cx.root)?;
        let is_due = !restart.reasons.is_empty();
        let none = || ProbeError::NotPresent("update that waits for a restart");
        let reasons = is_due.then(|| restart.words()).ok_or_else(none);
        let age = restart.since_seconds.filter(|_| is_due).map(|since| age_seconds(cx, since)).ok_or_else(none);
        let mut gather = Gather::new(cx);
        gather.single("endpoint.update.pending_reboot", is_due);
        gather.outcome("endpoint.update.pending_reboot.reasons", Attributes::none(), reasons);
        gather.outcome("endpoint.update.pending_reboot.age", Attributes::none(), age);
        Ok(gather.done())
    }
}

/// Name of the bookmark.
const KEPT: &str = "update-results";

/// Reads the diaries: each run is told once, as an event, also when no agent ran at the time. What happened before the
/// first look of all is not told.
#[derive(Default)]
pub(crate) struct Results {
    told_seconds: Mutex<Option<(i64, i64)>>,
}

impl Probe for Results {
    fn spec(&self) -> &'static Spec {
        &RESULTS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let diary = native::update_diary(&cx.root)?;
        let mut gather = Gather::new(cx);
        let none = ProbeError::NotPresent("update in the diaries");
        let age = diary.last_success_seconds.map(|at| age_seconds(cx, at)).ok_or(none);
        gather.outcome("endpoint.update.last_success_age", Attributes::none(), age);
        let newest = diary.runs.last().map_or(0, |run| run.at_seconds);
        let newest_unattended = diary.unattended.last().map_or(0, |run| run.at_seconds);
        let mut told = self.told_seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.take().or_else(|| cx.recall_bookmark(KEPT));
        // A diary that was put away and begun anew is no reason to tell what it had.
        let (runs, unattended) = before.unwrap_or((newest, newest_unattended));
        let now = (newest.max(runs), newest_unattended.max(unattended));
        *told = Some(now);
        if before != *told {
            gather.bookmark(KEPT, &now);
        }
        diary.runs.iter().filter(|run| run.at_seconds > runs).for_each(|run| tell(&mut gather, run));
        let failed = diary.unattended.iter().filter(|attempt| attempt.failed && attempt.at_seconds > unattended);
        failed.for_each(|attempt| tell_failure(&mut gather, attempt));
        Ok(gather.done())
    }
}

fn tell(gather: &mut Gather, run: &Run) {
    let fields = [
        ("ok", Value::from(!run.failed)),
        ("installed", Value::from(run.installed)),
        ("upgraded", Value::from(run.upgraded)),
        ("removed", Value::from(run.removed)),
    ];
    let tool = if run.unattended { "unattended-upgrades" } else { "apt" };
    gather.event("endpoint.update.result", [("tool", tool)], Timestamp::from_unix_seconds(run.at_seconds), fields);
}

/// An unattended run that failed before it came to installing leaves no trace but in its own diary.
fn tell_failure(gather: &mut Gather, attempt: &Attempt) {
    let at = Timestamp::from_unix_seconds(attempt.at_seconds);
    gather.event("endpoint.update.result", [("tool", "unattended-upgrades")], at, [("ok", Value::from(false))]);
}

/// Compares what is installed with what the lists on the disk offer. Both are read again only when one of them changed.
#[derive(Default)]
pub(crate) struct Offers {
    known: Mutex<Option<(i64, Packaged)>>,
}

impl Probe for Offers {
    fn spec(&self) -> &'static Spec {
        &OFFERS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let packaged = self.packaged(cx)?;
        let mut gather = Gather::new(cx);
        let count = |security: &'static str| [("security", security)];
        let security = packaged.available.clone().map(|available| available.security);
        gather.outcome("endpoint.update.available_count", count("yes"), security);
        gather.outcome("endpoint.update.available_count", count("no"), packaged.available.map(|all| all.other));
        let age = native::lists_seconds(&cx.root).map(|at| age_seconds(cx, at));
        gather.outcome("endpoint.update.lists_age", Attributes::none(), age);
        gather.single("endpoint.update.interrupted_count", packaged.interrupted.len() as u64);
        let automatic = native::updates_by_themselves(&cx.root);
        gather.outcome("endpoint.update.automatic", Attributes::none(), automatic);
        Ok(gather.done())
    }
}

impl Offers {
    fn packaged(&self, cx: &Context) -> Result<Packaged, ProbeError> {
        let stamp = native::packaged_stamp(&cx.root);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, packaged)) = known.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(packaged.clone());
        }
        let packaged = native::packaged(&cx.root)?;
        *known = Some((stamp, packaged.clone()));
        Ok(packaged)
    }
}

/// Seconds from `at_seconds` since 1970 until now.
fn age_seconds(cx: &Context, at_seconds: i64) -> f64 {
    cx.clock.now().seconds_since(Timestamp::from_unix_seconds(at_seconds)).max(0.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use tokio::sync::watch;

    use super::*;
    use crate::bookmarks::Bookmarks;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    #[test]
    fn a_run_while_no_agent_ran_is_told_once_after_the_next_start() {
        let root = tempfile::tempdir().expect("temporary directory");
        let (diary, memory) = (root.path().join("var/log/apt/history.log"), root.path().join("memory"));
        fs::create_dir_all(diary.parent().expect("below the root")).expect("made");
        fs::create_dir(&memory).expect("made");
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
        let cx = Context { root: root.path().to_owned(), memory: Some(memory.clone()), ..cx };
        let told = |probe: &Results| {
            let collected = probe.collect(&cx).expect("read");
            if !collected.bookmarks.is_empty() {
                Bookmarks::open(&memory).intend(collected.bookmarks, Vec::new(), &[], 0);
            }
            collected.events.iter().map(|event| event.at.unix_ms() / 1000).collect::<Vec<_>>()
        };
        let run = |day| {
            format!(
                "\nStart-Date: 1970-01-{day}  00:00:00\nUpgrade: a:amd64 (1, 2)\nEnd-Date: 1970-01-{day}  00:00:10\n"
            )
        };
        fs::write(&diary, run("02")).expect("written");
        assert_eq!(told(&Results::default()), [0; 0], "the first start is no news");
        fs::write(&diary, run("02") + &run("03")).expect("written");
        let probe = Results::default();
        assert_eq!(told(&probe).len(), 1);
        assert_eq!(told(&probe), [0; 0]);
        fs::write(&diary, "").expect("begun anew");
        assert_eq!(told(&Results::default()), [0; 0]);
        fs::write(&diary, run("04")).expect("written");
        assert_eq!(told(&Results::default()).len(), 1);
    }
}
