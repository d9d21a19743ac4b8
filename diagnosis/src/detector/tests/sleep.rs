//! Sleep, gaps, quiet times.

use super::*;

const BUSY: &str = "system.cpu.utilization{cpu.mode=idle}";

/// A performance check: its signal settles.
fn cpu() -> String {
    check(
        "cpu",
        "when = \"1 - avg(idle, 10m) >= 0.9\"\nhold = \"0s\"\n[check.inputs]\nidle = 'system.cpu.utilization{cpu.mode=idle}'\n",
    )
}

#[test]
fn windows_go_on_where_they_were_after_sleep() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(3, &[(FREE, 1.0 * GIB)]);
    story.mark(Mark::Pausing);
    story.silence(480);
    story.mark(Mark::Resumed);
    assert_eq!(story.state("disk-full"), FindingState::Ok);
    story.minutes(2, &[(FREE, 1.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Active);
}

#[test]
fn a_finding_sleeps_with_its_machine() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(10, &[(FREE, 1.0 * GIB)]);
    story.mark(Mark::Pausing);
    story.silence(600);
    assert_eq!(story.state("disk-full"), FindingState::Active);
    assert!(story.detector.diagnose(None, story.now).notes.iter().any(|note| note.contains("when the machine paused")));
}

#[test]
fn a_gap_that_nobody_announced_makes_windows_unknown() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(10, &[(FREE, 50.0 * GIB)]);
    story.silence(8);
    story.minutes(2, &[(FREE, 50.0 * GIB)]);
    assert_eq!(story.ruled_out("disk-full").result, RuledOutResult::Unknown);
    story.minutes(2, &[(FREE, 50.0 * GIB)]);
    assert_eq!(story.ruled_out("disk-full").result, RuledOutResult::NotFound);
}

#[test]
fn performance_waits_ten_minutes_after_a_boot() {
    assert!(Registry::builtin().get("system.cpu.utilization").expect("declared").settles);
    let mut story = Story::of(&[&cpu()]);
    story.minutes(12, &[(BUSY, 0.9)]);
    story.mark(Mark::Booted);
    story.minutes(10, &[(BUSY, 0.0)]);
    assert_eq!(story.state("cpu"), FindingState::Ok);
    // From here on the machine is judged by what it does now; the minutes before the boot still fill the window.
    story.minutes(10, &[(BUSY, 0.0)]);
    assert_eq!(story.state("cpu"), FindingState::Active);
}

#[test]
fn performance_waits_two_minutes_after_a_wake() {
    let mut story = Story::of(&[&check(
        "cpu-now",
        "when = \"idle < 0.1\"\nhold = \"0s\"\n[check.inputs]\nidle = 'system.cpu.utilization{cpu.mode=idle}'\n",
    )]);
    story.minutes(2, &[(BUSY, 0.9)]);
    story.mark(Mark::Pausing);
    story.silence(60);
    story.mark(Mark::Resumed);
    story.minutes(2, &[(BUSY, 0.0)]);
    assert_eq!(story.state("cpu-now"), FindingState::Ok);
    story.minutes(1, &[(BUSY, 0.0)]);
    assert_eq!(story.state("cpu-now"), FindingState::Active);
}

#[test]
fn performance_waits_a_minute_after_a_change_of_network() {
    let mut story = Story::of(&[&check(
        "cpu-now",
        "when = \"idle < 0.1\"\nhold = \"0s\"\n[check.inputs]\nidle = 'system.cpu.utilization{cpu.mode=idle}'\n",
    )]);
    story.minutes(2, &[(BUSY, 0.9)]);
    story.mark(Mark::NetworkChanged);
    story.minutes(1, &[(BUSY, 0.0)]);
    assert_eq!(story.state("cpu-now"), FindingState::Ok);
    story.minutes(1, &[(BUSY, 0.0)]);
    assert_eq!(story.state("cpu-now"), FindingState::Active);
}

#[test]
fn a_clock_that_jumps_back_judges_nothing_again() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(10, &[(FREE, 1.0 * GIB)]);
    let moves = story.moves.len();
    story.now = Timestamp(story.now.0 - 60 * MINUTE);
    story.minutes(20, &[(FREE, 1.0 * GIB)]);
    assert_eq!(story.moves.len(), moves);
}
