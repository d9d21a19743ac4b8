//! The embedded catalogue, held to its promises: it loads, and tells everything that a technician needs.

mod exits;
mod tables;

use firstline_diagnosis::catalogue::{Catalogue, Symptom};

#[test]
fn loads() {
    let catalogue = Catalogue::builtin();
    assert!(catalogue.checks().len() >= 22, "{} checks", catalogue.checks().len());
    assert!(catalogue.symptoms().len() >= 21, "{} symptoms", catalogue.symptoms().len());
}

#[test]
fn tells_what_to_do_on_all_three_systems() {
    for check in Catalogue::builtin().checks() {
        for os in ["linux", "windows", "darwin"] {
            assert!(!check.runbook(os).is_empty(), "{}: no steps on {os}", check.id);
            for step in check.runbook(os) {
                assert!((20..300).contains(&step.len()), "{}: a step of {} letters: {step}", check.id, step.len());
                assert!(step.ends_with(['.', '?']), "{}: not a sentence: {step}", check.id);
            }
        }
    }
}

#[test]
fn says_when_to_hand_over_and_with_what() {
    for check in Catalogue::builtin().checks() {
        let escalation = &check.escalation;
        for (what, text) in [("queue", &escalation.queue), ("when", &escalation.when), ("bring", &escalation.bring)] {
            assert!(!text.trim().is_empty(), "{}: {what} is empty", check.id);
        }
    }
}

#[test]
fn every_symptom_has_candidates_that_exist() {
    let catalogue = Catalogue::builtin();
    for symptom in catalogue.symptoms() {
        assert!(!symptom.candidates.is_empty(), "{} has no candidates", symptom.id);
        for candidate in &symptom.candidates {
            assert!(catalogue.check(candidate).is_some(), "{}: no check {candidate}", symptom.id);
        }
        for later in &symptom.later {
            assert!(catalogue.check(later).is_none(), "{}: {later} exists, it is not later", symptom.id);
        }
    }
}

#[test]
fn every_check_answers_some_symptom() {
    let catalogue = Catalogue::builtin();
    for check in catalogue.checks() {
        let is_candidate = |symptom: &Symptom| symptom.candidates.contains(&check.id);
        assert!(catalogue.symptoms().iter().any(is_candidate), "{} answers no symptom", check.id);
    }
}

#[test]
fn words_of_tickets_find_their_symptom() {
    for (text, symptom) in [
        ("My computer is slow", "slow-computer"),
        ("Laptop freezes when I open Excel, everything lags", "slow-computer"),
        ("PC takes forever since this morning", "slow-computer"),
        ("very slow to sign in every morning", "slow-start"),
        ("no internet since the move", "no-internet"),
        ("I'm not connected to anything!!", "no-internet"),
        ("Wifi keeps dropping in meeting room 3", "wifi-trouble"),
        ("cannot connect to VPN from home", "vpn-trouble"),
        ("the internet is slow, pages load slowly", "sites-not-opening"),
        ("website says connection is not private", "sites-not-opening"),
        ("disk is full, can't save my file", "disk-full"),
        ("printer on 2nd floor does not print", "cannot-print"),
        ("Excel closes by itself", "app-crashes"),
        ("Outlook does not sync mail", "mail-not-syncing"),
        ("People can't hear me in Teams calls, sound is choppy", "bad-calls"),
        ("I am locked out, password not accepted", "locked-out"),
        ("Blue screen twice today", "sudden-restart"),
        ("battery dies after an hour", "battery"),
        ("the fan is very loud and it gets hot", "hot-or-loud"),
        ("Windows update fails", "updates"),
        ("the clock is wrong by an hour", "clock-wrong"),
        ("virus warning popup", "security-warning"),
        ("second monitor on the dock stays dark", "peripherals"),
        ("my H: network drive is gone", "network-drive"),
        ("system hangs, Laptop is super slow after the update", "slow-computer"),
        ("Network cable plugged in but nothing works", "no-internet"),
        ("Teams keeps crashing", "app-crashes"),
        ("no space left on device", "disk-full"),
        ("C drive is full", "disk-full"),
        ("laptop won\u{2019}t charge", "battery"),
        ("DNS error in browser", "sites-not-opening"),
        ("time on my PC is 10 minutes behind", "clock-wrong"),
        ("PC keeps asking to restart for updates", "updates"),
        ("please call me back", ""),
        ("The coffee machine on the hotel floor is broken", ""),
    ] {
        let catalogue = Catalogue::builtin();
        let found = catalogue.symptom(text).map_or("", |found| found.id.as_str());
        assert_eq!(found, symptom, "{text}");
    }
}
