use proptest::prelude::*;

use super::*;
use crate::fleet::builtin::builtin;

const NOW: Timestamp = Timestamp(1_770_000_000_000);

fn attribute(id: &str) -> usize {
    builtin().attributes.iter().position(|attribute| attribute.id == id).expect("an attribute")
}

fn fact(id: &str, value: impl Into<String>) -> Fact {
    Fact { attribute: attribute(id), value: value.into(), since: None }
}

/// Hosts in numbered order, each with the facts that `facts` gives it.
fn fleet(count: usize, facts: impl Fn(usize) -> Vec<Fact>) -> Vec<Host> {
    let host = |place| Host { id: format!("h{place:04}"), heard: NOW, facts: facts(place), ..Host::default() };
    (0..count).map(host).collect()
}

/// A finding that began a minute after the other on each host that `is_affected` names.
fn question(finding: &str, hosts: &[Host], is_affected: impl Fn(usize) -> bool) -> Question {
    let minute = |place: usize| NOW + Duration::from_secs(place as u64);
    let judged = |host| Judged { host, onset: is_affected(host).then(|| minute(host)) };
    Question { finding: finding.to_owned(), judged: (0..hosts.len()).map(judged).collect() }
}

fn told(hosts: &[Host], questions: &[Question]) -> Vec<Explanation> {
    explain(hosts, questions, &builtin()).explanations
}

fn names(explanations: &[Explanation]) -> Vec<Vec<(String, String)>> {
    let attributes = builtin().attributes;
    let name = |shared: &Shared| (attributes[shared.attribute].id.clone(), shared.value.clone());
    explanations.iter().map(|one| one.shared.iter().map(name).collect()).collect()
}

fn pair(attribute: &str, value: &str) -> (String, String) {
    (attribute.to_owned(), value.to_owned())
}

/// A site of three networks, among others.
fn office(place: usize) -> Vec<Fact> {
    vec![
        fact("site", if place < 60 { "berlin" } else { "paris" }),
        fact("network", format!("gateway-{}", place / 13)),
        fact("build", ["22631", "22000"][place % 2]),
        fact("model", ["T14", "X1", "Z2"][place % 3]),
    ]
}

#[test]
fn a_gateway_is_named_and_not_its_site_when_the_rest_of_the_site_is_well() {
    let hosts = fleet(120, office);
    let explanations = told(&hosts, &[question("dns-failing", &hosts, |place| place < 12)]);
    assert_eq!(names(&explanations), [vec![pair("network", "gateway-0")]]);
    let one = &explanations[0];
    let numbers = one.numbers;
    assert_eq!((numbers.affected, numbers.sharing, numbers.all_affected, numbers.all), (12, 13, 12, 120));
    assert!(numbers.q < 1e-9 && numbers.lift > 50.0 && numbers.baseline == 0.0 && one.onset == NOW, "{one:?}");
}

#[test]
fn a_site_is_named_when_all_of_it_is_down() {
    let hosts = fleet(120, office);
    let explanations = told(&hosts, &[question("no-internet-upstream", &hosts, |place| place < 58)]);
    assert_eq!(names(&explanations), [vec![pair("site", "berlin")]]);
}

#[test]
fn two_that_the_very_same_hosts_share_are_named_together() {
    let west = |place: usize| {
        let mut facts = office(place);
        facts.push(fact("access-point", if (20..40).contains(&place) { "west" } else { "east" }));
        facts.push(fact("name-server", if (20..40).contains(&place) { "10.2.0.1" } else { "10.1.0.1" }));
        facts
    };
    let hosts = fleet(120, west);
    let explanations = told(&hosts, &[question("dhcp-failure", &hosts, |place| (21..40).contains(&place))]);
    assert_eq!(names(&explanations), [vec![pair("name-server", "10.2.0.1"), pair("access-point", "west")]]);
}

#[test]
fn a_defect_of_a_model_is_named_although_it_began_on_different_days() {
    let hosts = fleet(300, office);
    let mut crashes = question("os-crash", &hosts, |place| place % 3 == 1 && place % 5 != 0 && place < 150);
    for judged in &mut crashes.judged {
        judged.onset = judged.onset.map(|_| NOW - Duration::from_hours(judged.host as u64));
    }
    let explanations = told(&hosts, &[crashes]);
    assert!(names(&explanations).contains(&vec![pair("model", "X1")]), "{explanations:?}");
}

