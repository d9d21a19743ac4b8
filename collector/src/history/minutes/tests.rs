use proptest::prelude::*;

use super::*;

fn minute() -> impl Strategy<Value = Minute> {
    let row = prop_oneof![
        6 => prop::collection::vec(any::<u32>(), 3).prop_map(|bits| bits.iter().flat_map(|one| one.to_le_bytes()).collect()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    let absences = prop_oneof![2 => Just(None), 2 => Just(Some(vec![1, 0, 0, 0, 2])), 1 => any::<Option<Vec<u8>>>()];
    let layout = prop_oneof![3 => Just(-7), 1 => any::<i64>()];
    let at = prop_oneof![3 => (0_i64..500).prop_map(|minute| 1_790_000_000_000 + minute * 60_000), 1 => any::<i64>()];
    (at, prop_oneof![3 => Just(60), 1 => any::<i64>()], layout, row, absences)
        .prop_map(|(at_ms, step_seconds, layout, row, absences)| Minute { at_ms, step_seconds, layout, row, absences })
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were_in_whatever_order(minutes in prop::collection::vec(minute(), 0..40)) {
        prop_assert_eq!(open(&seal(&minutes)), Ok(minutes));
    }

    #[test]
    fn damaged_rows_are_refused_or_say_the_same(minutes in prop::collection::vec(minute(), 0..20), place in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut sealed = seal(&minutes);
        let place = place.index(sealed.len());
        sealed[place] ^= change;
        prop_assert!(open(&sealed).is_ok_and(|read| read == minutes) || open(&sealed).is_err());
    }
}

#[test]
fn nothing_is_sealed_as_nothing() {
    assert_eq!(open(&seal(&[])), Ok(vec![]));
    assert!(open(&[]).is_err());
}
