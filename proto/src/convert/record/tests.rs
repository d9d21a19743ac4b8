use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::{Attributes, Series, Unknown, Value, Why};
use proptest::prelude::*;
use prost::Message;

use super::*;

fn series() -> impl Strategy<Value = Series> {
    ("[a-z][a-z0-9._]{0,40}", prop::collection::btree_map("[a-z.]{1,12}", "\\PC{0,40}", 0..8))
        .prop_map(|(name, attributes)| Series::new(&name, Attributes::from(attributes)))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::num::f64::NORMAL.prop_map(Value::Number),
        any::<bool>().prop_map(Value::Flag),
        "\\PC{0,200}".prop_map(Value::Text),
    ]
}

fn why() -> impl Strategy<Value = Why> {
    prop::sample::select(Why::ALL.to_vec())
}

fn reading() -> impl Strategy<Value = Reading> {
    let outcome = prop_oneof![
        value().prop_map(Ok),
        (why(), "\\PC{0,200}").prop_map(|(why, detail)| Err(Unknown::new(why, detail))),
    ];
    (series(), outcome, any::<i64>()).prop_map(|(series, outcome, at)| Reading { series, outcome, at: Timestamp(at) })
}

fn row() -> impl Strategy<Value = (Vec<f32>, Vec<(u32, Why)>)> {
    prop::collection::vec(prop_oneof![prop::num::f32::NORMAL.prop_map(Ok), why().prop_map(Err)], 0..60).prop_map(
        |cells| {
            let absent = |(index, cell): (usize, &Result<f32, Why>)| cell.err().map(|why| (index as u32, why));
            let absences = cells.iter().enumerate().filter_map(absent).collect();
            (cells.iter().map(|cell| cell.unwrap_or(f32::NAN)).collect(), absences)
        },
    )
}

fn body(at: Timestamp) -> impl Strategy<Value = Body> {
    let fields = prop::collection::btree_map("[a-z_]{1,20}", value(), 0..6);
    prop_oneof![
        (row(), 1u32..=86_400, any::<u64>()).prop_map(move |((values, absences), step_seconds, layout)| {
            Body::Sample(Sample { at, step_seconds, layout, values, absences })
        }),
        (series(), fields, 1u32..).prop_map(move |(series, fields, count)| {
            let fields: BTreeMap<_, _> = fields;
            Body::Event(Event { series, at, fields, count })
        }),
        prop::collection::vec(reading(), 0..6).prop_map(Body::Inventory),
        prop::sample::select(Mark::ALL.to_vec()).prop_map(Body::Mark),
        (1..=SEQUENCE_MAX - (1 << 32), any::<u32>(), any::<u64>(), any::<u64>()).prop_map(
            |(first, more, samples, others)| {
                Body::Dropped(Dropped {
                    first_sequence: first,
                    last_sequence: first + u64::from(more),
                    samples,
                    others,
                })
            }
        ),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    (1u64.., any::<i64>(), any::<u64>(), "[0-9a-f-]{1,36}").prop_flat_map(|(sequence, at, at_boot_ms, boot_id)| {
        let at = Timestamp(at);
        body(at).prop_map(move |body| Record { sequence, at, at_boot_ms, boot_id: boot_id.clone(), body })
    })
}

/// NaN is not equal to itself; its printed form is.
fn printed(record: &Record) -> String {
    format!("{record:?}")
}

proptest! {
    #[test]
    fn a_record_comes_back_from_the_wire_as_it_left(record in record()) {
        let bytes = v1::Record::from(record.clone()).encode_to_vec();
        let back = Record::try_from(v1::Record::decode(bytes.as_slice()).expect("own encoding"));
        prop_assert_eq!(back.map(|back| printed(&back)), Ok(printed(&record)));
    }

    #[test]
    fn bytes_from_strangers_are_refused_or_kept_within_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = v1::Record::decode(bytes.as_slice()) && let Ok(record) = Record::try_from(message) {
            prop_assert!(record.sequence > 0);
        }
    }
}

fn wire(body: Wire) -> v1::Record {
    v1::Record { sequence: 1, at_unix_ms: 0, at_boot_ms: 0, boot_id: "b".into(), body: Some(body) }
}

fn refused_field(record: v1::Record) -> String {
    Record::try_from(record).expect_err("out of bounds").field
}

#[test]
fn names_the_field_that_is_out_of_bounds() {
    let sample = |row, absences| v1::Sample { layout_fingerprint: 1, step_seconds: 60, row, absences };
    let absence = |index| v1::Absence { index, why: 5 };
    assert_eq!(refused_field(wire(Wire::Sample(sample(vec![f32::INFINITY], vec![])))), "sample.row");
    assert_eq!(refused_field(wire(Wire::Sample(sample(vec![0.0; 4097], vec![])))), "sample.row");
    assert_eq!(refused_field(wire(Wire::Sample(sample(vec![1.0], vec![absence(0)])))), "sample.absences.index");
    assert_eq!(refused_field(wire(Wire::Sample(sample(vec![f32::NAN], vec![absence(7)])))), "sample.absences.index");
    let long = v1::Value { kind: Some(v1::value::Kind::Text("x".repeat(1025))) };
    let reading = v1::Reading {
        series: Some(v1::Series { signal: "a".into(), attributes: std::collections::HashMap::new() }),
        at_unix_ms: 0,
        outcome: Some(v1::reading::Outcome::Value(long)),
    };
    let inventory = v1::Inventory { readings: vec![reading] };
    assert_eq!(refused_field(wire(Wire::Inventory(inventory))), "inventory.readings.value.text");
    assert_eq!(refused_field(wire(Wire::Mark(v1::Mark { kind: 0 }))), "mark.kind");
    let endless = v1::Dropped { first_sequence: 1, last_sequence: u64::MAX, samples: 1, others: 0 };
    assert_eq!(refused_field(wire(Wire::Dropped(endless))), "dropped.last_sequence");
    assert_eq!(refused_field(v1::Record { sequence: 0, ..wire(Wire::Mark(v1::Mark { kind: 1 })) }), "sequence");
    assert_eq!(refused_field(v1::Record { body: None, ..wire(Wire::Mark(v1::Mark { kind: 1 })) }), "body");
}

#[test]
fn a_batch_must_grow_and_be_bounded() {
    let record = |sequence| v1::Record { sequence, ..wire(Wire::Mark(v1::Mark { kind: 1 })) };
    assert!(check_batch(&v1::RecordBatch { records: vec![record(1), record(5)], ahead: false }).is_ok());
    assert!(check_batch(&v1::RecordBatch { records: vec![record(5), record(5)], ahead: false }).is_err());
    assert!(check_batch(&v1::RecordBatch { records: vec![record(SEQUENCE_MAX)], ahead: false }).is_ok());
    assert!(
        check_batch(&v1::RecordBatch { records: vec![record(1), record(SEQUENCE_MAX + 1)], ahead: false }).is_err()
    );
    assert!(check_batch(&v1::RecordBatch { records: (1..=513).map(record).collect(), ahead: false }).is_err());
}
