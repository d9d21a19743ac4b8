//! Ranking, roles, guards, notes.

use super::*;

const SWITCHES: [&str; 4] = [
    "endpoint.gateway.present",
    "endpoint.gateway.reachable",
    "endpoint.network.physical_up",
    "endpoint.network.usable_address",
];

/// Four checks that hold when their flag is false.
fn switched(severities: [&str; 4]) -> String {
    let ids = ["gone", "unreachable", "unplugged", "unaddressed"];
    let one = |index: usize| {
        check(
            ids[index],
            &format!("when = \"not flag\"\nhold = \"0s\"\n[check.inputs]\nflag = '{}'\n", SWITCHES[index]),
        )
        .replace("severity = \"medium\"", &format!("severity = \"{}\"", severities[index]))
    };
    (0..4).map(one).collect()
}

const SYMPTOM: &str = "[[symptom]]\nid = \"no-internet\"\nwords = [\"internet\"]\ncandidates = [\"unaddressed\", \"unreachable\"]\n\
                       later = [\"captive-portal\"]\nrule_out = [\"The neighbour's internet?\"]\n";

fn told(files: &[&str], numbers: [f64; 4], symptom: Option<&str>) -> Diagnosis {
    let mut story = Story::of(files);
    let numbers: Vec<(&str, f64)> = SWITCHES.into_iter().zip(numbers).collect();
    story.minutes(3, &numbers);
    story.detector.diagnose(symptom, story.now)
}

fn roles(diagnosis: &Diagnosis) -> Vec<(&str, Role)> {
    diagnosis.findings.iter().map(|finding| (finding.id.as_str(), finding.role)).collect()
}

#[test]
fn the_answer_is_what_the_ticket_is_about() {
    let checks = switched(["high", "low", "high", "low"]);
    let diagnosis = told(&[&checks, SYMPTOM], [0.0, 0.0, 1.0, 0.0], Some("My Internet is gone!"));
    assert_eq!(diagnosis.symptom.as_deref(), Some("no-internet"));
    assert_eq!(diagnosis.primary.as_deref(), Some("unaddressed"));
    // `gone` is worse, but not what the ticket is about.
    assert_eq!(
        roles(&diagnosis),
        [("unaddressed", Role::Primary), ("unreachable", Role::Contributing), ("gone", Role::Also)]
    );
    assert_eq!(diagnosis.not_checked, ["captive-portal"]);
    assert!(diagnosis.notes.iter().any(|note| note.contains("1 further check is not part")));
    assert!(diagnosis.notes.iter().any(|note| note.contains("neighbour")));
}

#[test]
fn something_critical_is_the_answer_to_everything() {
    let checks = switched(["critical", "low", "high", "low"]);
    let diagnosis = told(&[&checks, SYMPTOM], [0.0, 1.0, 1.0, 1.0], Some("internet"));
    assert_eq!(diagnosis.primary.as_deref(), Some("gone"));
}

#[test]
fn security_is_the_answer_to_everything_unless_it_is_mere_context() {
    for (severity, answer) in [("medium", Some("gone")), ("info", None)] {
        let checks = switched([severity, "low", "high", "low"]).replacen("Test/Test", "Security/Test", 1);
        let both = told(&[&checks, SYMPTOM], [0.0, 1.0, 1.0, 0.0], Some("internet"));
        assert_eq!(both.primary.as_deref(), Some("unaddressed"), "{severity}: what is asked about comes first");
        let alone = told(&[&checks, SYMPTOM], [0.0, 1.0, 1.0, 1.0], Some("internet"));
        assert_eq!(alone.primary.as_deref(), answer, "{severity}");
        assert_eq!(roles(&alone).len(), 1, "it is told in any case");
    }
}

