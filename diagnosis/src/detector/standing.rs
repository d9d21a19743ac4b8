use crate::document::FindingState;
use crate::window::Awake;

/// A frozen finding is shown as stale after so much awake time without its inputs.
const FREEZE_MS: i64 = 30 * 60_000;
/// A finding that is raised again within this time is the same one.
const REOPEN_MS: i64 = 24 * 3_600_000;
/// So many reopenings within that time keep it active.
const FLAPS_MAX: usize = 3;
/// What comes up so soon after the endpoint was first heard was there before, and not new.
const FIRST_LOOK_MS: i64 = 10 * 60_000;

/// What a condition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Unknown,
}

/// What the conditions of a check say about an instance now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) when: Truth,
    pub(super) clear: Truth,
    /// The instance itself is no longer there.
    pub(super) gone: bool,
}

/// How long conditions must hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) hold_ms: i64,
    pub(super) clear_ms: i64,
}

/// Where a check stands on an instance: ok, pending, active, recovering, ok; unknown and stale when it cannot be told.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) state: FindingState,
    pub(super) onset: Option<i64>,
    pub(super) cleared_at: Option<i64>,
    pub(super) judged_at: i64,
    holds_since: Option<i64>,
    /// Whether it could not be told just before `holds_since`, so that it may have held already.
    held_unseen: bool,
    /// The same of `onset`.
    began_unseen: bool,
    clears_since: Option<i64>,
    unknown_since: Option<i64>,
    reopened: Vec<i64>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            state: FindingState::Unknown,
            onset: None,
            cleared_at: None,
            judged_at: i64::MIN,
            holds_since: None,
            held_unseen: false,
            began_unseen: false,
            clears_since: None,
            unknown_since: None,
            reopened: Vec::new(),
        }
    }
}

impl Standing {
    /// Where something stands that was judged at a moment and never held.
    pub(super) fn calm(state: FindingState, judged_at: i64) -> Self {
        Self { state, judged_at, ..Self::default() }
    }

    /// Where something stands that was raised long ago, and began at `onset` or, unseen, before.
    pub(super) fn raised_since(state: FindingState, onset: i64, unseen: bool) -> Self {
        Self { state, onset: Some(onset), began_unseen: unseen, ..Self::default() }
    }

    /// Whether nothing but the state is worth remembering.
    pub(super) fn is_calm(&self) -> bool {
        matches!(self.state, FindingState::Ok | FindingState::Unknown)
            && [self.onset, self.cleared_at, self.holds_since, self.clears_since, self.unknown_since] == [None; 5]
            && self.reopened.is_empty()
    }

    /// Whether people are told about it.
    pub(super) fn is_raised(&self) -> bool {
        matches!(self.state, FindingState::Active | FindingState::Recovering | FindingState::Stale)
    }

    /// Whether it holds, if only since a moment ago.
    pub(super) fn holds(&self) -> bool {
        self.is_raised() || self.state == FindingState::Pending
    }

    /// How often it was raised again within a day.
    pub(super) fn flaps(&self, now: i64) -> usize {
        self.reopened.iter().filter(|at| now - **at < REOPEN_MS).count()
    }

    /// Whether it returned so often that clearing it would only be noise.
    pub(super) fn comes_and_goes(&self, now: i64) -> bool {
        self.flaps(now) >= FLAPS_MAX
    }

    /// Moves on by one verdict; gives where it stood before, when that is another state.
    pub(super) fn step(
        &mut self,
        now: i64,
        awake: &Awake,
        verdict: Verdict,
        patience: Patience,
    ) -> Option<FindingState> {
        let before = self.state;
        // Time does not run backwards for a state: late evaluations judge nothing again.
        if now < self.judged_at {
            return None;
        }
        let is_new = std::mem::replace(&mut self.judged_at, now) == i64::MIN;
        let is_unseen = before == FindingState::Unknown && (!is_new || is_first_look(awake, now));
        self.state = if self.is_raised() {
            self.raised(now, awake, verdict, patience)
        } else {
            self.not_raised(now, awake, verdict, patience, is_unseen)
        };
        (before != self.state).then_some(before)
    }

    fn not_raised(
        &mut self,
        now: i64,
        awake: &Awake,
        verdict: Verdict,
        patience: Patience,
        is_unseen: bool,
    ) -> FindingState {
        match verdict.when {
            Truth::True if !verdict.gone => {
                if self.holds_since.is_none() {
                    self.held_unseen = is_unseen;
                }
                let since = *self.holds_since.get_or_insert(now);
                if awake.awake_ms(since, now) < patience.hold_ms {
                    return FindingState::Pending;
                }
                self.raise(since, now);
                FindingState::Active
            }
            Truth::Unknown if !verdict.gone => {
                self.holds_since = None;
                FindingState::Unknown
            }
            _ => {
                self.holds_since = None;
                FindingState::Ok
            }
        }
    }

