//! What holds for whatever changed.

use proptest::prelude::*;

use super::*;
use crate::vocabulary::Series;

const SERIES: [&str; 8] = [
    "os.version",
    "endpoint.driver{device.class=\"network\",driver=\"iwlwifi\"}",
    "endpoint.radio.state{radio=\"wifi\"}",
    "endpoint.nic.mtu{network.interface.name=\"veth1\"}",
    "endpoint.software.change{package.manager=\"dpkg\",package.name=\"liba\"}",
    "endpoint.software.change{package.manager=\"dpkg\",package.name=\"libb\"}",
    "endpoint.dock.model{device=\"d\"}",
    "endpoint.dns.error{server=\"1\"}",
];

fn some_changes() -> impl Strategy<Value = Vec<Change>> {
    let one = (0..SERIES.len(), -400i64..=2, "[ab]|[0-9]\\.[0-9]", "[ab]|[0-9]\\.[0-9]");
    let change = |(series, hour, from, to): (usize, i64, String, String)| {
        changed(SERIES[series], Timestamp(ONSET.unix_ms() + hour * 3_600_000), &from, &to)
    };
    prop::collection::vec(one.prop_map(change), 0..30)
}

fn state() -> impl Strategy<Value = State> {
    let entry = (0..SERIES.len(), "[a-c]");
    prop::collection::vec(entry, 0..8).prop_map(|entries| {
        let series = |place: usize| SERIES[place].parse::<Series>().expect("a series");
        entries.into_iter().map(|(place, value)| (series(place), value)).collect()
    })
}

proptest! {
    #[test]
    fn no_more_than_three_in_order_and_none_of_after(changes in some_changes()) {
        let told = Story::wifi(changes).told();
        let scores: Vec<f64> = told.related.iter().map(|record| record.score.expect("weighed")).collect();
        prop_assert!(scores.len() <= 3 && scores.iter().all(|score| (0.15..=5.0).contains(score)));
        prop_assert!(scores.is_sorted_by(|one, next| one >= next));
        prop_assert!(told.related.iter().all(|record| record.at <= ONSET + Duration::from_mins(5)));
        prop_assert!(told.after.iter().all(|record| record.at > ONSET));
    }

    #[test]
    fn the_order_in_which_changes_are_told_does_not_matter(changes in some_changes()) {
        let mut turned = changes.clone();
        turned.reverse();
        let same = changes.iter().enumerate().any(|(place, one)| {
            changes[..place].iter().any(|other| other.at == one.at)
        });
        // Of what is told for one moment nobody can say which was first.
        prop_assume!(!same);
        prop_assert_eq!(Story::wifi(changes).told(), Story::wifi(turned).told());
    }

    #[test]
    fn noise_and_states_that_are_symptoms_change_nothing(changes in some_changes(), at in -400i64..=0) {
        let at = Timestamp(ONSET.unix_ms() + at * 3_600_000 + 1);
        let mut more = changes.clone();
        more.push(changed("endpoint.dhcp.lease_time", at, "1", "2"));
        more.push(changed("endpoint.nic.mtu{network.interface.name=\"docker0\"}", at, "1500", "1400"));
        more.push(changed("endpoint.network.layer{layer=\"dns\"}", at, "ok", "failing"));
        prop_assert_eq!(Story::wifi(changes).told(), Story::wifi(more).told());
    }

    #[test]
    fn a_difference_leads_from_one_state_to_the_other(before in state(), after in state()) {
        let mut led = before.clone();
        for change in difference(&before, &after, ONSET) {
            let series: Series = change.reference.rsplit_once('@').expect("a moment").0.parse().expect("a series");
            prop_assert_eq!(led.get(&series), change.from.as_ref());
            match change.to {
                Some(to) => led.insert(series, to),
                None => led.remove(&series),
            };
        }
        prop_assert_eq!(led, after);
    }

    #[test]
    fn what_happened_step_by_step_is_in_the_end_the_difference(states in prop::collection::vec(state(), 2..5)) {
        let mut steps = Vec::new();
        for (place, pair) in states.windows(2).enumerate() {
            steps.extend(difference(&pair[0], &pair[1], ONSET + hours(place as u64)));
        }
        let bare = |changes: Vec<Change>| -> Vec<_> {
            changes
                .into_iter()
                .map(|change| (change.reference.rsplit_once('@').expect("a moment").0.to_owned(), change.from, change.to))
                .collect()
        };
        let (first, last) = (&states[0], states.last().expect("several"));
        let mut whole = bare(difference(first, last, ONSET));
        whole.sort();
        prop_assert_eq!(bare(net(&steps)), whole);
    }
}
