//! Whole days of whole machines: what detection makes of them against what a person would say. How many of the expected
//! findings it found, and what it found that is not there, stands in `docs/scenarios.md`, and this holds it to be true.
//!
//! A day is written in a few lines and becomes thousands of readings, noise and all; how, `docs/scenarios.md` tells.

mod day;
mod file;
mod fortnight;
mod judged;
mod level;
mod play;
mod sane;
mod schedule;
mod table;

#[path = "../corpus/mod.rs"]
mod corpus;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use day::Day;
use file::{Corpus, Scenario};
use judged::Judged;

#[test]
fn precision_and_recall_over_the_days_are_what_the_document_says() {
    let corpus = Corpus::read();
    let days = each_day(&corpus, |scenario| {
        let day = Day::of(&corpus, scenario);
        let lived = play::lived(&day, scenario);
        assert_eq!(lived.answers.len(), scenario.tickets.len(), "{}: a ticket comes after the day", scenario.name);
        let faults = sane::faults(&day, &lived);
        if picked().is_some() {
            play::show(&day, scenario, &lived);
        }
        (Judged::of(scenario, &day, &lived), faults)
    });
    let faults: Vec<String> = days
        .iter()
        .flat_map(|(day, faults)| faults.iter().map(move |fault| format!("{}: {fault}", day.name)))
        .collect();
    let days: Vec<Judged> = days.into_iter().map(|(day, _)| day).collect();
    let (totals, missed) = (table::totals(&days), table::faults(&days));
    println!("{totals}\n{missed}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    if picked().is_some() {
        return;
    }
    let parts = [("totals", totals), ("faults", missed), ("days", table::days(&days))];
    let differing: Vec<String> = parts.iter().filter_map(|(part, text)| table::in_step(part, text)).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn nobody_hears_anything_of_two_weeks_in_which_nothing_is_wrong() {
    let corpus = Corpus::read();
    let weeks = fortnight::of_each(&corpus);
    let alarms = each_of(weeks.iter().collect(), |scenario| {
        let day = Day::of(&corpus, scenario);
        let lived = play::lived(&day, scenario);
        let alarms = Judged::of(scenario, &day, &lived).checks.into_iter();
        let alarms = alarms.map(|alarm| format!("{}: {} {:?}", scenario.name, alarm.check, alarm.outcome));
        alarms.chain(sane::faults(&day, &lived)).collect::<Vec<_>>()
    });
    let alarms: Vec<String> = alarms.into_iter().flatten().collect();
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

#[test]
fn the_corpus_is_broad_enough_to_say_something() {
    let days = Corpus::read().days;
    let quiet = days.iter().filter(|day| day.finds.is_empty()).count();
    assert!(days.len() >= 40, "{} days", days.len());
    assert!(quiet >= 15, "{quiet} days on which nothing must fire");
    let said = days.iter().filter(|day| !day.tickets.is_empty()).count();
    assert!(said * 2 >= days.len(), "{said} days with a ticket");
}

/// An hour of each, since text is slow to read: the one in which somebody writes, or something is found.
#[test]
fn an_hour_of_a_day_is_the_same_to_the_last_byte_whenever_it_is_replayed_and_as_it_was_lived() {
    let corpus = Corpus::read();
    let faults = each_day(&corpus, |scenario| {
        let (hour, again) = (Day::of(&corpus, scenario).hour(scenario), Day::of(&corpus, scenario).hour(scenario));
        let bytes = |replayed| serde_json::to_string(&replayed).expect("a document");
        let once = bytes(play::replayed(&play::recording(&hour), &hour, scenario));
        let twice = bytes(play::replayed(&play::recording(&again), &again, scenario));
        let live = bytes(play::lived(&hour, scenario).replayed);
        let differs = |what: &str| Some(format!("{}: {what}", scenario.name));
        match (once == twice, once == live) {
            (true, true) => None,
            (false, _) => differs("the second replay gives other bytes"),
            (_, false) => differs("live detection and the replay of its recording differ"),
        }
    });
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// For people who write a day: how the names of those begin that `FIRSTLINE_DAY` picks.
fn picked() -> Option<String> {
    std::env::var("FIRSTLINE_DAY").ok()
}

fn each_day<T: Send>(corpus: &Corpus, work: impl Fn(&Scenario) -> T + Sync) -> Vec<T> {
    let wanted = picked().unwrap_or_default();
    each_of(corpus.days.iter().filter(|day| day.name.starts_with(&wanted)).collect(), work)
}

/// Does something with each, on all processors; the results are in the order of their names.
fn each_of<T: Send>(days: Vec<&Scenario>, work: impl Fn(&Scenario) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some(day) = days.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(day);
                    done.lock().expect("nobody panics while it is held").push((day.name.clone(), result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panicked");
    done.sort_by(|one, other| one.0.cmp(&other.0));
    done.into_iter().map(|(_, result)| result).collect()
}
