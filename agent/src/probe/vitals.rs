use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use firstline_diagnosis::order;

use crate::privacy::is_hidden;

/// A machine that more people are signed in to is a server; whom a ticket is about cannot be told by it.
const PEOPLE_MAX: usize = 8;
const NAME_CHARS_MAX: usize = 64;

/// What the agent's rooms tell each other beside the readings: about themselves, and who is signed in. Names of people
/// are no readings, so that they enter no history and no chart.
#[derive(Debug, Default)]
pub struct Vitals {
    failing_probes: AtomicU64,
    probes: AtomicU64,
    spool: Mutex<Option<Spool>>,
    people: Mutex<Vec<String>>,
    ended_well: AtomicBool,
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spool {
    /// Records that wait.
    pub(crate) records: u64,
    /// Share of the space in use, 0 to 1.
    pub(crate) fill_ratio: f64,
}

impl Vitals {
    /// The spool holds `records` records and is full to `fill_ratio` (0 to 1).
    pub fn set_spool(&self, records: u64, fill_ratio: f64) {
        *self.spool.lock().unwrap_or_else(PoisonError::into_inner) = Some(Spool { records, fill_ratio });
    }

    /// The last word of the spool, if it ever said one.
    pub(crate) fn spool(&self) -> Option<Spool> {
        *self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These people are signed in now.
    pub(crate) fn set_people<'a>(&self, people: impl Iterator<Item = &'a String>) {
        let names = order::set(people.filter_map(|name| sign_in_name(name)));
        *self.people.lock().unwrap_or_else(PoisonError::into_inner) = names.into_iter().take(PEOPLE_MAX).collect();
    }

    /// Sign-in names of the people who were there at the last look, sorted, at most eight.
    pub fn people(&self) -> Vec<String> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The agent's last run ended because it was told to.
    pub fn set_ended_well(&self, ended_well: bool) {
        self.ended_well.store(ended_well, Ordering::Relaxed);
    }

    /// Whether the agent's last run ended because it was told to, and not with the machine.
    pub(crate) fn ended_well(&self) -> bool {
        self.ended_well.load(Ordering::Relaxed)
    }

    /// `failing` of `all` probes gave nothing when they last ran.
    pub(crate) fn set_probes(&self, failing: u64, all: u64) {
        self.failing_probes.store(failing, Ordering::Relaxed);
        self.probes.store(all, Ordering::Relaxed);
    }

    /// How many probes there are; 0 before any ran.
    pub(crate) fn probes(&self) -> u64 {
        self.probes.load(Ordering::Relaxed)
    }

    /// How many probes gave nothing when they last ran.
    pub(crate) fn failing_probes(&self) -> u64 {
        self.failing_probes.load(Ordering::Relaxed)
    }
}

/// The name on one line and without marks that hide; nothing when nothing is left.
fn sign_in_name(name: &str) -> Option<String> {
    let plain = name.chars().filter(|letter| !is_hidden(*letter)).take(NAME_CHARS_MAX).collect::<String>();
    let plain = plain.trim();
    (!plain.is_empty()).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sorted_distinct_few_and_plain() {
        let vitals = Vitals::default();
        let told = ["grace", "ada", "ad\u{7}a", "\n", "eve\u{202e}"].map(str::to_owned);
        vitals.set_people(told.iter());
        assert_eq!(vitals.people(), ["ada", "eve", "grace"]);
        let many: Vec<String> = (10..30).map(|number| format!("user{number}")).collect();
        vitals.set_people(many.iter());
        assert_eq!(vitals.people().len(), PEOPLE_MAX);
        vitals.set_people([].iter());
        assert!(vitals.people().is_empty());
    }
}
