//! Whether what was rolled out made things worse: the difference of two differences.
//!
//! Hosts with a change are held against hosts of the same system without it. What the others' rate of a symptom did in the
//! same time (a bad day, an update for all) is taken off what the rate of the changed ones did; how sure that is says a
//! bootstrap over hosts with a fixed seed, so that the same facts give the same answer. A recommendation to pause, nothing
//! more.

use super::thresholds::BadRollout;

/// A host in windows of equal length before and after the change; for one without it, before and after the same moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposure {
    /// It has the change.
    pub is_treated: bool,
    /// How often the symptom came before.
    pub before: f64,
    /// Awake hours before.
    pub hours_before: f64,
    /// How often since.
    pub after: f64,
    /// Awake hours since.
    pub hours_after: f64,
}

/// A rollout that made things worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worse {
    /// By how much the rate rose beyond the others', an awake hour.
    pub difference: f64,
    /// Of 95 of 100 resampled fleets, at least.
    pub at_least: f64,
    /// By what factor the rate of the changed hosts rose.
    pub risk: f64,
    /// Hosts with the change.
    pub treated: usize,
    /// Those of them with the symptom since.
    pub affected: usize,
}

/// Whether it made things worse; `is_stop` for crashes of the whole system, of which fewer hosts are enough.
pub fn worse(hosts: &[Exposure], is_stop: bool, thresholds: &BadRollout) -> Option<Worse> {
    let treated: Vec<&Exposure> = hosts.iter().filter(|host| host.is_treated).collect();
    let control: Vec<&Exposure> = hosts.iter().filter(|host| !host.is_treated).collect();
    let affected = treated.iter().filter(|host| host.after > 0.0).count();
    let least = if is_stop { thresholds.treated_least_stop } else { thresholds.treated_least };
    if treated.len() < least || control.is_empty() || affected < thresholds.affected_least {
        return None;
    }
    let (before, after) = (Rate::before(&treated), Rate::after(&treated));
    let risk = after.weighted(thresholds.weight) / before.weighted(thresholds.weight);
    let at_least = lower_bound(&treated, &control, thresholds);
    let difference = difference(&treated, &control);
    (at_least > 0.0 && risk >= thresholds.risk).then_some(Worse {
        difference,
        at_least,
        risk,
        treated: treated.len(),
        affected,
    })
}

/// So many in so many hours.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    count: f64,
    hours: f64,
}

impl Rate {
    fn before(hosts: &[&Exposure]) -> Self {
        let add =
            |sum: Self, host: &&Exposure| Self { count: sum.count + host.before, hours: sum.hours + host.hours_before };
        hosts.iter().fold(Self::default(), add)
    }

    fn after(hosts: &[&Exposure]) -> Self {
        let add =
            |sum: Self, host: &&Exposure| Self { count: sum.count + host.after, hours: sum.hours + host.hours_after };
        hosts.iter().fold(Self::default(), add)
    }

    fn rate(self) -> f64 {
        if self.hours > 0.0 { self.count / self.hours } else { 0.0 }
    }

    /// The rate, with a little added so that none is not nothing.
    fn weighted(self, weight: f64) -> f64 {
        let hours = self.hours.max(f64::MIN_POSITIVE);
        self.rate() + weight / hours
    }
}

fn difference(treated: &[&Exposure], control: &[&Exposure]) -> f64 {
    let rise = |hosts: &[&Exposure]| Rate::after(hosts).rate() - Rate::before(hosts).rate();
    rise(treated) - rise(control)
}

/// The lower end of what 95 of 100 fleets, drawn from this one, have.
fn lower_bound(treated: &[&Exposure], control: &[&Exposure], thresholds: &BadRollout) -> f64 {
    let mut dice = Dice(thresholds.seed);
    let mut drawn = |hosts: &[&Exposure]| -> f64 {
        let again: Vec<&Exposure> = hosts.iter().map(|_| hosts[dice.below(hosts.len())]).collect();
        Rate::after(&again).rate() - Rate::before(&again).rate()
    };
    let mut differences: Vec<f64> = (0..thresholds.rounds.max(1)).map(|_| drawn(treated) - drawn(control)).collect();
    differences.sort_by(f64::total_cmp);
    differences[(differences.len() as f64 * 0.025) as usize]
}

/// Numbers by chance, the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        ((u128::from(word) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::builtin::builtin;

    fn host(is_treated: bool, before: f64, after: f64) -> Exposure {
        Exposure { is_treated, before, hours_before: 40.0, after, hours_after: 40.0 }
    }

    /// Forty hosts with the change and sixty without; every fourth had one crash before, and `after` and `elsewhere` of ten
    /// have two since.
    fn fleet(after: usize, elsewhere: usize) -> Vec<Exposure> {
        let one = |place: usize| {
            let is_treated = place < 40;
            let often = if is_treated { after } else { elsewhere };
            let seldom = if place.is_multiple_of(4) { 1.0 } else { 0.0 };
            host(is_treated, seldom, if place % 10 < often { 2.0 } else { seldom })
        };
        (0..100).map(one).collect()
    }

    #[test]
    fn an_update_after_which_most_crash_is_worse_and_a_bad_day_for_all_is_not() {
        let told = |hosts: &[Exposure]| worse(hosts, false, &builtin().bad_rollout);
        let bad = told(&fleet(8, 0)).expect("worse");
        assert!(bad.risk > 2.0 && bad.at_least > 0.0 && bad.difference > bad.at_least, "{bad:?}");
        assert_eq!(told(&fleet(8, 0)), Some(bad), "the same facts give the same answer");
        assert_eq!(told(&fleet(8, 8)), None);
        assert_eq!(told(&fleet(0, 0)), None);
    }

    #[test]
    fn few_hosts_are_enough_when_whole_machines_stop() {
        let mut hosts: Vec<Exposure> = (0..9).map(|_| host(true, 0.0, 1.0)).collect();
        hosts.extend((0..50).map(|_| host(false, 0.0, 0.0)));
        let thresholds = builtin().bad_rollout;
        assert!(worse(&hosts, true, &thresholds).is_some());
        assert_eq!(worse(&hosts, false, &thresholds), None);
        assert_eq!(worse(&hosts[..9], true, &thresholds), None, "nobody is there to compare with");
    }

    proptest! {
        #[test]
        fn what_changed_nothing_is_never_worse(before in prop::collection::vec(0u8..3, 60)) {
            let same = |(place, count): (usize, &u8)| host(place % 2 == 0, f64::from(*count), f64::from(*count));
            let hosts: Vec<Exposure> = before.iter().enumerate().map(same).collect();
            prop_assert_eq!(worse(&hosts, true, &builtin().bad_rollout), None);
        }
    }
}
