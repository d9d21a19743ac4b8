//! What must hold for every snapshot, however strange.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::document::RuledOutResult;

const END: Timestamp = Timestamp(1_770_000_000_000);

/// Values of attributes that checks ask for, and some that nobody does.
const WORDS: [&str; 8] = ["/", "system", "free", "user", "dns", "true", "", "a\u{202e}b\"c{}\n"];

/// Every signal that a check reads, and some that none does.
fn signals() -> Vec<String> {
    let registered = Registry::builtin().iter().map(|spec| spec.name.clone());
    registered.chain(["system.made.up".to_owned(), String::new()]).collect()
}

fn attributes(signal: &str, words: &[Index]) -> Attributes {
    let names = Registry::builtin().get(signal).map(|spec| spec.attributes.clone()).unwrap_or_default();
    names.iter().zip(words).map(|(name, word)| (name.as_str(), *word.get(&WORDS))).collect()
}

/// Mostly a moment of the last two hours, sometimes any.
fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (0..7_200_000_i64).prop_map(|ago| Timestamp(END.0 - ago)),
        1 => any::<i64>().prop_map(Timestamp),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::num::f64::ANY.prop_map(Value::Number),
        (0.0..100.0_f64).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Flag),
        select(WORDS.to_vec()).prop_map(Value::from),
    ]
}

fn words() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 8)
}

fn reading() -> impl Strategy<Value = SnapshotReading> {
    let why = prop::option::of(select(Why::ALL.to_vec()));
    let quality = select(vec![Quality::Ok, Quality::Ok, Quality::Partial, Quality::Unknown]);
    (select(signals()), words(), prop::option::of(value()), quality, why, moment()).prop_map(
        |(signal, words, value, quality, why, at)| SnapshotReading {
            attrs: attributes(&signal, &words),
            signal,
            value,
            unit: "1".to_owned(),
            quality,
            why,
            detail: "as it were".to_owned(),
            at,
        },
    )
}

fn series() -> impl Strategy<Value = SnapshotSeries> {
    let step = prop_oneof![4 => Just(15_u32), 4 => Just(300), 1 => Just(0), 1 => any::<u32>()];
    let values = prop::collection::vec(prop::option::weighted(0.8, prop::num::f32::ANY), 0..60);
    (select(signals()), words(), moment(), step, values).prop_map(|(signal, words, start, step_seconds, values)| {
        SnapshotSeries { attrs: attributes(&signal, &words), signal, start, step_seconds, values }
    })
}

fn event() -> impl Strategy<Value = Event> {
    let fields = prop::collection::btree_map(select(vec!["result".to_owned(), "x".to_owned()]), value(), 0..2);
    (select(signals()), words(), moment(), fields, any::<u32>()).prop_map(|(signal, words, at, fields, count)| {
        let series = Series { attributes: attributes(&signal, &words), signal: Arc::from(signal.as_str()) };
        Event { series, at, fields, count }
    })
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let many = |most| 0..most;
    (
        prop::collection::vec(reading(), many(60)),
        prop::collection::vec(series(), many(12)),
        prop::collection::vec(event(), many(12)),
        prop::collection::vec((moment(), select(Mark::ALL.to_vec())), many(6)),
        select(vec!["linux", "windows", "darwin", "", "plan9"]),
    )
        .prop_map(|(readings, series, events, marks, os)| {
            let mut snapshot = Snapshot { readings, series, events, marks, taken_at: END, ..snapshot() };
            snapshot.endpoint.os.os_type = os.to_owned();
            snapshot
        })
}

/// The snapshot of a machine on which none of these signals could be read.
fn without(snapshot: &Snapshot, signals: &BTreeSet<String>) -> Snapshot {
    let mut left = snapshot.clone();
    left.series.retain(|one| !signals.contains(&one.signal));
    left.events.retain(|one| !signals.contains(&*one.series.signal));
    for reading in left.readings.iter_mut().filter(|one| signals.contains(&one.signal)) {
        (reading.value, reading.quality, reading.why) = (None, Quality::Unknown, Some(Why::Timeout));
    }
    // That nothing happened is only known where it can be read.
    let is_event = |signal: &String| Registry::builtin().get(signal).is_some_and(|spec| spec.kind == SignalKind::Event);
    left.readings.extend(signals.iter().filter(|signal| is_event(signal)).map(|signal| SnapshotReading {
        signal: signal.clone(),
        attrs: Attributes::none(),
        value: None,
        unit: String::new(),
        quality: Quality::Unknown,
        why: Some(Why::Timeout),
        detail: String::new(),
        at: END,
    }));
    left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn any_snapshot_has_an_answer_that_accounts_for_every_check_and_is_always_the_same(snapshot in any_snapshot()) {
        let catalogue = Catalogue::builtin();
        let one = diagnose(&catalogue, &snapshot, Some("It is slow"));
        let other = diagnose(&catalogue, &snapshot, Some("It is slow"));
        let bytes = serde_json::to_string(&one).expect("only finite numbers are told");
        prop_assert_eq!(&bytes, &serde_json::to_string(&other).expect("only finite numbers are told"));

        let all = diagnose(&catalogue, &snapshot, None);
        let told = all.findings.iter().map(|one| &one.id).chain(all.ruled_out.iter().map(|one| &one.id));
        let told: BTreeSet<&String> = told.collect();
        let checks: BTreeSet<&String> = catalogue.checks().iter().map(|check| &check.id).collect();
        prop_assert_eq!(told, checks);
    }

    #[test]
    fn a_check_whose_signals_could_not_be_read_is_never_ruled_out_and_never_found(
        snapshot in any_snapshot(),
        which in any::<Index>(),
    ) {
        let catalogue = Catalogue::builtin();
        let check = which.get(catalogue.checks());
        let inputs = check.rule.inputs.iter().map(|input| catalogue.sources.source(input.source).signal.name.clone());
        let unread = without(&snapshot, &inputs.collect());
        let answer = diagnose(&catalogue, &unread, None);
        prop_assert!(answer.findings.iter().all(|one| one.id != check.id), "{} was found", check.id);
        let one = answer.ruled_out.iter().find(|one| one.id == check.id).expect("every check is accounted for");
        prop_assert_eq!(one.result, RuledOutResult::Unknown, "{}: {}", &check.id, &one.why);
        prop_assert_eq!(one.margin, None);
    }
}
