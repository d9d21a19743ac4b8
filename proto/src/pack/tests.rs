use firstline_diagnosis::vocabulary::{Series, Why};
use proptest::prelude::*;
use prost::Message;

use super::*;

const LAYOUTS: [u64; 3] = [11, 12, 13];

fn cell() -> impl Strategy<Value = (f32, Option<Why>)> {
    let rounded = any::<f32>().prop_map(|number| f32::from_bits(number.to_bits() >> 11 << 11));
    prop_oneof![
        4 => prop::sample::select(vec![0.0, -0.0, 1.0, 1.5, 100.0, f32::INFINITY, f32::MIN]).prop_map(|number| (number, None)),
        3 => rounded.prop_map(|number| (number, None)),
        1 => any::<f32>().prop_map(|number| (number, None)),
        1 => Just((f32::NAN, None)),
        1 => prop::sample::select(Why::ALL.to_vec()).prop_map(|why| (f32::NAN, Some(why))),
    ]
}

fn row() -> impl Strategy<Value = v1::Sample> {
    let cells = prop::collection::vec(cell(), 0..12);
    (prop::sample::select(LAYOUTS.to_vec()), cells, 1u32..100).prop_map(|(layout_fingerprint, cells, step_seconds)| {
        let absence = |(index, why): (u32, Why)| v1::Absence { index, why: v1::WhyKind::from(why).into() };
        let absences =
            (0..).zip(&cells).filter_map(|(index, (number, why))| Some((index, why.filter(|_| number.is_nan())?)));
        let absences = absences.map(absence).collect();
        v1::Sample {
            layout_fingerprint,
            step_seconds,
            row: cells.iter().map(|(number, _)| *number).collect(),
            absences,
        }
    })
}

fn with(body: Body) -> v1::Record {
    v1::Record { sequence: 7, at_unix_ms: 8, at_boot_ms: 9, boot_id: "boot".into(), body: Some(body) }
}

fn record(sample: v1::Sample) -> v1::Record {
    with(Body::Sample(sample))
}

/// Names of slow numbers, of a state, and of something that nobody declared.
const SIGNALS: [&str; 4] = ["endpoint.clock.max_error", "endpoint.hw_errors", "host.name", "endpoint.unheard"];

fn inventory() -> impl Strategy<Value = v1::Record> {
    let value =
        prop_oneof![any::<f64>().prop_map(v1::value::Kind::Number), "[a-z]{0,3}".prop_map(v1::value::Kind::Text)];
    let outcome = prop_oneof![
        3 => value.prop_map(|kind| v1::reading::Outcome::Value(v1::Value { kind: Some(kind) })),
        1 => (0..9).prop_map(|why| v1::reading::Outcome::Unknown(v1::Unknown { why, detail: String::new() })),
    ];
    let series = (prop::sample::select(SIGNALS.to_vec()), prop::sample::select(vec!["a", "b"]))
        .prop_map(|(signal, kind)| v1::Series::from(Series::new(signal, [("kind", kind)])));
    let reading = (prop::option::of(series), any::<i64>(), prop::option::of(outcome))
        .prop_map(|(series, at_unix_ms, outcome)| v1::Reading { series, at_unix_ms, outcome });
    let readings = prop::collection::vec(reading, 0..5);
    readings.prop_map(|readings| with(Body::Inventory(v1::Inventory { readings })))
}

fn change() -> impl Strategy<Value = v1::LayoutChange> {
    let layouts = prop::sample::select(LAYOUTS.to_vec());
    let removed = prop::collection::btree_set(0u32..12, 0..4);
    (layouts.clone(), layouts, removed, 0usize..4).prop_map(|(fingerprint, base_fingerprint, removed, added)| {
        let added = vec![v1::Series::default(); added];
        v1::LayoutChange { fingerprint, base_fingerprint, removed: removed.into_iter().collect(), added }
    })
}

/// Minutes of a stream, and layouts that change between them.
fn stream() -> impl Strategy<Value = Vec<Result<v1::Record, v1::LayoutChange>>> {
    let turn = prop_oneof![
        3 => row().prop_map(record).prop_map(Ok),
        2 => inventory().prop_map(Ok),
        1 => change().prop_map(Err),
    ];
    prop::collection::vec(turn, 0..12)
}

/// NaN is not equal to itself; its printed form is.
fn printed(record: &v1::Record) -> String {
    format!("{record:?}")
}