#[test]
fn security_that_can_be_planned_or_has_hardly_begun_is_no_answer_to_another_question() {
    let security = |urgency: &str, hold: &str| {
        let checks = switched(["medium", "low", "high", "low"]).replacen("Test/Test", "Security/Test", 1);
        checks.replacen("\"U2\"", urgency, 1).replacen("hold = \"0s\"", hold, 1)
    };
    for (urgency, hold, answer) in [
        ("\"U2\"", "hold = \"0s\"", Some("gone")),
        ("\"U3\"", "hold = \"0s\"", None),
        ("\"U2\"", "hold = \"48h\"", None),
    ] {
        let told = told(&[&security(urgency, hold), SYMPTOM], [0.0, 1.0, 1.0, 1.0], Some("internet"));
        assert_eq!(told.primary.as_deref(), answer, "{urgency} {hold}");
        assert_eq!(roles(&told).len(), 1, "it is told in any case");
    }
}

#[test]
fn what_is_asked_about_comes_before_what_is_urgent_for_its_own_sake() {
    let checks = switched(["critical", "low", "high", "low"]).replace("hold = \"0s\"", "hold = \"5m\"");
    let checks = checks.replacen("hold = \"5m\"", "hold = \"0s\"", 1);
    let both = told(&[&checks, SYMPTOM], [0.0, 1.0, 1.0, 0.0], Some("internet"));
    assert_eq!(roles(&both), [("unaddressed", Role::Primary), ("gone", Role::Contributing)], "though it is pending");
}

#[test]
fn without_a_symptom_the_worst_comes_first_and_all_checks_are_accounted_for() {
    let checks = switched(["low", "medium", "high", "info"]);
    let diagnosis = told(&[&checks], [0.0, 0.0, 0.0, 0.0], None);
    assert_eq!(diagnosis.primary.as_deref(), Some("unplugged"));
    assert_eq!(diagnosis.findings.last().map(|finding| finding.role), Some(Role::Also));
    let diagnosis = told(&[&checks], [1.0, 1.0, 1.0, 1.0], Some("weird noise"));
    assert_eq!((diagnosis.primary, diagnosis.ruled_out.len()), (None, 4));
    assert!(diagnosis.notes.iter().any(|note| note.contains("match no known symptom")));
}

#[test]
fn consequences_point_at_the_top_most_root_and_lend_it_their_weight() {
    let edges = "[[edge]]\nroot = \"unplugged\"\nconsequence = [\"unaddressed\"]\n\
                 [[edge]]\nroot = \"unaddressed\"\nconsequence = [\"unreachable\"]\n";
    let checks = switched(["low", "high", "low", "low"]);
    let mut diagnosis = told(&[&checks, SYMPTOM, edges], [1.0, 0.0, 0.0, 0.0], Some("internet"));
    // `unplugged` is no candidate itself; its consequences are.
    assert_eq!(diagnosis.primary.as_deref(), Some("unplugged"));
    assert_eq!(diagnosis.findings[0].severity, Severity::High);
    for finding in &diagnosis.findings[1..] {
        assert_eq!((finding.role, finding.consequence_of.as_deref()), (Role::Consequence, Some("unplugged")));
    }
    let [root, after, ..] = &mut *diagnosis.findings else { panic!("{diagnosis:?}") };
    root.title = "The cable is out".to_owned();
    let (root, after) = (root.clone(), after.clone());
    assert_eq!(
        (diagnosis.cause(&root), diagnosis.cause(&after)),
        (None, Some("The cable is out")),
        "as people call it"
    );
}

#[test]
fn a_consequence_stands_by_itself_half_an_hour_after_its_root() {
    let edges = "[[edge]]\nroot = \"unplugged\"\nconsequence = [\"unreachable\"]\n";
    let mut story = Story::of(&[&switched(["low"; 4]), edges]);
    story.minutes(3, &[(SWITCHES[2], 0.0), (SWITCHES[1], 0.0)]);
    assert_eq!(story.finding("unreachable").consequence_of.as_deref(), Some("unplugged"));
    story.minutes(5, &[(SWITCHES[2], 1.0), (SWITCHES[1], 0.0)]);
    assert_eq!(story.finding("unreachable").consequence_of.as_deref(), Some("unplugged"));
    story.minutes(30, &[(SWITCHES[2], 1.0), (SWITCHES[1], 0.0)]);
    assert_eq!(story.finding("unreachable").consequence_of, None);
}

