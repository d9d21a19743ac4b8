//! Every check on a machine of its own: it fires, keeps quiet just below, and says unknown when it cannot see.

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{FindingState, RuledOut, RuledOutResult, Texts};

use super::machine::{self, Machine, Shown};
use super::rows::{EXCUSED, ROWS, Row, over};

/// Long enough for the slowest window and hold together.
const MINUTES: u64 = 45;

/// Words that the person at the machine must not need to know.
const JARGON: &str = "dns dhcp tcp tls ssl ip nic gateway subnet resolver inode inodes mount mountpoint filesystem partition \
    iops latency swap oom psi paging commit cpu irq dpc kernel daemon systemd pid thread spool nan";

#[test]
fn every_check_answers_some_symptom_and_has_a_row() {
    let catalogue = Catalogue::builtin();
    for check in catalogue.checks() {
        assert!(machine::symptom_of(&check.id).is_some(), "{} answers no symptom", check.id);
        assert!(ROWS.iter().any(|row| row.check == check.id), "{} has no row", check.id);
    }
}

#[test]
fn fires() {
    let faults = ROWS.iter().filter_map(|row| fault_of_firing(row).err());
    assert_none(faults);
}

fn fault_of_firing(row: &Row) -> Result<(), String> {
    let machine = Machine::new("linux").shows(row.firing, MINUTES);
    let Some(finding) = machine.finding(row.check) else {
        return Err(format!("{} does not fire on {:?}: {}", row.check, row.firing, machine.why_not(row.check)));
    };
    let Texts { user, tech } = &finding.texts;
    let promises = [
        (finding.state == FindingState::Active, "is not active"),
        (finding.severity.name() == row.severity, "has another severity"),
        (!finding.evidence.is_empty(), "has no evidence"),
        (!finding.runbook.is_empty(), "has no steps"),
        (![user, tech].iter().any(|text| text.contains(['{', '}'])), "has a placeholder that means nothing"),
        (!has_word(user, "unknown") && !has_word(tech, "unknown"), "lacks a number"),
        (user.len() <= 170, "has a user text that is too long for one breath"),
        (!has_jargon(user), "speaks jargon to the user"),
    ];
    match promises.into_iter().find(|(kept, _)| !kept) {
        Some((_, fault)) => Err(format!("{} {fault}: {:?} {:?}", row.check, finding.severity, finding.texts)),
        None => Ok(()),
    }
}

#[test]
fn keeps_quiet_just_below() {
    let faults = ROWS.iter().filter_map(|row| {
        let machine = Machine::new("linux").shows(&over(row.firing, row.below), MINUTES);
        let fires = machine.finding(row.check).is_some();
        let verdict = machine.ruled_out(row.check);
        let is_fine = verdict.as_ref().is_some_and(|verdict| verdict.result == RuledOutResult::NotFound);
        (fires || !is_fine).then(|| format!("{} on {:?}: {verdict:?}", row.check, row.below))
    });
    assert_none(faults);
}

#[test]
fn says_in_a_plain_sentence_what_is_fine() {
    let faults = ROWS.iter().filter_map(|row| {
        let machine = Machine::new("linux").shows(&over(row.firing, row.below), MINUTES);
        let verdict = machine.ruled_out(row.check)?;
        println!("{}: {}", verdict.title, verdict.why);
        let sentence = verdict.why.strip_prefix("not the case. ").unwrap_or_default();
        let is_plain = !verdict.title.is_empty()
            && sentence.ends_with('.')
            && (20..220).contains(&sentence.len())
            && !has_inner_name(sentence);
        (!is_plain).then(|| format!("{}: {}", row.check, verdict.why))
    });
    assert_none(faults);
}

#[test]
fn names_evidence_as_people_do() {
    let faults = ROWS.iter().flat_map(|row| {
        let finding = Machine::new("linux").shows(row.firing, MINUTES).finding(row.check).expect("it fires");
        let lines = finding
            .evidence
            .into_iter()
            .map(|one| format!("{}: {} ({})", one.what(), one.found().unwrap_or(one.why.clone()), one.limit()));
        lines.inspect(|line| println!("{}: {line}", row.check)).filter(|line| has_inner_name(line)).collect::<Vec<_>>()
    });
    assert_none(faults);
}

/// Whether a sentence names something that only this program knows.
fn has_inner_name(text: &str) -> bool {
    text.contains(['_', '{', '}'])
        || ["endpoint.", "system.", "process.", "avg300", "NaN"].iter().any(|name| text.contains(name))
}

#[test]
fn is_unknown_without_data() {
    let unrelated: &[(&str, Shown)] = &[("system.process.count", Shown::Number(200.0))];
    let machine = Machine::new("linux").shows(unrelated, MINUTES);
    let catalogue = Catalogue::builtin();
    let faults = catalogue.checks().iter().filter_map(|check| {
        let verdict = machine.ruled_out(&check.id);
        let says_so = |verdict: &RuledOut| {
            println!("{}: {}", verdict.title, verdict.why);
            verdict.result == RuledOutResult::Unknown && verdict.why.starts_with("could not be told: ")
        };
        (!verdict.as_ref().is_some_and(says_so)).then(|| format!("{}: {verdict:?}", check.id))
    });
    assert_none(faults);
}

#[test]
fn guards_excuse() {
    for excused in EXCUSED {
        let machine = Machine::new("linux").shows(excused.shows, excused.minutes);
        assert!(machine.finding(excused.check).is_none(), "{} fires in spite of its guard", excused.check);
    }
}

#[test]
fn a_full_system_volume_is_one_finding_and_a_full_data_volume_another() {
    let told = |mount: &str, role: &str, free: f64| {
        let series = |signal: &str, state: &str| format!("{signal}{{mountpoint={mount},type=ext4,role={role}{state}}}");
        [
            (series("system.filesystem.usage", ",state=free"), Shown::Number(free)),
            (series("system.filesystem.limit", ""), Shown::Number(107_374_182_400.0)),
        ]
    };
    let shows: Vec<_> = told("/", "system", 1e6).into_iter().chain(told("/data", "data", 1e6)).collect();
    let shows: Vec<(&str, Shown)> = shows.iter().map(|(series, shown)| (series.as_str(), *shown)).collect();
    let diagnosis = Machine::new("linux").shows(&shows, MINUTES).diagnosis(Some("disk-full"));
    let told: Vec<_> = diagnosis
        .findings
        .iter()
        .map(|one| (one.id.as_str(), one.instance.as_str(), one.consequence_of.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("disk-space-critical", "/", None),
            ("volume-full", "/data", None),
            ("volume-full", "/", Some("disk-space-critical")),
            ("disk-space-low", "/", Some("disk-space-critical")),
            ("disk-space-low", "/data", Some("volume-full")),
        ]
    );
}

fn assert_none(faults: impl Iterator<Item = String>) {
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn has_jargon(text: &str) -> bool {
    JARGON.split_whitespace().any(|word| has_word(text, word))
}

fn has_word(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|one| one == word)
}
