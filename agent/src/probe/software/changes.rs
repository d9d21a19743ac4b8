//! What differs from the look before, also from the last look of an agent that ran before.
//!
//! The named packages of the last look lie in a file, called by their fingerprint; the bookmark says which one counts. The
//! file is written first, then the events and the bookmark go to the spool together (see [`crate::bookmarks`]), then the
//! file before it is removed. Without a bookmark there is nothing to compare with and nothing is told: the first start of
//! an agent is no news about the machine.
//!
//! A change is told at the time that the package manager's diary or record has for it; a removal that nobody wrote down, at
//! the time at which the record was last written.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::{Timestamp, Value};
use firstline_proto::v1::Section;

use super::super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::package::inventory::{Change, Inventory};

static SPEC: Spec = Spec {
    name: "software",
    section: Section::Software,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(15),
    priority: 4,
    waits: false,
    heavy: true,
    signals: &[
        "endpoint.software.count",
        "endpoint.software.personal.count",
        "endpoint.software.fingerprint",
        "endpoint.software.change",
    ],
};

/// At most this many changes of one look are told; an upgrade of the whole system is one change, told by its version.
const MOST_CHANGES: usize = 200;
/// Name of the bookmark, and what the names of the files with the packages begin with.
const KEPT: &str = "software";

/// The fingerprint of the last look at each package manager.
type Fingerprints = BTreeMap<String, String>;

/// Tells what was installed, updated and removed.
#[derive(Default)]
pub(crate) struct Changes {
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: BTreeMap<&'static str, Known>,
    fingerprints: Option<Fingerprints>,
    /// Files of looks before the last may be there.
    untidy: bool,
}

/// What a package manager had at the last look.
struct Known {
    stamp: i64,
    inventory: Result<Inventory, ProbeError>,
}

impl Probe for Changes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let managers = native::package_managers(&cx.root);
        if managers.is_empty() {
            return Err(ProbeError::Unsupported("the record of a package manager"));
        }
        let mut gather = Gather::new(cx);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.tidy(cx);
        for (manager, stamp) in managers {
            memory.look(cx, &mut gather, manager, stamp);
            let attributes = || [("package.manager", manager)];
            let inventory = memory.known[manager].inventory.as_ref().map_err(Clone::clone);
            gather.outcome("endpoint.software.count", attributes(), inventory.clone().map(|all| all.count));
            gather.outcome("endpoint.software.personal.count", attributes(), inventory.clone().map(|all| all.personal));
            gather.outcome("endpoint.software.fingerprint", attributes(), inventory.map(Inventory::fingerprint));
        }
        Ok(gather.done())
    }
}

impl Memory {
    /// Reads a record again when it changed, and tells what differs.
    fn look(&mut self, cx: &Context, gather: &mut Gather, manager: &'static str, stamp: i64) {
        if self.known.get(manager).is_some_and(|known| known.stamp == stamp) {
            return;
        }
        let packages = native::packages(&cx.root, manager);
        let times = packages.iter().flatten().filter_map(|one| Some((one.name.clone(), one.installed_seconds?)));
        let times = order::map(times);
        let inventory = packages.map(Inventory::of);
        let before = self.known.remove(manager).map(|known| known.inventory.ok());
        let before = before.unwrap_or_else(|| self.recall(cx, manager));
        if let (Some(before), Ok(now)) = (&before, &inventory) {
            let changes = now.changes_since(before);
            let deeds = if changes.is_empty() { BTreeMap::new() } else { native::package_diary(&cx.root, manager) };
            for change in changes.into_iter().take(MOST_CHANGES) {
                let written = deeds.get(change.name).filter(|(version, _)| version.as_deref() == change.to);
                let installed = || times.get(change.name).filter(|_| change.to.is_some()).copied();
                let at_seconds = written.map(|(_, at)| *at).or_else(installed).unwrap_or(stamp);
                // A clock that was wrong then must not make news of the future.
                tell(gather, manager, change, Timestamp::from_unix_seconds(at_seconds).min(cx.clock.now()));
            }
        }
        // What cannot be read now is no reason to forget what there was: the next look compares with it.
        let inventory = match (before, inventory) {
            (Some(before), Err(_)) => Ok(before),
            (_, inventory) => inventory,
        };
        if let Ok(inventory) = &inventory {
            self.keep(cx, gather, manager, inventory);
        }
        self.known.insert(manager, Known { stamp, inventory });
    }