#[test]
fn what_is_left_after_its_root_is_the_answer_when_there_is_no_other() {
    let edges = "[[edge]]\nroot = \"unplugged\"\nconsequence = [\"unreachable\"]\n";
    let answer = |gone: f64| {
        let mut story = Story::of(&[&switched(["low"; 4]), edges]);
        story.minutes(3, &[(SWITCHES[2], 0.0), (SWITCHES[1], 0.0), (SWITCHES[0], gone)]);
        story.minutes(5, &[(SWITCHES[2], 1.0), (SWITCHES[1], 0.0), (SWITCHES[0], gone)]);
        story.detector.diagnose(None, story.now).primary
    };
    assert_eq!(answer(1.0).as_deref(), Some("unreachable"));
    assert_eq!(answer(0.0).as_deref(), Some("gone"));
}

/// Two checks of volumes; `only_system` explains `full`.
fn volumes(edge: &str) -> Vec<(String, String, Option<String>)> {
    let volume = |id: &str, only: &str| {
        let rest = format!(
            "each = \"mountpoint\"\n{only}when = \"free < 2 GiB\"\nhold = \"0s\"\n[check.inputs]\n\
             free = 'system.filesystem.usage{{state=free}}'\n"
        );
        check(id, &rest)
    };
    let checks = volume("system-full", "only = { role = \"system\" }\n") + &volume("full", "");
    let edges = format!("[[edge]]\nroot = \"system-full\"\nconsequence = [\"full\"]\n{edge}");
    let mut story = Story::of(&[&checks, &edges]);
    story.minutes(3, &[(FREE, GIB), (HOME, GIB)]);
    let diagnosis = story.detector.diagnose(None, story.now);
    let told = diagnosis.findings.into_iter().map(|finding| (finding.id, finding.instance, finding.consequence_of));
    told.collect()
}

#[test]
fn a_full_volume_explains_only_itself() {
    let full = |instance: &str, root: Option<&str>| ("full".to_owned(), instance.to_owned(), root.map(str::to_owned));
    let system = ("system-full".to_owned(), "/".to_owned(), None);
    let told = volumes("");
    assert_eq!(told, [full("/home", None), system.clone(), full("/", Some("system-full"))]);
    let told = volumes("any_instance = true\n");
    assert_eq!(told, [system, full("/", Some("system-full")), full("/home", Some("system-full"))]);
}

#[test]
fn an_edge_with_a_condition_explains_only_when_it_holds() {
    let edges = "[[edge]]\nroot = \"unplugged\"\nconsequence = [\"unreachable\"]\nwhen = \"not present\"\n\
                 [edge.inputs]\npresent = 'endpoint.gateway.present'\n";
    let checks = switched(["low"; 4]);
    let consequences = |present: f64| {
        let diagnosis = told(&[&checks, edges], [present, 0.0, 0.0, 1.0], None);
        diagnosis.findings.iter().filter(|finding| finding.role == Role::Consequence).count()
    };
    assert_eq!(consequences(1.0), 0);
    assert_eq!(consequences(0.0), 1);
}

/// What explains the hangs of a program: so many before the server was gone, so many while it was.
fn explained(before: usize, after: usize) -> Option<String> {
    let hanging = "each = \"process.executable.name\"\nwhen = \"n(hangs, 1d) >= 5\"\nhold = \"0s\"\n[check.inputs]\n\
                   hangs = 'endpoint.app.hang'\n";
    let checks = switched(["low"; 4]) + &check("hanging", hanging);
    let edges = "[[edge]]\nroot = \"unreachable\"\nconsequence = [\"hanging\"]\noverlap_percent = 60\n\
                 [edge.inputs]\nhangs = 'endpoint.app.hang'\n";
    let mut story = Story::of(&[&checks, edges]);
    for (count, reachable) in [(before, 1.0), (after, 0.0)] {
        story.minutes(10, &[(SWITCHES[2], 1.0), (SWITCHES[1], reachable), (SWITCHES[0], 1.0)]);
        for _ in 0..count {
            story.now = Timestamp(story.now.0 + 1000);
            let series = "endpoint.app.hang{process.executable.name=office}".parse().expect("a series");
            story.detector.event(&Event {
                series,
                at: story.now,
                fields: std::collections::BTreeMap::default(),
                count: 1,
            });
        }
        story.minutes(5, &[(SWITCHES[2], 1.0), (SWITCHES[1], reachable), (SWITCHES[0], 1.0)]);
    }
    story.finding("hanging").consequence_of
}