#[test]
fn a_defect_that_was_there_before_its_cause_has_another_cause() {
    let updated = |since: Timestamp| {
        fleet(200, move |place| {
            let since = Some(since);
            let attribute = attribute("software");
            let new = (place % 4 == 0).then(|| Fact { attribute, value: "office 24.2".to_owned(), since });
            new.into_iter().collect()
        })
    };
    let crashing = |hosts: &[Host]| question("app-crashing", hosts, |place| place % 4 == 0 && place < 100);
    let before = updated(NOW - Duration::from_hours(1));
    assert_eq!(names(&told(&before, &[crashing(&before)])), [vec![pair("software", "office 24.2")]]);
    let after = updated(NOW + Duration::from_hours(1));
    assert_eq!(told(&after, &[crashing(&after)]), []);
}

#[test]
fn an_outage_that_began_at_a_different_time_for_each_is_none() {
    let hosts = fleet(120, office);
    let mut failing = question("dns-failing", &hosts, |place| place < 12);
    for judged in &mut failing.judged {
        judged.onset = judged.onset.map(|_| NOW - Duration::from_mins(20 * judged.host as u64));
    }
    assert_eq!(told(&hosts, &[failing]), []);
}

#[test]
fn with_fewer_than_thirty_hosts_only_their_number_is_told() {
    let hosts = fleet(29, office);
    let round = explain(&hosts, &[question("dns-failing", &hosts, |place| place < 12)], &builtin());
    assert_eq!((round.explanations.len(), round.hints), (0, vec![("dns-failing".to_owned(), 12)]));
}

#[test]
fn what_nearly_all_hosts_have_explains_nothing() {
    let hosts = fleet(100, |place| vec![fact("system", if place < 95 { "12" } else { "13" })]);
    assert_eq!(told(&hosts, &[question("dns-failing", &hosts, |place| place < 90)]), []);
}

#[test]
fn hosts_that_try_things_out_weigh_half() {
    let few = |is_test: bool| {
        let mut hosts = fleet(200, |place| vec![fact("network", format!("gateway-{}", place / 4))]);
        for host in &mut hosts {
            host.is_test = is_test;
        }
        let asked = question("dns-failing", &hosts, |place| place < 4);
        told(&hosts, &[asked]).len()
    };
    assert_eq!((few(false), few(true)), (1, 0));
}

#[test]
fn two_troubles_at_two_places_are_two() {
    let hosts = fleet(260, |place| vec![fact("network", format!("gateway-{}", place / 13))]);
    let explanations =
        told(&hosts, &[question("dns-failing", &hosts, |place| place < 12 || (130..142).contains(&place))]);
    let mut found = names(&explanations);
    found.sort();
    assert_eq!(found, [vec![pair("network", "gateway-0")], vec![pair("network", "gateway-10")]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_fleet_twice_as_large_has_the_same_explanations(
        hosts in prop::collection::vec((0usize..6, 0usize..3, 0usize..4), 60..160),
        broken in 0usize..6,
        noise in prop::collection::vec(0usize..160, 0..2),
    ) {
        let once = fleet(hosts.len(), |place| {
            let (gateway, build, model) = hosts[place];
            let site = format!("site-{}", gateway / 2);
            vec![
                fact("network", format!("gateway-{gateway}")),
                fact("site", site),
                fact("build", format!("build-{build}")),
                fact("model", format!("model-{model}")),
            ]
        });
        let is_affected = |place: usize| hosts[place].0 == broken || noise.contains(&place);
        // Fewer are told of by nobody, and twice as many are.
        prop_assume!(hosts.iter().filter(|(gateway, ..)| *gateway == broken).count() >= 3);
        let mut twice = once.clone();
        twice.extend(once.iter().map(|host| Host { id: format!("{}-again", host.id), ..host.clone() }));
        let one = told(&once, &[question("dns-failing", &once, is_affected)]);
        let asked = question("dns-failing", &twice, |place| is_affected(place % hosts.len()));
        // Onsets within fifteen minutes, like those of the first.
        let asked = Question {
            judged: asked
                .judged
                .into_iter()
                .map(|one| Judged { onset: one.onset.map(|_| NOW), ..one })
                .collect(),
            ..asked
        };
        let two = told(&twice, &[asked]);
        prop_assert_eq!(names(&one), names(&two));
    }

    #[test]
    fn machines_enrolled_twice_change_nothing(broken in 0usize..6) {
        let mut once = fleet(90, |place| vec![fact("network", format!("gateway-{}", place % 6))]);
        for (place, host) in once.iter_mut().enumerate() {
            host.serial = format!("s{place}");
        }
        let mut twice = once.clone();
        twice.extend(once.iter().map(|host| Host { id: format!("{}-old", host.id), heard: Timestamp(0), ..host.clone() }));
        let is_affected = |place: usize| place % 6 == broken;
        let one = told(&once, &[question("dns-failing", &once, is_affected)]);
        let two = told(&twice, &[question("dns-failing", &twice, |place| is_affected(place % 90))]);
        prop_assert_eq!(one.len(), 1);
        prop_assert_eq!(one, two);
    }
}
