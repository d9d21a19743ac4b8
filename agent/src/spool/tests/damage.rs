//! What becomes of files that are not as they were written.

use proptest::prelude::*;

use super::*;

/// A place whose records lie in one segment, and their numbers.
fn on_disk(records: i64) -> (Place, Vec<u64>) {
    let place = Place::new();
    let mut spool = place.open();
    let put = append_samples(&mut spool, 0..records);
    spool.close().expect("closes");
    assert_eq!(place.segments().len(), 1);
    (place, put)
}

/// A place whose records lie in the tail, and their numbers.
fn in_tail(records: i64) -> (Place, Vec<u64>) {
    let place = Place::new();
    let mut spool = place.open();
    mark(&mut spool, 0);
    spool.acknowledge(u64::MAX - 2000);
    let put = (0..records).map(|minute| spool.append(at(minute), 1, BOOT, sample(minute))).collect();
    (place, put)
}

#[test]
fn a_segment_that_is_cut_anywhere_gives_what_is_before_the_cut() {
    let (place, put) = on_disk(6);
    let file = place.segments().remove(0);
    let whole = fs::read(&file).expect("readable");
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).expect("cut");
        let mut spool = place.open();
        let kept = sequences(&mut spool);
        assert_eq!(kept, put[..kept.len()], "cut at {cut}");
        assert_eq!(kept.len(), frames_before(&whole, cut), "cut at {cut}");
        let new = append_samples(&mut spool, 9..10);
        assert!(new[0] > *put.last().expect("six"), "a number was used twice after a cut at {cut}");
        spool.close().expect("closes");
        assert_eq!(sequences(&mut place.open()), [kept, new].concat(), "cut at {cut}");
        place.segments().iter().for_each(|left| fs::remove_file(left).expect("removed"));
    }
}

#[test]
fn a_tail_that_is_cut_anywhere_gives_what_is_before_the_cut() {
    let (place, put) = in_tail(6);
    let whole = fs::read(place.tail()).expect("readable");
    for cut in 0..whole.len() {
        fs::write(place.tail(), &whole[..cut]).expect("cut");
        let kept: Vec<u64> = sequences(&mut place.open()).into_iter().filter(|one| put.contains(one)).collect();
        assert_eq!(kept, put[..frames_before(&whole, cut)], "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_costs_one_record_at_most_and_is_counted() {
    let (place, put) = on_disk(8);
    // A segment behind it, since the end of the newest one may be torn without a loss.
    let behind = Frame { sequence: put[7] + 1, class: Class::Event, at: at(9), layout: None, payload: vec![0; 4] };
    let mut bytes = Vec::new();
    behind.write_to(&mut bytes);
    fs::write(place.spool_dir().join(format!("{:020}.segment", behind.sequence)), &bytes).expect("written");
    let file = place.segments().remove(0);
    let whole = fs::read(&file).expect("readable");
    let before_samples = whole.len() - 8 * frame_length(&whole);
    for bit in 0..whole.len() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &altered).expect("written");
        let mut spool = place.open();
        let kept = sequences(&mut spool);
        assert!(kept.is_sorted() && kept.iter().all(|one| put.contains(one) || *one == behind.sequence));
        let lost = told_dropped_raw(&spool);
        assert_eq!(kept.len() as u64 + lost, 9, "bit {bit}: every record is there or counted");
        assert!(lost <= 1 || bit / 8 < before_samples, "bit {bit} cost {lost}");
    }
}

#[test]
fn what_is_altered_while_the_agent_runs_is_counted_when_it_is_read() {
    let (place, put) = on_disk(8);
    let mut spool = place.open();
    let file = place.segments().remove(0);
    let mut bytes = fs::read(&file).expect("readable");
    let middle = bytes.len() - 3 * frame_length(&bytes) - 5;
    bytes[middle] ^= 4;
    fs::write(&file, &bytes).expect("altered");
    let kept = sequences(&mut spool);
    assert_eq!(kept, [&put[..4], &put[5..]].concat());
    assert_eq!(spool.fill().dropped_records, 1);
    assert_eq!(sequences(&mut spool), kept);
    assert_eq!(spool.fill().dropped_records, 1, "once");
}