    fn fingerprints(&mut self, cx: &Context) -> &mut Fingerprints {
        self.fingerprints.get_or_insert_with(|| cx.recall_bookmark(KEPT).unwrap_or_default())
    }

    /// What an agent before this one saw last.
    fn recall(&mut self, cx: &Context, manager: &str) -> Option<Inventory> {
        let fingerprint = self.fingerprints(cx).get(manager)?.clone();
        Inventory::of_text(cx.recall(&file_name(manager, &fingerprint))?, &fingerprint)
    }

    fn keep(&mut self, cx: &Context, gather: &mut Gather, manager: &str, inventory: &Inventory) {
        let fingerprint = inventory.fingerprint();
        if self.fingerprints(cx).get(manager) == Some(&fingerprint) {
            return;
        }
        cx.remember(&file_name(manager, &fingerprint), &inventory.text());
        self.fingerprints(cx).insert(manager.to_owned(), fingerprint);
        gather.bookmark(KEPT, &self.fingerprints);
        self.untidy = true;
    }

    /// Removes the files of earlier looks when the bookmark that needed them has moved.
    fn tidy(&mut self, cx: &Context) {
        let Some(memory) = cx.memory.as_ref().filter(|_| self.untidy) else { return };
        let Some(fingerprints) = &self.fingerprints else { return };
        if cx.recall_bookmark::<Fingerprints>(KEPT).as_ref() != Some(fingerprints) {
            return;
        }
        let needed: Vec<_> = fingerprints.iter().map(|(manager, one)| file_name(manager, one)).collect();
        for file in std::fs::read_dir(memory).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.starts_with(&format!("{KEPT}.")) && !needed.contains(&name) {
                let _ = std::fs::remove_file(file.path());
            }
        }
        self.untidy = false;
    }
}

fn file_name(manager: &str, fingerprint: &str) -> String {
    format!("{KEPT}.{manager}.{fingerprint}")
}

