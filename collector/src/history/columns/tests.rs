use proptest::prelude::*;

use super::*;

/// Floats as machines tell them, and as nobody should: any bits at all.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => (0_u32..2000).prop_map(|thousandths| thousandths as f32 / 1024.0),
        2 => (-1e9_f32..1e9).prop_map(|number| f32::from_bits(number.to_bits() >> 11 << 11)),
        2 => Just(0.0),
        2 => Just(f32::NAN),
        1 => any::<u32>().prop_map(f32::from_bits),
        1 => prop_oneof![Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(-0.0), Just(f32::from_bits(0xffc0_1234))],
    ]
}

fn bits(column: &[f32]) -> Vec<u32> {
    column.iter().map(|number| number.to_bits()).collect()
}

/// Columns of one length, and one beside the first.
fn table() -> impl Strategy<Value = (Vec<Vec<f32>>, Vec<i64>)> {
    (0_usize..70).prop_flat_map(|rows| {
        let column = prop::collection::vec(number(), rows);
        (prop::collection::vec(column, 2..6), prop::collection::vec(any::<i64>(), rows))
    })
}

fn sealed((columns, times): &(Vec<Vec<f32>>, Vec<i64>)) -> Vec<u8> {
    let mut sealer = Sealer::default();
    sealer.integers(times);
    sealer.bytes(b"reasons");
    for column in columns {
        sealer.floats(column, None);
    }
    sealer.floats(&columns[0], Some(&columns[1]));
    sealer.seal()
}

/// Everything that is in there, in whatever state it is.
fn read(sealed: &[u8], columns: usize, rows: usize) -> Result<Vec<Vec<f32>>, Damaged> {
    let mut opened = Opened::new(sealed)?;
    opened.integers(rows)?;
    opened.bytes()?;
    let mut read = (0..columns).map(|_| opened.floats(rows, None)).collect::<Result<Vec<_>, _>>()?;
    read.push(opened.floats(rows, Some(&read[1]))?);
    Ok(read)
}

proptest! {
    #[test]
    fn every_bit_comes_back(table in table()) {
        let (columns, times) = &table;
        let sealed = sealed(&table);
        let mut opened = Opened::new(&sealed).expect("sound");
        prop_assert_eq!(&opened.integers(times.len()).expect("times"), times);
        prop_assert_eq!(opened.bytes().expect("bytes"), b"reasons");
        for column in columns {
            prop_assert_eq!(bits(&opened.floats(times.len(), None).expect("column")), bits(column));
        }
        let beside = opened.floats(times.len(), Some(&columns[1])).expect("beside");
        prop_assert_eq!(bits(&beside), bits(&columns[0]));
    }

    #[test]
    fn a_column_that_is_left_out_takes_its_numbers_along(table in table()) {
        let (columns, times) = &table;
        let mut opened = Opened::new(&sealed(&table)).expect("sound");
        opened.integers(times.len()).expect("times");
        opened.bytes().expect("bytes");
        for (place, column) in columns.iter().enumerate() {
            if place % 2 == 0 {
                opened.skip(times.len()).expect("skipped");
            } else {
                prop_assert_eq!(bits(&opened.floats(times.len(), None).expect("column")), bits(column));
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_say_the_same(table in table(), place in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut damaged = sealed(&table);
        let (sound, place) = (damaged.clone(), place.index(damaged.len()));
        damaged[place] ^= change;
        let read = |sealed: &[u8]| read(sealed, table.0.len(), table.1.len());
        let words = |columns: Vec<Vec<f32>>| columns.iter().map(|column| bits(column)).collect::<Vec<_>>();
        // zstd's frames have a bit that means nothing, and a window that may be larger.
        if let Ok(columns) = read(&damaged) {
            prop_assert_eq!(words(columns), words(read(&sound).expect("sound")), "byte {} is another", place);
        }
        damaged.truncate(place);
        prop_assert!(read(&damaged).is_err(), "cut at {place}");
    }

    /// Past the checksum: what a wrong hand could seal.
    #[test]
    fn nonsense_that_was_sealed_is_read_without_panic(streams in prop::array::uniform5(prop::collection::vec(any::<u8>(), 0..80)), rows in 0_usize..100) {
        let [heads, one, two, three, four] = streams;
        let sealed = Sealer { heads, planes: [one, two, three, four] }.seal();
        let mut opened = Opened::new(&sealed).expect("a frame");
        while opened.floats(rows, Some(&[1.0])).is_ok() && opened.streams[0].0 < opened.streams[0].1 {}
        let mut opened = Opened::new(&sealed).expect("a frame");
        let _ = (opened.integers(rows), opened.bytes().map(<[u8]>::len), opened.count());
    }
}

#[test]
fn a_bomb_does_not_unfold() {
    let mut sealer = Sealer::default();
    sealer.bytes(&vec![0; usize::try_from(BYTES_MAX).expect("fits")]);
    assert!(Opened::new(&sealer.seal()).is_err());
}

#[test]
fn numbers_as_an_agent_tells_them_take_the_bits_that_they_have() {
    let noise = |index: u32| f32::from_bits(0x4480_0000 | (index.wrapping_mul(2_654_435_761) >> 20 << 11));
    let column: Vec<f32> = (0..240).map(noise).collect();
    let mut sealer = Sealer::default();
    (0..40).for_each(|_| sealer.floats(&column, None));
    let plain = 40 * 240 * 4;
    assert!(sealer.heads.len() + sealer.planes.iter().map(Vec::len).sum::<usize>() < plain * 6 / 10);
}