#[test]
fn what_hung_mostly_before_its_root_is_not_its_doing() {
    assert_eq!(explained(2, 3).as_deref(), Some("unreachable"));
    assert_eq!(explained(3, 2), None);
}

#[test]
fn guards_excuse_weaken_or_make_it_mere_context() {
    let guarded = |effect: &str| {
        let guard = format!("\n[[check.guard]]\nname = \"planned\"\nwhen = \"not link\"\neffect = \"{effect}\"\n");
        let inputs = "link = 'endpoint.network.physical_up'\nflag = 'endpoint.gateway.reachable'\n";
        check("unreachable", &format!("when = \"not flag\"\nhold = \"0s\"\n[check.inputs]\n{inputs}{guard}"))
    };
    let blocked = told(&[&guarded("blocked")], [1.0, 0.0, 0.0, 1.0], None);
    assert!(blocked.findings.is_empty());
    assert_eq!(blocked.ruled_out[0].why, "not the case. Excused: planned.");
    let partly = told(&[&guarded("partly")], [1.0, 0.0, 0.0, 1.0], None);
    assert_eq!((partly.findings[0].confidence, partly.findings[0].guards[0].result.as_str()), (0.6, "partly"));
    let info = told(&[&guarded("info")], [1.0, 0.0, 0.0, 1.0], None);
    assert_eq!(info.findings[0].severity, Severity::Info);
    let passed = told(&[&guarded("blocked")], [1.0, 0.0, 1.0, 1.0], None);
    assert_eq!((passed.findings[0].confidence, passed.findings[0].guards[0].result.as_str()), (0.8, "passed"));
}

#[test]
fn corroboration_makes_surer_but_never_certain() {
    let support = |name: &str| format!("\n[[check.support]]\nname = \"{name}\"\nwhen = \"not link\"\n");
    let inputs = "link = 'endpoint.network.physical_up'\nflag = 'endpoint.gateway.reachable'\n";
    let text = check(
        "unreachable",
        &format!("when = \"not flag\"\nhold = \"0s\"\n[check.inputs]\n{inputs}{}{}", support("a"), support("b")),
    );
    let sure = told(&[&text], [1.0, 0.0, 0.0, 1.0], None);
    assert_eq!(sure.findings[0].confidence, 0.95);
    let alone = told(&[&text], [1.0, 0.0, 1.0, 1.0], None);
    assert_eq!(alone.findings[0].confidence, 0.8);
}

#[test]
fn a_variant_changes_weight_and_words() {
    let text = disk("0s")
        + "[[check.variant]]\nname = \"none left\"\nwhen = \"free < 100 MiB\"\nseverity = \"high\"\nuser = \"Nothing left: {free}.\"\n";
    let mut story = Story::of(&[&text]);
    story.minutes(6, &[(FREE, 1.0 * GIB)]);
    assert_eq!(story.finding("disk-full").severity, Severity::Medium);
    story.minutes(1, &[(FREE, 1024.0 * 1024.0)]);
    let finding = story.finding("disk-full");
    assert_eq!((finding.severity, finding.texts.user.as_str()), (Severity::High, "Nothing left: 1 MiB."));
}

#[test]
fn every_finding_shows_its_evidence_with_source_and_age() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(6, &[(FREE, 1.0 * GIB)]);
    story.now = Timestamp(story.now.0 + 20_000);
    let evidence = &story.finding("disk-full").evidence[0];
    assert_eq!(evidence.age_seconds, Some(20.0));
    assert!(!evidence.source.is_empty());
    assert_eq!((evidence.value, evidence.held), (Some(GIB), Some(true)));
}