proptest! {
    #[test]
    fn every_record_comes_back_as_it_was_through_any_changes_of_layout(stream in stream()) {
        let (mut packer, mut unpacker) = (Packer::new("boot"), Unpacker::new("boot"));
        for turn in stream {
            match turn {
                Ok(record) => {
                    let back = unpacker.unpack(packer.pack(record.clone()));
                    prop_assert_eq!(back.map(|back| printed(&back)), Ok(printed(&record)));
                }
                Err(change) => {
                    packer.follow(&change);
                    unpacker.follow(&change);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_make_a_row_within_bounds(
        first in row(), layout in 0u64..3, bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut unpacker = Unpacker::new("boot");
        unpacker.unpack(Packer::new("boot").pack(record(first))).expect("own packing");
        let packed = v1::PackedSample { layout_fingerprint: layout, step_seconds: 60, cells: bytes };
        let record = v1::Record { body: Some(Body::PackedSample(packed)), ..v1::Record::default() };
        if let Ok(v1::Record { body: Some(Body::Sample(sample)), .. }) = unpacker.unpack(record) {
            prop_assert!(sample.row.len() <= row::CELLS_MAX && sample.layout_fingerprint != 0);
        }
    }
}

fn rows(numbers: &[&[f32]]) -> Vec<v1::Record> {
    let sample =
        |row: &&[f32]| v1::Sample { layout_fingerprint: 5, step_seconds: 60, row: row.to_vec(), absences: vec![] };
    numbers.iter().map(sample).map(record).collect()
}

fn packed(record: v1::Record) -> v1::PackedSample {
    match record.body {
        Some(Body::PackedSample(packed)) => packed,
        other => panic!("not packed: {other:?}"),
    }
}

#[test]
fn a_row_that_stays_costs_three_bytes_whatever_its_length() {
    let mut packer = Packer::new("boot");
    let row: Vec<f32> = (0..400).map(|number| number as f32).collect();
    let [first, second] = <[_; 2]>::try_from(rows(&[&row, &row])).expect("two");
    assert!(packed(packer.pack(first)).cells.len() < 400 * 4);
    let second = packed(packer.pack(second));
    assert_eq!((second.cells.len(), second.layout_fingerprint), (3, 0));
}

#[test]
fn a_row_that_was_cut_or_lengthened_is_refused() {
    let records = rows(&[&[1.0, 2.0, 3.0], &[1.5, 2.0, 7.25]]);
    let mut packer = Packer::new("boot");
    let packed: Vec<v1::Record> = records.into_iter().map(|record| packer.pack(record)).collect();
    let tamper = |edit: fn(&mut Vec<u8>)| {
        let mut unpacker = Unpacker::new("boot");
        unpacker.unpack(packed[0].clone()).expect("own packing");
        let mut second = packed[1].clone();
        if let Some(Body::PackedSample(sample)) = &mut second.body {
            edit(&mut sample.cells);
        }
        unpacker.unpack(second)
    };
    assert!(tamper(|_| {}).is_ok());
    for edit in [|cells: &mut Vec<u8>| cells.truncate(cells.len() - 1), |cells: &mut Vec<u8>| cells.push(0), Vec::clear]
    {
        assert_eq!(tamper(edit).expect_err("not a row").field, "packed_sample.cells");
    }
}

#[test]
fn a_row_that_builds_on_nothing_is_refused() {
    let mut packer = Packer::new("boot");
    let records = rows(&[&[1.0], &[2.0]]).into_iter().map(|record| packer.pack(record));
    let second = records.last().expect("two");
    let refused = Unpacker::new("boot").unpack(second).expect_err("no row before");
    assert_eq!(refused.field, "packed_sample.layout_fingerprint");
}

#[test]
fn a_row_of_more_cells_than_allowed_is_refused() {
    let mut bits = bits::BitWriter::default();
    bits.put(1, 1);
    bits.put(row::CELLS_MAX as u32 + 1, 13);
    let packed = v1::PackedSample { layout_fingerprint: 5, step_seconds: 60, cells: bits.finish() };
    let record = v1::Record { body: Some(Body::PackedSample(packed)), ..v1::Record::default() };
    assert!(Unpacker::new("boot").unpack(record).is_err());
}

#[test]
fn a_slow_number_is_named_once() {
    let reading = |number| {
        let series = Series::new("endpoint.hw_errors", [("kind", "memory")]);
        let value = v1::Value { kind: Some(v1::value::Kind::Number(number)) };
        let outcome = Some(v1::reading::Outcome::Value(value));
        with(Body::Inventory(v1::Inventory {
            readings: vec![v1::Reading { series: Some(series.into()), at_unix_ms: 3, outcome }],
        }))
    };
    let (mut packer, mut unpacker) = (Packer::new("boot"), Unpacker::new("boot"));
    let lengths: Vec<usize> = [1.0, 2.0, 2.0]
        .map(|number| {
            let packed = packer.pack(reading(number));
            let length = packed.encoded_len();
            assert_eq!(unpacker.unpack(packed), Ok(reading(number)));
            length
        })
        .into();
    assert!(lengths[0] > 60 && lengths[1] < 30 && lengths[1] == lengths[2], "{lengths:?}");
}

#[test]
fn a_name_that_nobody_told_is_refused() {
    let long = v1::Series { signal: "a".repeat(600), ..v1::Series::default() };
    let cases = [(1, None), (0, None), (129, Some(v1::Series::default())), (u32::MAX, None), (1, Some(long))];
    for (slot, series) in cases {
        let packed = v1::PackedReading { slot, series, ..v1::PackedReading::default() };
        let body = Body::PackedInventory(v1::PackedInventory { readings: vec![packed] });
        let refused = Unpacker::new("boot").unpack(with(body)).expect_err("no such name");
        assert_eq!(refused.field, "packed_inventory.readings.slot");
    }
}

#[test]
fn an_absence_that_cannot_be_packed_is_told_as_it_is() {
    let sample = v1::Sample {
        layout_fingerprint: 5,
        step_seconds: 60,
        row: vec![1.0],
        absences: vec![v1::Absence { index: 0, why: 1 }],
    };
    let record = record(sample);
    assert_eq!(Packer::new("other").pack(record.clone()), record);
}

#[test]
fn a_record_of_another_boot_keeps_its_name() {
    let mut record = rows(&[&[1.0]]).remove(0);
    record.boot_id = "before".to_owned();
    let packed = Packer::new("boot").pack(record.clone());
    assert_eq!(packed.boot_id, "before");
    assert_eq!(Unpacker::new("boot").unpack(packed), Ok(record));
}
