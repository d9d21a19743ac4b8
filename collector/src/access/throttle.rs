use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

/// Wrong passwords for one name before it must wait.
const FAILURES_PER_NAME: u32 = 5;
/// Wrong passwords from one address before it must wait; an office may share an address.
const FAILURES_PER_ADDRESS: u32 = 30;
/// How long failures are remembered, and so how long the wait is at most.
const WINDOW: Duration = Duration::from_mins(5);
/// Names and addresses remembered; beyond that the oldest are forgotten.
const REMEMBERED: usize = 10_000;

/// Slows down guessing: counts failed sign-ins by name and by address, in memory, for five minutes.
///
/// It never says whether a name exists: names are counted whether or not they do.
#[derive(Default)]
pub(super) struct Throttle {
    tallies: Mutex<Tallies>,
}

#[derive(Default)]
struct Tallies {
    names: HashMap<String, Tally>,
    addresses: HashMap<IpAddr, Tally>,
}

#[derive(Clone, Copy)]
struct Tally {
    failures: u32,
    since: Timestamp,
}

impl Throttle {
    /// How long this name or address must wait before it may try again; `None` when it may try now. A granted try
    /// is counted at once, so that tries in parallel count too.
    pub(super) fn take(&self, name: &str, address: Option<IpAddr>, now: Timestamp) -> Result<(), Duration> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let by_name = wait(&tallies.names, &name.to_owned(), FAILURES_PER_NAME, now);
        let by_address = address.and_then(|address| wait(&tallies.addresses, &address, FAILURES_PER_ADDRESS, now));
        if let Some(longest) = by_name.max(by_address) {
            return Err(longest);
        }
        count(&mut tallies.names, name.to_owned(), now);
        if let Some(address) = address {
            count(&mut tallies.addresses, address, now);
        }
        Ok(())
    }

    /// Forgets the failures of a name that signed in, and this try of its address.
    pub(super) fn forgive(&self, name: &str, address: Option<IpAddr>) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.names.remove(name);
        if let Some(tally) = address.and_then(|address| tallies.addresses.get_mut(&address)) {
            tally.failures = tally.failures.saturating_sub(1);
        }
    }
}

fn wait<K: Hash + Eq>(tallies: &HashMap<K, Tally>, key: &K, limit: u32, now: Timestamp) -> Option<Duration> {
    let tally = tallies.get(key)?;
    let elapsed = now.since(tally.since);
    (tally.failures >= limit && elapsed < WINDOW).then(|| WINDOW.saturating_sub(elapsed))
}

fn count<K: Hash + Eq + Clone>(tallies: &mut HashMap<K, Tally>, key: K, now: Timestamp) {
    if tallies.len() >= REMEMBERED && !tallies.contains_key(&key) {
        tallies.retain(|_, tally| now.since(tally.since) < WINDOW);
        if tallies.len() >= REMEMBERED
            && let Some(oldest) = tallies.iter().min_by_key(|(_, tally)| tally.since).map(|(key, _)| key.clone())
        {
            tallies.remove(&oldest);
        }
    }
    let tally = tallies.entry(key).or_insert(Tally { failures: 0, since: now });
    if now.since(tally.since) >= WINDOW {
        *tally = Tally { failures: 0, since: now };
    }
    tally.failures += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_769_000_000_000);

    #[test]
    fn a_name_waits_after_five_failures_and_may_try_again_after_five_minutes() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert!(throttle.take("ada", None, NOW).is_ok());
        }
        assert_eq!(throttle.take("ada", None, NOW), Err(WINDOW));
        assert!(throttle.take("bob", None, NOW).is_ok(), "another name is free");
        assert!(throttle.take("ada", None, NOW + WINDOW).is_ok());
    }

    #[test]
    fn an_address_waits_whatever_names_it_tries() {
        let throttle = Throttle::default();
        let address = Some(IpAddr::from([203, 0, 113, 9]));
        for index in 0..FAILURES_PER_ADDRESS {
            assert!(throttle.take(&format!("name{index}"), address, NOW).is_ok());
        }
        assert!(throttle.take("one more", address, NOW).is_err());
        assert!(throttle.take("one more", Some(IpAddr::from([203, 0, 113, 10])), NOW).is_ok());
    }

    #[test]
    fn success_forgives() {
        let throttle = Throttle::default();
        for _ in 0..20 {
            assert!(throttle.take("ada", None, NOW).is_ok());
            throttle.forgive("ada", None);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for index in 0..REMEMBERED + 100 {
            let at = NOW + Duration::from_millis(index as u64 % 7);
            assert!(throttle.take(&format!("n{index}"), None, at).is_ok());
        }
        assert!(throttle.tallies.lock().expect("whole").names.len() <= REMEMBERED);
    }
}
