//! What goes when there is too much, and what stays.

use firstline_diagnosis::vocabulary::{Attributes, Event};

use super::*;

const DAY: i64 = 24 * 60;

#[test]
fn samples_go_before_marks_and_the_start_of_the_outage_stays() {
    let place = Place::with(Limits { bytes: 64 * 1024, ..Limits::default() });
    let mut spool = place.open();
    let mut marks = Vec::new();
    for minute in 0..4000 {
        if minute % 100 == 0 {
            marks.push(mark(&mut spool, minute));
        }
        append_samples(&mut spool, minute..minute + 1);
    }
    let kept = sequences(&mut spool);
    assert!(spool.fill().bytes <= place.limits.bytes);
    assert!(marks.iter().all(|mark| kept.contains(mark)), "every mark is kept");
    assert!((1..=20).all(|early| kept.contains(&early)), "the start of the outage is kept");
    let newest = spool.next_sequence() - 1;
    assert!((newest - 20..=newest).all(|late| kept.contains(&late)), "and so is the newest");
    let total = newest;
    assert_eq!(told_dropped(&mut spool) + kept.len() as u64, total, "every number is there or told as dropped");
}

#[test]
fn a_flood_of_marks_does_not_wash_away_the_start_of_the_outage() {
    let place = Place::with(Limits { bytes: 64 * 1024, ..Limits::default() });
    let mut spool = place.open();
    for minute in 0..4000 {
        mark(&mut spool, minute);
    }
    let kept = sequences(&mut spool);
    assert!(spool.fill().bytes <= place.limits.bytes);
    assert!((1..=20).all(|early| kept.contains(&early)), "the start is kept");
    assert_eq!(told_dropped(&mut spool) + kept.len() as u64, spool.next_sequence() - 1);
}

#[test]
fn what_is_too_old_goes() {
    let place = Place::with(Limits { bytes: 256 * 1024, age: Duration::from_hours(1) });
    let mut spool = place.open();
    append_samples(&mut spool, 0..600);
    let oldest = spool.read_after(0, 1, 4096)[0].at;
    assert!(at(599).since(oldest) < Duration::from_hours(3), "one segment may stand over");
    assert!(spool.fill().dropped_records > 300);
    let (told, kept) = (told_dropped(&mut spool), sequences(&mut spool).len() as u64);
    assert_eq!(told + kept, spool.next_sequence() - 1);
}

#[test]
fn a_clock_that_is_set_right_after_years_ages_nothing() {
    let place = Place::new();
    let mut spool = place.open();
    let wrong = |minute: i64| Timestamp(minute * 60_000);
    for minute in 0..600 {
        spool.append(wrong(minute), boot_ms(minute), BOOT, sample(minute));
    }
    append_samples(&mut spool, 600..700);
    assert_eq!(sequences(&mut spool).len(), 700);
    assert_eq!(spool.fill().dropped_records, 0);
}

/// A minute of a workstation with 500 series.
fn full_sample(layout: u64, minute: i64) -> Body {
    let values = (0..500).map(|series| (minute * 7 + series) as f32 * 0.37).collect();
    Body::Sample(Sample { at: at(minute), step_seconds: 60, layout, values, absences: vec![] })
}

#[test]
fn seven_days_of_minutes_and_all_events_fit_in_the_default_size() {
    let place = Place::new();
    let mut spool = place.open();
    let series =
        (0..500).map(|number| Series::new("process.cpu.time", [("process", format!("program-{number}").as_str())]));
    let layout = Layout::new(series.collect::<Vec<_>>());
    spool.use_layout((&layout).into());
    let mut put = Vec::new();
    for minute in 0..7 * DAY {
        put.push(spool.append(at(minute), boot_ms(minute), BOOT, full_sample(layout.fingerprint(), minute)));
        if minute % 5 == 0 {
            put.push(spool.append(at(minute), boot_ms(minute), BOOT, Body::Event(event(minute))));
        }
    }
    drop(spool);
    let mut spool = place.open();
    let fill = spool.fill();
    println!("7 days: {} records, {} bytes, {:.0} % of the default size", fill.records, fill.bytes, fill.ratio * 100.0);
    assert!(fill.ratio < 0.5, "{}", fill.ratio);
    assert_eq!(sequences(&mut spool), put);
    assert_eq!(spool.fill().dropped_records, 0);
}

fn event(minute: i64) -> Event {
    let fields = [("endpoint.service.name".to_owned(), "cups".into())];
    Event {
        series: Series::new("endpoint.service.failed", Attributes::none()),
        at: at(minute),
        fields: fields.into(),
        count: 1,
    }
}
