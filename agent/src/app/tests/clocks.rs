use super::*;

/// A fast tick strays by two seconds, so a minute's numbers stand for 56 to 64 seconds, and they are told as finely as
/// the registry declares.
const MINUTE: std::ops::RangeInclusive<f64> = 50.0 * RATE..=70.0 * RATE;

/// Asserts that the minutes from `first` on follow each other with nothing lost, doubled or made up.
fn assert_even(minutes: &[(u64, f64)]) {
    for pair in minutes.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, 60_000, "a minute is lost or doubled: {minutes:?}");
    }
    let odd: Vec<_> = minutes.iter().filter(|(_, written)| !MINUTE.contains(written)).collect();
    assert!(odd.is_empty(), "numbers that nobody measured: {odd:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_by_an_hour_and_back_loses_no_minute_and_doubles_none() {
    let mut quiet = Machine::at_ten().await;
    let mut pc = Machine::at_ten().await;
    pc.until(20).await;
    pc.clock.set(60);
    pc.until(35).await;
    pc.disk.service_fails.store(true, Ordering::Relaxed);
    pc.until(50).await;
    pc.clock.set(-60);
    pc.until(70).await;
    pc.clock.set(0);
    pc.until(90).await;

    let minutes = pc.minutes();
    assert_eq!(minutes.len(), quiet.minutes().len());
    assert_even(&minutes[1..]);
    assert_eq!(pc.marks(), [(Mark::Booted, 0)], "setting a clock is no sleep");

    let asked = pc.recorded(25, 55);
    assert_eq!(asked.len(), 30);
    let sum: f32 = asked.iter().map(|minute| minute.expect("every minute was recorded")).sum();
    assert!((sum - 30.0 * 60_000.0).abs() < 4_000.0, "10:25 to 10:55 is half an hour of writing: {asked:?}");
    let event = pc.snapshot().events.remove(0);
    assert_eq!(minutes_after_ten(event.at), 35, "it failed at 10:35, whatever the clock said then");

    let findings = pc.findings();
    assert_eq!(findings, quiet.findings(), "a check sees what it would have seen");
    assert_eq!(findings[0].0, "agent-unhealthy", "and it sees something: {findings:?}");
    pc.stop().await;
    quiet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_sleeps_for_an_hour_tells_so_and_nothing_of_the_hour() {
    let mut pc = Machine::at_ten().await;
    pc.until(20).await;
    // It wakes with a clock that is an hour off, as one whose battery clock runs on local time, until it is set right.
    pc.clock.suspend(Duration::from_hours(1));
    *pc.disk.more.lock().expect("alone") = 5e9;
    pc.clock.set(-60);
    pc.until(82).await;
    pc.clock.set(0);
    pc.until(120).await;

    let minutes = pc.minutes();
    let asleep = minutes.iter().position(|(at_boot_ms, _)| *at_boot_ms > 60 * 60_000).expect("it woke");
    let (before, after) = minutes.split_at(asleep);
    assert_eq!((before.len(), after.len()), (20, 40), "it was awake for an hour");
    assert_even(&before[1..]);
    // Which of two minutes the sleep falls into depends on how far the tick strayed: it lacks what nobody measured.
    let (around, whole) = after.split_at(2);
    assert!(around.iter().all(|(_, written)| written <= MINUTE.end()), "the sleep's bytes are no minute's: {around:?}");
    assert_even(whole);

    let told = pc.records().into_iter().filter(|record| matches!(record.body, Body::Mark(_)));
    let turns: Vec<(u64, Body)> = told.map(|record| (record.at_boot_ms / 60_000, record.body)).collect();
    assert_eq!(turns, [(0, Body::Mark(Mark::Booted)), (80, Body::Mark(Mark::Resumed))]);
    let resumed = pc.snapshot().marks.into_iter().find(|(_, mark)| *mark == Mark::Resumed).expect("told");
    assert_eq!(minutes_after_ten(resumed.0), 80, "it woke at 11:20, whatever the clock said then");

    assert!(pc.recorded(5, 20).iter().all(Option::is_some), "before the sleep");
    assert!(pc.recorded(21, 80).iter().all(Option::is_none), "asleep");
    assert!(pc.recorded(81, 118).iter().all(Option::is_some), "after the sleep");
    let most = pc.recorded(0, 120).into_iter().flatten().fold(0.0, f32::max);
    assert!(most <= 64_000.0, "nothing of what happened in the sleep is any minute's: {most}");

    let findings = pc.findings();
    let ids: Vec<&str> = findings.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["agent-unhealthy"], "no check takes the sleep for trouble");
    assert_eq!(findings[0].1, "active", "its quarter of an hour is of time awake");
    pc.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_sleep_that_is_announced_has_two_marks_and_the_wake_is_told_once() {
    let mut pc = Machine::at_ten().await;
    pc.until(20).await;
    lock(&pc.intake).pause();
    pc.clock.suspend(Duration::from_hours(1));
    // Who announced it says that it is over, and the clocks say so with the next tick.
    lock(&pc.intake).mark(pc.clock.now(), Mark::Resumed);
    pc.until(120).await;
    assert_eq!(pc.marks(), [(Mark::Booted, 0), (Mark::Pausing, 20), (Mark::Resumed, 80)]);
    pc.clock.suspend(Duration::from_hours(1));
    pc.until(190).await;
    assert_eq!(pc.marks()[3..], [(Mark::Resumed, 180)], "and the next wake is another");
    pc.stop().await;
}
