//! How likely each candidate of a symptom is, as closed tickets show it: P(confirmed finding | symptom), with add-one smoothing.
//!
//! A pure function of counts. Where they come from: [`crate::symptom`].

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Closed tickets of a symptom from which its order follows. Fewer say less than practice does.
pub(crate) const LEAST_TICKETS: u64 = 20;

/// What was counted, by symptom.
pub(crate) type Counts = BTreeMap<String, SymptomCounts>;

/// How tickets of one symptom ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct SymptomCounts {
    /// Tickets that are closed.
    pub(crate) tickets: u64,
    /// Those of them whose finding was confirmed, by check.
    pub(crate) confirmed: BTreeMap<String, u64>,
}

/// A candidate, and how likely it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Likelihood {
    /// The check.
    pub(crate) check: String,
    /// Closed tickets on which it was confirmed.
    pub(crate) confirmed: u64,
    /// (confirmed + 1) / (closed tickets + candidates).
    pub(crate) p: f64,
    /// Its place in the catalogue, from 1.
    pub(crate) prior: usize,
}

impl SymptomCounts {
    /// Whether there are enough tickets to go by.
    pub(crate) fn suffice(&self) -> bool {
        self.tickets >= LEAST_TICKETS
    }

    /// How likely each candidate is, the likeliest first; where two are as likely, as the catalogue has them.
    pub(crate) fn likelihoods(&self, candidates: &[String]) -> Vec<Likelihood> {
        let of = self.tickets as f64 + candidates.len() as f64;
        let likelihood = |(index, check): (usize, &String)| {
            let confirmed = self.of(check);
            Likelihood { check: check.clone(), confirmed, p: (confirmed as f64 + 1.0) / of, prior: index + 1 }
        };
        let mut all: Vec<Likelihood> = candidates.iter().enumerate().map(likelihood).collect();
        // All are shares of the same number.
        all.sort_by_key(|one| Reverse(one.confirmed));
        all
    }

    /// The candidates, the likeliest first.
    pub(crate) fn order(&self, candidates: &[String]) -> Vec<String> {
        self.likelihoods(candidates).into_iter().map(|one| one.check).collect()
    }

    /// Closed tickets on which something was confirmed that is none of the candidates.
    pub(crate) fn elsewhere(&self, candidates: &[String]) -> u64 {
        let others = self.confirmed.iter().filter(|(check, _)| !candidates.contains(check));
        others.map(|(_, confirmed)| confirmed).sum()
    }

    fn of(&self, check: &str) -> u64 {
        self.confirmed.get(check).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(tickets: u64, confirmed: &[(&str, u64)]) -> SymptomCounts {
        let confirmed = confirmed.iter().map(|(check, count)| ((*check).to_owned(), *count)).collect();
        SymptomCounts { tickets, confirmed }
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_share_is_of_the_closed_tickets_with_one_more_for_each_candidate() {
        let candidates = ids(&["memory", "disk", "heat"]);
        let counted = counts(27, &[("disk", 14), ("heat", 2), ("elsewhere", 5)]);
        let lines: Vec<_> = counted
            .likelihoods(&candidates)
            .into_iter()
            .map(|one| (one.check, one.confirmed, one.p, one.prior))
            .collect();
        assert_eq!(
            lines,
            [
                ("disk".to_owned(), 14, 15.0 / 30.0, 2),
                ("heat".to_owned(), 2, 3.0 / 30.0, 3),
                ("memory".to_owned(), 0, 1.0 / 30.0, 1)
            ]
        );
        assert_eq!(counted.elsewhere(&candidates), 5);
    }

    #[test]
    fn twenty_closed_tickets_are_enough_and_nineteen_are_not() {
        assert_eq!([19, 20].map(|tickets| counts(tickets, &[]).suffice()), [false, true]);
    }

    #[test]
    fn a_symptom_without_candidates_has_no_order() {
        assert!(counts(30, &[("disk", 30)]).likelihoods(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn an_order_has_every_candidate_once_and_the_likelier_first(
            found in proptest::collection::vec(0_u64..50, 1..20),
            without in 0_u64..50,
        ) {
            let candidates: Vec<String> = (0..found.len()).map(|index| format!("check-{index}")).collect();
            let confirmed = candidates.iter().cloned().zip(found.iter().copied()).filter(|(_, count)| *count > 0);
            let counted = SymptomCounts { tickets: found.iter().sum::<u64>() + without, confirmed: confirmed.collect() };
            let all = counted.likelihoods(&candidates);
            let mut there: Vec<usize> = all.iter().map(|one| one.prior).collect();
            prop_assert!(all.windows(2).all(|two| two[0].p > two[1].p || (two[0].p == two[1].p && two[0].prior < two[1].prior)));
            there.sort_unstable();
            prop_assert_eq!(there, (1..=candidates.len()).collect::<Vec<_>>());
            let sum: f64 = all.iter().map(|one| one.p).sum();
            let of = counted.tickets as f64 + candidates.len() as f64;
            prop_assert!((sum - (1.0 - without as f64 / of)).abs() < 1e-9, "what is left is for tickets without one: {}", sum);
        }

        #[test]
        fn without_a_confirmed_finding_the_order_is_the_prior(tickets in 0_u64..1000, count in 1_usize..30) {
            let candidates: Vec<String> = (0..count).map(|index| format!("check-{index}")).collect();
            prop_assert_eq!(counts(tickets, &[]).order(&candidates), candidates);
        }
    }
}