    fn raise(&mut self, since: i64, now: i64) {
        if self.cleared_at.is_some_and(|cleared| now - cleared < REOPEN_MS) {
            self.reopened.retain(|at| now - *at < REOPEN_MS);
            self.reopened.push(now);
        } else {
            self.onset = None;
            self.reopened.clear();
        }
        if self.onset.is_none() {
            (self.onset, self.began_unseen) = (Some(since), self.held_unseen);
        }
        self.cleared_at = None;
        self.clears_since = None;
        self.unknown_since = None;
    }

    fn raised(&mut self, now: i64, awake: &Awake, verdict: Verdict, patience: Patience) -> FindingState {
        if verdict.gone {
            return self.cleared(now);
        }
        match (verdict.when, verdict.clear) {
            (Truth::True, _) | (_, Truth::False) => {
                self.unknown_since = None;
                self.clears_since = None;
                FindingState::Active
            }
            (_, Truth::True) => {
                self.unknown_since = None;
                let since = *self.clears_since.get_or_insert(now);
                if self.comes_and_goes(now) {
                    FindingState::Active
                } else if awake.awake_ms(since, now) >= patience.clear_ms {
                    self.cleared(now)
                } else {
                    FindingState::Recovering
                }
            }
            _ => {
                self.clears_since = None;
                let since = *self.unknown_since.get_or_insert(now);
                if awake.awake_ms(since, now) >= FREEZE_MS { FindingState::Stale } else { self.state }
            }
        }
    }

    fn cleared(&mut self, now: i64) -> FindingState {
        self.cleared_at = Some(now);
        self.holds_since = None;
        self.clears_since = None;
        self.unknown_since = None;
        FindingState::Ok
    }

    /// Since when its clear condition holds, while that is not long enough yet to count as gone.
    pub(super) fn clears_since(&self) -> Option<i64> {
        self.clears_since.filter(|_| self.state == FindingState::Recovering)
    }

    /// When it began to hold.
    pub(super) fn began(&self) -> Option<i64> {
        if self.is_raised() { self.onset } else { self.holds_since }
    }

    /// Whether it may have begun before that: it held when it could first be told, or be told again.
    pub(super) fn is_older(&self) -> bool {
        if self.is_raised() { self.began_unseen } else { self.held_unseen }
    }
}

