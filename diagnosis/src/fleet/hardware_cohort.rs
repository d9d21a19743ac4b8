//! Parts of one make that fail more than others: work for the hardware queue, not an incident.

use super::fisher::wilson_lower;
use super::thresholds::HardwareCohort;

/// Machines with the same model and the same part (a disk with its firmware, batteries of one series).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// Model and part, in words.
    pub name: String,
    /// How many of it have failed.
    pub cases: u32,
    /// How many there are.
    pub of: u32,
}

/// A cohort that fails more than the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Weak {
    /// Which.
    pub cohort: Cohort,
    /// What share of it fails, at least.
    pub share_at_least: f64,
    /// What share of the fleet fails.
    pub fleet_share: f64,
}

/// Cohorts whose failing share is, at least, so many times the fleet's, the worst first.
pub fn weak(cohorts: &[Cohort], thresholds: &HardwareCohort) -> Vec<Weak> {
    let (cases, of) =
        cohorts.iter().fold((0.0, 0.0), |(cases, of), one| (cases + f64::from(one.cases), of + f64::from(one.of)));
    let fleet_share = if of > 0.0 { cases / of } else { 0.0 };
    let weak = |cohort: &Cohort| {
        let share_at_least = wilson_lower(f64::from(cohort.cases), f64::from(cohort.of), thresholds.z);
        let is_weak = cohort.cases >= thresholds.cases && share_at_least >= thresholds.times * fleet_share;
        is_weak.then(|| Weak { cohort: cohort.clone(), share_at_least, fleet_share })
    };
    let mut found: Vec<Weak> = cohorts.iter().filter_map(weak).collect();
    found.sort_by(|one, other| {
        other.share_at_least.total_cmp(&one.share_at_least).then_with(|| one.cohort.name.cmp(&other.cohort.name))
    });
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::builtin::builtin;

    fn told(cohorts: &[(&str, u32, u32)]) -> Vec<String> {
        let cohort = |(name, cases, of): &(&str, u32, u32)| Cohort { name: (*name).to_owned(), cases: *cases, of: *of };
        let cohorts: Vec<Cohort> = cohorts.iter().map(cohort).collect();
        weak(&cohorts, &builtin().hardware_cohort).into_iter().map(|one| one.cohort.name).collect()
    }

    #[test]
    fn a_disk_that_fails_far_oftener_is_told_and_a_few_cases_are_not() {
        assert_eq!(told(&[("disk A", 12, 100), ("disk B", 8, 900)]), ["disk A"]);
        assert!(told(&[("disk A", 4, 10), ("disk B", 8, 900)]).is_empty(), "four cases are too few");
        assert!(told(&[("disk A", 6, 100), ("disk B", 40, 900)]).is_empty());
        assert!(told(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn twice_the_fleet_is_at_least_as_sure(cases in 0u32..40, of in 40u32..400, others in 0u32..60) {
            let once = told(&[("part", cases, of), ("other", others, 2000)]);
            let twice = told(&[("part", 2 * cases, 2 * of), ("other", 2 * others, 4000)]);
            prop_assert!(once.iter().all(|name| twice.contains(name)));
        }
    }
}