#[test]
fn samples_whose_layout_is_lost_are_counted_and_hold_nothing_up() {
    let (place, put) = on_disk(3);
    let file = place.segments().remove(0);
    let mut bytes = fs::read(&file).expect("readable");
    bytes[40] ^= 1;
    fs::write(&file, &bytes).expect("the layout is altered");
    place.lose_power();
    let scratch = Scratch::on_disk(&place.dir.path().join("memory")).expect("made");
    let mut spool = Spool::open(&place.spool_dir(), &scratch, place.limits).expect("opens, and knows no layout");
    let event = mark(&mut spool, 5);
    assert_eq!(sequences(&mut spool), [event]);
    assert_eq!(spool.fill().dropped_records, put.len() as u64);
}

#[test]
fn a_segment_that_somebody_deleted_is_counted_and_holds_nothing_up() {
    let (place, put) = on_disk(5);
    let mut spool = place.open();
    place.segments().iter().for_each(|file| fs::remove_file(file).expect("removed"));
    let event = mark(&mut spool, 9);
    assert_eq!(sequences(&mut spool), [event]);
    assert_eq!(spool.fill().dropped_records, put.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600), first in 1u64..5000) {
        let place = Place::new();
        fs::create_dir(place.dir.path().join("memory")).expect("made");
        fs::write(place.spool_dir().join(format!("{first:020}.segment")), &bytes).expect("written");
        fs::write(place.tail(), &bytes).expect("written");
        fs::write(place.spool_dir().join("sequence"), &bytes).expect("written");
        if let Ok(scratch) = Scratch::on_disk(&place.dir.path().join("memory"))
            && let Ok(mut spool) = Spool::open(&place.spool_dir(), &scratch, place.limits)
        {
            let new = mark(&mut spool, 1);
            prop_assert!(sequences(&mut spool).contains(&new));
        }
    }

    #[test]
    fn frames_between_rubbish_are_found(
        rubbish in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 4),
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 3),
    ) {
        let mut bytes = Vec::new();
        let frames: Vec<Frame> = payloads.into_iter().zip(1..).map(|(payload, sequence)| {
            Frame { sequence, class: Class::State, at: at(1), layout: None, payload }
        }).collect();
        for (frame, before) in frames.iter().zip(&rubbish) {
            bytes.extend_from_slice(before);
            frame.write_to(&mut bytes);
        }
        bytes.extend_from_slice(&rubbish[3]);
        let found: Vec<Frame> = frame::Frames::of(&bytes).collect();
        prop_assert_eq!(found, frames);
    }

    #[test]
    fn a_frame_comes_back_as_it_was(sequence: u64, at: i64, layout: Option<u64>, payload: Vec<u8>) {
        let layout = layout.filter(|layout| *layout != 0);
        let class = if layout.is_some() { Class::Sample } else { Class::Event };
        let frame = Frame { sequence, class, at: Timestamp(at), layout, payload };
        let mut bytes = Vec::new();
        frame.write_to(&mut bytes);
        prop_assert_eq!(bytes.len() as u64, frame.len());
        prop_assert_eq!(Frame::read_from(&bytes), Some(frame));
    }
}

/// What is not told yet; reading would tell more.
fn told_dropped_raw(spool: &Spool) -> u64 {
    spool.untold.map_or(0, |dropped| dropped.samples + dropped.others)
}

/// Length of the last frame of `bytes`.
fn frame_length(bytes: &[u8]) -> usize {
    frame::Frames::of(bytes).last().expect("frames").len() as usize
}

/// How many records end at or before `index`.
fn frames_before(bytes: &[u8], index: usize) -> usize {
    frame::Frames::of(&bytes[..index]).filter(|frame| frame.class != Class::Layout).count()
}