/// Whether the endpoint is looked at for the first time, so that what is found was there before.
fn is_first_look(awake: &Awake, now: i64) -> bool {
    awake.first_heard().is_none_or(|first| now - first.0 <= FIRST_LOOK_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Mark, Timestamp};

    const MINUTE: i64 = 60_000;
    const PATIENCE: Patience = Patience { hold_ms: 5 * MINUTE, clear_ms: 10 * MINUTE };

    /// Judges every minute from `from` to `to`, both included; gives the states at the end of each.
    fn run(standing: &mut Standing, awake: &Awake, minutes: std::ops::RangeInclusive<i64>, when: Truth, clear: Truth) {
        for minute in minutes {
            standing.step(minute * MINUTE, awake, Verdict { when, clear, gone: false }, PATIENCE);
        }
    }

    #[test]
    fn raises_only_after_hold() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=4, Truth::True, Truth::False);
        assert_eq!(standing.state, FindingState::Pending);
        run(&mut standing, &awake, 5..=5, Truth::True, Truth::False);
        assert_eq!(standing.state, FindingState::Active);
        assert_eq!(standing.onset, Some(0));
    }

    /// Whether it is said to be older when the minutes before it were told so, with the endpoint heard since minute 0.
    fn older_after(minutes: std::ops::RangeInclusive<i64>, before: Option<Truth>) -> bool {
        let (mut standing, mut awake) = (Standing::default(), Awake::default());
        awake.known_since(Timestamp(0));
        let start = *minutes.start();
        if let Some(before) = before {
            let clear = if before == Truth::False { Truth::True } else { before };
            run(&mut standing, &awake, start - 5..=start - 1, before, clear);
        }
        run(&mut standing, &awake, minutes, Truth::True, Truth::False);
        assert_eq!((standing.state, standing.onset), (FindingState::Active, Some(start * MINUTE)));
        standing.is_older()
    }

    #[test]
    fn what_held_when_it_could_first_be_told_may_be_older() {
        assert!(older_after(1..=10, None), "found at the first look at a machine");
        assert!(older_after(60..=70, Some(Truth::Unknown)), "found when it could be told again");
        assert!(!older_after(60..=70, Some(Truth::False)), "seen to begin");
        assert!(!older_after(60..=70, None), "a thing that came up on a machine that was watched");
    }

    #[test]
    fn what_comes_back_is_as_old_as_it_was() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=5, Truth::True, Truth::False);
        run(&mut standing, &awake, 6..=20, Truth::False, Truth::True);
        assert_eq!(standing.state, FindingState::Ok);
        run(&mut standing, &awake, 21..=22, Truth::True, Truth::False);
        assert!(!standing.is_older(), "while it only holds again, that it did so before says nothing");
        run(&mut standing, &awake, 23..=30, Truth::True, Truth::False);
        assert!(standing.is_older() && standing.onset == Some(0), "the same finding, open again");
    }

    #[test]
    fn a_gap_in_holding_starts_the_hold_again() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=4, Truth::True, Truth::False);
        run(&mut standing, &awake, 5..=5, Truth::Unknown, Truth::Unknown);
        assert_eq!(standing.state, FindingState::Unknown);
        run(&mut standing, &awake, 6..=10, Truth::True, Truth::False);
        assert_eq!(standing.state, FindingState::Pending);
    }

    #[test]
    fn sleep_does_not_count_for_the_hold() {
        let (mut standing, mut awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=2, Truth::True, Truth::False);
        awake.mark(Timestamp(2 * MINUTE), Mark::Pausing);
        awake.mark(Timestamp(500 * MINUTE), Mark::Resumed);
        run(&mut standing, &awake, 500..=502, Truth::True, Truth::False);
        assert_eq!(standing.state, FindingState::Pending);
        run(&mut standing, &awake, 503..=503, Truth::True, Truth::False);
        assert_eq!(standing.state, FindingState::Active);
    }

    #[test]
    fn clears_only_after_its_own_easier_condition_held() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=5, Truth::True, Truth::False);
        run(&mut standing, &awake, 6..=60, Truth::False, Truth::False);
        assert_eq!(standing.state, FindingState::Active);
        run(&mut standing, &awake, 61..=70, Truth::False, Truth::True);
        assert_eq!(standing.state, FindingState::Recovering);
        run(&mut standing, &awake, 71..=71, Truth::False, Truth::True);
        assert_eq!(standing.state, FindingState::Ok);
    }

    #[test]
    fn silence_never_clears() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=5, Truth::True, Truth::False);
        run(&mut standing, &awake, 6..=35, Truth::Unknown, Truth::Unknown);
        assert_eq!(standing.state, FindingState::Active);
        run(&mut standing, &awake, 36..=5000, Truth::Unknown, Truth::Unknown);
        assert_eq!(standing.state, FindingState::Stale);
        run(&mut standing, &awake, 5001..=5001, Truth::True, Truth::False);
        assert_eq!(standing.state, FindingState::Active);
    }

    #[test]
    fn comes_back_as_the_same_finding_and_stays_when_it_flaps() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        let mut minute = 0;
        for round in 0..4 {
            run(&mut standing, &awake, minute..=minute + 5, Truth::True, Truth::False);
            assert_eq!((standing.state, standing.flaps(minute * MINUTE)), (FindingState::Active, round));
            run(&mut standing, &awake, minute + 6..=minute + 20, Truth::False, Truth::True);
            minute += 30;
        }
        assert_eq!(standing.state, FindingState::Active);
        assert!(standing.comes_and_goes(minute * MINUTE));
        assert_eq!(standing.onset, Some(0));
        // A day later the reopenings are forgotten, and it may clear.
        run(&mut standing, &awake, minute..=minute + 1500, Truth::False, Truth::True);
        assert_eq!(standing.state, FindingState::Ok);
    }

    #[test]
    fn what_is_gone_is_no_longer_wrong() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=5, Truth::True, Truth::False);
        let gone = Verdict { when: Truth::Unknown, clear: Truth::Unknown, gone: true };
        assert_eq!(standing.step(6 * MINUTE, &awake, gone, PATIENCE), Some(FindingState::Active));
        assert_eq!(standing.state, FindingState::Ok);
    }

    #[test]
    fn does_not_judge_the_past_again() {
        let (mut standing, awake) = (Standing::default(), Awake::default());
        run(&mut standing, &awake, 0..=5, Truth::True, Truth::False);
        let fine = Verdict { when: Truth::False, clear: Truth::True, gone: false };
        assert_eq!(standing.step(3 * MINUTE, &awake, fine, PATIENCE), None);
        assert_eq!(standing.state, FindingState::Active);
    }
}