fn tell(gather: &mut Gather, manager: &str, change: Change<'_>, at: Timestamp) {
    let attributes = [("package.manager", manager), ("package.name", change.name)];
    let text = |version: Option<&str>| Value::from(version.unwrap_or("none"));
    let fields = [("from", text(change.from)), ("to", text(change.to))];
    gather.event("endpoint.software.change", attributes, at, fields);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::path::Path;

    use firstline_diagnosis::vocabulary::Event;
    use tokio::sync::watch;

    use super::*;
    use crate::bookmarks::Bookmarks;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    type Packages = &'static [(&'static str, &'static str, &'static str)];

    /// A machine whose packages a test changes.
    struct Machine {
        dir: tempfile::TempDir,
        stamp: u64,
    }

    impl Machine {
        fn with(packages: Packages) -> Self {
            let mut machine = Self { dir: tempfile::tempdir().expect("temporary directory"), stamp: 1_000_000 };
            fs::create_dir_all(machine.path("memory")).expect("made");
            machine.has(packages);
            machine
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.dir.path().join(name)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            fs::write(path, text).expect("written");
        }

        fn has(&mut self, packages: Packages) {
            let stanza = |(name, version, section): &(&str, &str, &str)| {
                format!(
                    "Package: {name}\nStatus: install ok installed\nSection: {section}\nArchitecture: amd64\nVersion: {version}\n\n"
                )
            };
            self.write("var/lib/dpkg/status", &packages.iter().map(stanza).collect::<String>());
            self.stamp += 60;
            let file = fs::File::options().write(true).open(self.path("var/lib/dpkg/status")).expect("there");
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(self.stamp)).expect("set");
        }

        fn cx(&self) -> Context {
            let (_, settings) = watch::channel(Settings::default());
            let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
            Context { root: self.dir.path().to_owned(), memory: Some(self.path("memory")), ..cx }
        }

        /// `name to seconds` of what a look tells, which is taken in.
        fn told(&self, probe: &Changes) -> Vec<String> {
            let collected = probe.collect(&self.cx()).expect("read");
            if !collected.bookmarks.is_empty() {
                Bookmarks::open(&self.path("memory")).intend(collected.bookmarks, Vec::new(), &[], 0);
            }
            words(&collected.events)
        }
    }

    fn words(events: &[Event]) -> Vec<String> {
        let word = |event: &Event| {
            let name = event.series.attributes.get("package.name").unwrap_or_default();
            let Value::Text(to) = &event.fields["to"] else { panic!("a version is a text") };
            format!("{name} {to} {}", event.at.unix_ms() / 1000)
        };
        events.iter().map(word).collect()
    }

    fn files(memory: &Path) -> usize {
        let names = fs::read_dir(memory).expect("there").flatten();
        names.filter(|file| file.file_name().to_string_lossy().starts_with("software.")).count()
    }

    #[test]
    fn what_differs_is_told_once_and_games_never() {
        let mut machine = Machine::with(&[("cups", "2.4.2-3", "net"), ("old", "1", "net")]);
        let probe = Changes::default();
        assert_eq!(machine.told(&probe), [""; 0]);
        machine.has(&[("cups", "2.4.2-4", "net"), ("0ad", "1", "games")]);
        assert_eq!(machine.told(&probe), ["cups 2.4.2-4 1000120", "old none 1000120"]);
        assert_eq!(machine.told(&probe), [""; 0], "told once");
    }

    #[test]
    fn what_changed_while_no_agent_ran_is_told_after_the_next_start_at_the_time_it_was_done() {
        let mut machine = Machine::with(&[("cups", "2.4.2-3", "net"), ("old", "1", "net")]);
        assert_eq!(machine.told(&Changes::default()), [""; 0], "the first start is no news");
        machine.has(&[("cups", "2.4.2-4", "net"), ("new", "1", "net")]);
        let diary = "1970-01-12 13:46:00 upgrade cups:amd64 2.4.2-3 2.4.2-4\n1970-01-12 13:47:00 remove old:all 1 <none>\n1970-01-12 13:47:30 install new:amd64 <none> 7\n";
        machine.write("var/log/dpkg.log", diary);
        let probe = Changes::default();
        let expected = ["cups 2.4.2-4 999960", "new 1 1000120", "old none 1000020"];
        assert_eq!(machine.told(&probe), expected, "the diary is of another version of `new`");
        assert_eq!(machine.told(&probe), [""; 0]);
        assert_eq!(machine.told(&Changes::default()), [""; 0]);
        assert_eq!(files(&machine.path("memory")), 1);
    }

    #[test]
    fn what_an_agent_found_that_was_killed_is_found_again() {
        let mut machine = Machine::with(&[("cups", "1", "net")]);
        assert_eq!(machine.told(&Changes::default()), [""; 0]);
        machine.has(&[("cups", "2", "net")]);
        for _ in 0..2 {
            let killed = Changes::default().collect(&machine.cx()).expect("read");
            assert_eq!(words(&killed.events), ["cups 2 1000120"]);
        }
        assert_eq!(machine.told(&Changes::default()), ["cups 2 1000120"]);
        assert_eq!(machine.told(&Changes::default()), [""; 0]);
    }

    #[test]
    fn a_file_that_was_damaged_is_as_good_as_none() {
        let mut machine = Machine::with(&[("cups", "1", "net")]);
        assert_eq!(machine.told(&Changes::default()), [""; 0]);
        for file in fs::read_dir(machine.path("memory")).expect("there").flatten() {
            if file.file_name().to_string_lossy().starts_with("software.") {
                fs::write(file.path(), "\"cups\\t0\\n\"").expect("written");
            }
        }
        machine.has(&[("cups", "2", "net")]);
        assert_eq!(machine.told(&Changes::default()), [""; 0]);
    }
}
