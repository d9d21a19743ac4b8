//! A disk that takes nothing.

use super::*;

/// Puts something in the place of the spool's directory that refuses every file, whoever asks.
fn refuse(place: &Place) {
    fs::rename(place.spool_dir(), place.dir.path().join("aside")).expect("moved");
    fs::write(place.spool_dir(), "no directory").expect("written");
}

fn relent(place: &Place) {
    fs::remove_file(place.spool_dir()).expect("removed");
    fs::rename(place.dir.path().join("aside"), place.spool_dir()).expect("moved back");
}

#[test]
fn what_the_disk_refuses_is_kept_in_memory_and_written_in_its_order() {
    let place = Place::new();
    let mut spool = place.open();
    let mut put = append_samples(&mut spool, 0..5);
    refuse(&place);
    put.extend(append_samples(&mut spool, 5..20));
    put.push(mark(&mut spool, 20));
    assert!(spool.fill().trouble.is_some());
    assert_eq!(spool.waiting.frames().len(), 21, "nothing went to the disk");
    assert_eq!(sequences(&mut spool), put, "it can be sent");
    relent(&place);
    put.extend(append_samples(&mut spool, 21..22));
    assert_eq!(spool.fill().trouble, None);
    assert_eq!(sequences(&mut spool), put);
    drop(spool);
    place.lose_power();
    assert_eq!(sequences(&mut place.open()), put, "and it is on the disk, once");
}

#[test]
fn a_killed_agent_finds_what_the_disk_refused() {
    let place = Place::new();
    let mut spool = place.open();
    refuse(&place);
    let put = append_samples(&mut spool, 0..20);
    drop(spool);
    relent(&place);
    assert_eq!(sequences(&mut place.open()), put);
}

#[test]
fn memory_is_bounded_and_what_went_is_counted() {
    let place = Place::new();
    let mut spool = place.open();
    refuse(&place);
    let (mut marks, many) = (Vec::new(), 20_000);
    for minute in 0..many {
        if minute % 1000 == 0 {
            marks.push(mark(&mut spool, minute));
        }
        append_samples(&mut spool, minute..minute + 1);
        assert!(spool.waiting.bytes() <= MEMORY_BYTES_MAX);
    }
    let kept = sequences(&mut spool);
    assert!(marks.iter().all(|mark| kept.contains(mark)), "samples go before marks");
    assert!((1..=60).all(|early| kept.contains(&early)), "the start of the outage is kept");
    assert_eq!(told_dropped(&mut spool) + kept.len() as u64, spool.next_sequence() - 1);
    relent(&place);
    mark(&mut spool, many);
    spool.close().expect("closes");
    let in_memory = sequences(&mut spool);
    drop(spool);
    place.lose_power();
    assert_eq!(sequences(&mut place.open()), in_memory);
}

#[test]
fn a_segment_that_cannot_be_read_waits_ten_minutes_and_is_then_counted_as_lost() {
    let place = Place::new();
    let mut spool = place.open();
    let lost = append_samples(&mut spool, 0..6);
    spool.settle();
    // A directory of the same name can be opened, and not read.
    let file = place.segments().remove(0);
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("made");
    let behind = spool.append(at(6), boot_ms(6), BOOT, sample(6));
    assert_eq!(sequences(&mut spool), [0; 0], "what is behind it does not overtake");
    assert!(spool.fill().trouble.expect("said").contains("reading"));
    spool.tick(boot_ms(15));
    assert_eq!(sequences(&mut spool), [0; 0]);
    spool.tick(boot_ms(17));
    assert_eq!(sequences(&mut spool), [behind]);
    assert_eq!(spool.fill().dropped_records, lost.len() as u64);
    assert_eq!(spool.fill().trouble, None);
}
