//! Whether what was rolled out made things worse: the difference of two differences.
//!
//! Hosts with a change are held against hosts of the same system without it. What the others' rate of a symptom did in the
//! same time (a bad day, an update for all) is taken off what the rate of the changed ones did; how sure that is says a
//! bootstrap over hosts with a fixed seed, so that the same facts give the same answer. A recommendation to pause, nothing
//! more.

use super::thresholds::BadRollout;
use super::{benjamini, fisher};

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
    let difference = difference(&treated, &control);
    if risk < thresholds.risk || difference <= 0.0 {
        return None;
    }
    let at_least = lower_bound(&treated, &control, thresholds);
    (at_least > 0.0).then_some(Worse { difference, at_least, risk, treated: treated.len(), affected })
}

/// Comparisons of one look, which are told apart from chance together: beside the rates, hosts on which it got worse must be
/// more among those with the change than chance has it (Fisher's exact test; Benjamini and Hochberg over all comparisons).
#[derive(Debug)]
pub struct Comparisons<'a> {
    thresholds: &'a BadRollout,
    p: Vec<f64>,
    worse: Vec<Found>,
}

/// A rollout that made things worse, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Which comparison, as its owner calls it.
    pub trial: usize,
    /// By how much.
    pub worse: Worse,
    /// The chance of so many hosts on which it got worse, if the change had nothing to do with it.
    pub p: f64,
    /// The same among all that was compared.
    pub q: f64,
    /// Hosts with the symptom since, with and without the change.
    pub affected: usize,
    /// Hosts that were compared.
    pub compared: usize,
    /// The share of those without the change that have the symptom.
    pub elsewhere: f64,
    place: usize,
}

impl<'a> Comparisons<'a> {
    /// None yet.
    pub fn new(thresholds: &'a BadRollout) -> Self {
        Self { thresholds, p: Vec::new(), worse: Vec::new() }
    }

    /// Holds the hosts with a change against the others; `trial` is what its owner calls it.
    pub fn hold(&mut self, trial: usize, hosts: &[Exposure], is_stop: bool) {
        let count = |is_meant: &dyn Fn(&Exposure) -> bool| hosts.iter().filter(|host| is_meant(host)).count();
        let rose = |host: &Exposure| {
            let rate = |count: f64, hours: f64| if hours > 0.0 { count / hours } else { 0.0 };
            rate(host.after, host.hours_after) > rate(host.before, host.hours_before)
        };
        let treated = count(&|host| host.is_treated);
        let (hit, others) = (count(&|host| host.is_treated && host.after > 0.0), hosts.len() - treated);
        let affected = count(&|host| host.after > 0.0);
        if hit < self.thresholds.affected_least || others == 0 {
            return;
        }
        let whole = |count: usize| count as u64;
        let rising = (count(&|host| host.is_treated && rose(host)), count(&rose));
        let p = fisher::tail(whole(rising.0), whole(treated), whole(rising.1), whole(hosts.len()));
        let place = self.p.len();
        self.p.push(p);
        // Whatever else is compared, none gets surer by it.
        if p > self.thresholds.q {
            return;
        }
        if let Some(worse) = worse(hosts, is_stop, self.thresholds) {
            let elsewhere = (affected - hit) as f64 / others as f64;
            self.worse.push(Found { trial, worse, p, q: 1.0, affected, compared: hosts.len(), elsewhere, place });
        }
    }

    /// What is no coincidence, in the order in which it was compared.
    pub fn told(self) -> Vec<Found> {
        let q = benjamini::adjusted(&self.p);
        let told = self.worse.into_iter().map(|found| Found { q: q[found.place], ..found });
        told.filter(|found| found.q <= self.thresholds.q).collect()
    }
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
    // A few thousand hosts without the change say how sure it is as well as all of them do.
    let every = control.len().div_ceil(thresholds.control_most.max(1)).max(1);
    let control: Vec<&Exposure> = control.iter().copied().step_by(every).collect();
    let mut drawn = |hosts: &[&Exposure]| -> f64 {
        let (mut before, mut after) = (Rate::default(), Rate::default());
        for _ in hosts {
            let host = hosts[dice.below(hosts.len())];
            before = Rate { count: before.count + host.before, hours: before.hours + host.hours_before };
            after = Rate { count: after.count + host.after, hours: after.hours + host.hours_after };
        }
        after.rate() - before.rate()
    };
    let mut differences: Vec<f64> = (0..thresholds.rounds.max(1)).map(|_| drawn(treated) - drawn(&control)).collect();
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
