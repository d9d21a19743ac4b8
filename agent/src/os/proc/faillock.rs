//! Failed sign-ins as `pam_faillock` keeps them: a file for each account, 64 bytes for each failure, and the rules in
//! `faillock.conf`.

/// Bytes of one failure: 52 of where it came from, two unused, two of flags, eight of when.
const FAILURE_BYTES: usize = 64;
/// The failure still counts; a good sign-in takes this flag away.
const VALID: u16 = 1;

/// When an account is locked, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    deny: usize,
    fail_interval_seconds: u64,
    /// 0 is for ever.
    unlock_time_seconds: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { deny: 3, fail_interval_seconds: 900, unlock_time_seconds: 600 }
    }
}

impl Rules {
    /// Reads `faillock.conf`; what it does not say is as the module has it.
    pub(crate) fn parse(text: &str) -> Self {
        let mut rules = Self::default();
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        for (key, value) in lines.filter_map(|line| line.split_once('=')) {
            let value = value.trim();
            let number = if value == "never" { Some(0) } else { value.parse().ok() };
            match (key.trim(), number) {
                ("deny", Some(number)) => rules.deny = usize::try_from(number).unwrap_or(usize::MAX),
                ("fail_interval", Some(number)) => rules.fail_interval_seconds = number,
                ("unlock_time", Some(number)) => rules.unlock_time_seconds = number,
                _ => {}
            }
        }
        rules
    }

    /// Whether the account of these failures is locked at `now`, seconds since 1970.
    pub(crate) fn is_locked(&self, failures: &[u8], now: u64) -> bool {
        let times: Vec<u64> = failures.chunks_exact(FAILURE_BYTES).filter_map(valid_at).collect();
        let Some(latest) = times.iter().copied().max().filter(|_| self.deny > 0) else { return false };
        let counting = times.iter().filter(|at| latest - **at < self.fail_interval_seconds).count();
        let is_over = self.unlock_time_seconds > 0 && latest.saturating_add(self.unlock_time_seconds) < now;
        counting >= self.deny && !is_over
    }
}

fn valid_at(failure: &[u8]) -> Option<u64> {
    let flags = u16::from_ne_bytes(failure.get(54..56)?.try_into().ok()?);
    let at = u64::from_ne_bytes(failure.get(56..64)?.try_into().ok()?);
    (flags & VALID != 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(times: &[u64]) -> Vec<u8> {
        let one = |at: &u64| [&[b't'; 52][..], &[0; 2], &5_u16.to_ne_bytes(), &at.to_ne_bytes()].concat();
        times.iter().flat_map(one).collect()
    }

    #[test]
    fn three_wrong_passwords_lock_for_ten_minutes() {
        let rules = Rules::default();
        assert!(!rules.is_locked(&failures(&[1000, 1001]), 1002));
        let three = failures(&[1000, 1001, 1002]);
        assert!(rules.is_locked(&three, 1003) && rules.is_locked(&three, 1602));
        assert!(!rules.is_locked(&three, 1603), "the time is over");
        assert!(!rules.is_locked(&failures(&[1000, 1001, 2000]), 2001), "the first ones are too old");
        let mut forgiven = three;
        forgiven[54] = 4;
        assert!(!rules.is_locked(&forgiven, 1003));
        assert!(!rules.is_locked(&[1; 63], 0) && !rules.is_locked(&[], 0), "a torn file locks nobody");
    }

    #[test]
    fn goes_by_the_rules_of_the_machine() {
        let rules = Rules::parse("# deny = 9\ndeny = 5\nunlock_time = never # ask the desk\nsilent\n");
        let expected = Rules { deny: 5, unlock_time_seconds: 0, ..Rules::default() };
        assert_eq!(rules, expected);
        assert!(rules.is_locked(&failures(&[1, 2, 3, 4, 5]), u64::MAX));
        assert!(!rules.is_locked(&failures(&[1, 2, 3, 4]), 5));
    }
}
