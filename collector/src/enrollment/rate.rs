use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

/// How long a wrong token counts against its address.
const WINDOW: Duration = Duration::from_mins(1);

/// Addresses that are remembered. Whoever has more may guess a little faster; 256 random bits do not mind.
const ADDRESSES: usize = 10_000;

/// Counts wrong tokens by address.
#[derive(Debug)]
pub(super) struct Rate {
    most: u32,
    counts: Mutex<HashMap<IpAddr, (Timestamp, u32)>>,
}

impl Rate {
    pub(super) fn new(most: u32) -> Self {
        Self { most, counts: Mutex::new(HashMap::new()) }
    }

    /// Whether an address must wait.
    pub(super) fn exceeded(&self, address: IpAddr, now: Timestamp) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&address).is_some_and(|&(since, count)| now.since(since) < WINDOW && count >= self.most)
    }

    /// Counts a wrong token.
    pub(super) fn wrong(&self, address: IpAddr, now: Timestamp) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES {
            counts.retain(|_, (since, _)| now.since(*since) < WINDOW);
        }
        if counts.len() >= ADDRESSES {
            counts.clear();
        }
        let entry = counts.entry(address).or_insert((now, 0));
        if now.since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_an_address_wait_and_lets_it_go_again() {
        let rate = Rate::new(2);
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let now = Timestamp(1_790_000_000_000);
        rate.wrong(here, now);
        assert!(!rate.exceeded(here, now));
        rate.wrong(here, now);
        assert!(rate.exceeded(here, now) && !rate.exceeded(there, now));
        assert!(!rate.exceeded(here, now + WINDOW));
    }
}
