use firstline_diagnosis::document::{
    AgentHealth, Change, Comparison, Escalation, Evidence, FindingState, Guard, Os, Reason, RuledOut, RuledOutResult,
    SnapshotEndpoint, SnapshotSeries, Texts,
};
use firstline_diagnosis::vocabulary::{
    Attributes, Event, Impact, Priority, Series, Severity, Timestamp, Urgency, Value,
};

use super::*;

const NOW: Timestamp = Timestamp(1_769_000_000_000);

fn snapshot() -> Snapshot {
    Snapshot {
        id: "s1".to_owned(),
        endpoint: SnapshotEndpoint {
            id: "e1".to_owned(),
            name: "lap-ana".to_owned(),
            os: Os {
                os_type: "linux".to_owned(),
                name: "Debian".to_owned(),
                version: "12".to_owned(),
                build_id: String::new(),
            },
            users: vec!["ana".to_owned()],
            uptime_seconds: 183_600,
            boot_id: String::new(),
        },
        taken_at: NOW,
        reason: Reason::Ticket,
        ticket: None,
        schema: 1,
        catalogue: "1".to_owned(),
        readings: Vec::new(),
        series: vec![SnapshotSeries {
            signal: "system.filesystem.usage".to_owned(),
            attrs: Attributes::from([("mountpoint", "/"), ("state", "free")]),
            start: NOW,
            step_seconds: 60,
            values: vec![Some(2.0), None, Some(1.0), Some(1.5)],
        }],
        events: vec![Event {
            series: Series::new("endpoint.app.crash", Attributes::from([("process.executable.name", "<b>calc")])),
            at: NOW,
            fields: std::collections::BTreeMap::from([("signal".to_owned(), Value::Text("SIGSEGV".to_owned()))]),
            count: 3,
        }],
        marks: Vec::new(),
        changes: vec![Change {
            reference: "os.version".to_owned(),
            kind: "os.version".to_owned(),
            at: NOW,
            from: Some("12".to_owned()),
            to: Some("13".to_owned()),
            score: None,
        }],
        agent: AgentHealth { version: "0.1.0".to_owned(), ..AgentHealth::default() },
        signature: None,
    }
}

fn finding(role: Role) -> Finding {
    Finding {
        id: "disk-space-critical".to_owned(),
        title: "The system disk is full".to_owned(),
        instance: "/".to_owned(),
        role,
        consequence_of: None,
        state: FindingState::Active,
        severity: Severity::High,
        confidence: 0.95,
        onset: NOW,
        is_older: false,
        until: None,
        texts: Texts { user: "Your disk is full.".to_owned(), tech: "1 GiB left on /.".to_owned() },
        evidence: vec![Evidence {
            signal: "system.filesystem.usage".to_owned(),
            label: "Space of a volume (free)".to_owned(),
            attrs: Attributes::from([("mountpoint", "/")]),
            window: "5m".to_owned(),
            value: Some(1_073_741_824.0),
            threshold: 2_147_483_648.0,
            comparison: Comparison::Less,
            held: Some(true),
            unit: "By".to_owned(),
            at: Some(NOW),
            age_seconds: Some(3.0),
            source: "statvfs".to_owned(),
            why: String::new(),
        }],
        guards: vec![Guard { name: "virtual volume".to_owned(), result: "passed".to_owned() }],
        runbook: vec!["Run `df -h`.".to_owned(), "Empty the bin.".to_owned()],
        escalation: Escalation {
            queue: "L2-Desktop".to_owned(),
            when: "an application keeps filling it".to_owned(),
            bring: "the application's name".to_owned(),
        },
        category: "Storage/Capacity".to_owned(),
        impact: Impact::I3,
        urgency: Urgency::U1,
        priority: Priority::P3,
        forecast: None,
    }
}

fn diagnosis(findings: Vec<Finding>) -> Diagnosis {
    let ruled_out = |id: &str, result, why: &str| RuledOut {
        id: id.to_owned(),
        title: String::new(),
        result,
        why: why.to_owned(),
        nearest: None,
        margin: None,
    };
    Diagnosis {
        symptom: Some("disk-full".to_owned()),
        primary: findings.first().map(|finding| finding.id.clone()),
        findings,
        ruled_out: vec![
            ruled_out("no-such-check", RuledOutResult::NotFound, "4 GiB of memory are free"),
            ruled_out("other-check", RuledOutResult::Unknown, "the agent is not allowed to read it"),
        ],
        compared: None,
        around: None,
        changes: None,
        not_checked: Vec::new(),
        notes: vec!["Half of the last hour is missing.".to_owned()],
        catalogue: "0.1.0+abc".to_owned(),
        at: NOW,
    }
}

fn with<T>(diagnosis: &Diagnosis, work: impl FnOnce(&Facts<'_>) -> T) -> T {
    let (catalogue, snapshot) = (Catalogue::builtin(), snapshot());
    work(&Facts { catalogue: &catalogue, snapshot: &snapshot, diagnosis, ticket: None, requested_by: "tess" })
}

#[test]
fn the_note_answers_first_and_defends_itself_after() {
    let text = with(&diagnosis(vec![finding(Role::Primary)]), |facts| note(facts).to_plain());
    let places = [
        "Your disk is full.\nThe system disk is full · High: the user is blocked, or data is at risk · 95 % sure",
        "lap-ana, Debian 12, up 2 d 3 h, signed in: ana",
        "WHY WE THINK SO\n\n1 GiB left on /.",
        "Space of a volume (free) over the last 5 min | 1 GiB | below 2 GiB",
        "WHAT TO DO\n\n1. Run df -h.\n2. Empty the bin.",
        "To L2-Desktop: an application keeps filling it. Bring: the application's name",
        "RULED OUT\n\n- no-such-check: 4 GiB of memory are free",
        "COULD NOT BE CHECKED\n\n- other-check: the agent is not allowed to read it",
        "Operating system: 12 became 13",
        "Half of the last hour is missing.",
        "asked for by tess. Snapshot s1, agent 0.1.0, catalogue 0.1.0+abc.",
    ];
    let found: Vec<_> =
        places.iter().map(|place| text.find(place).unwrap_or_else(|| panic!("{place:?} in {text}"))).collect();
    assert!(found.is_sorted(), "{text}");
}

#[test]
fn nothing_found_is_said_in_a_sentence_of_its_own() {
    let text = with(&diagnosis(Vec::new()), |facts| note(facts).to_plain());
    assert!(text.starts_with("Nothing wrong was found on this computer with what could be checked."), "{text}");
    assert!(!text.contains("WHAT TO DO"), "{text}");
    let text = with(&diagnosis(vec![finding(Role::Also)]), |facts| note(facts).to_plain());
    assert!(text.starts_with("Nothing was found that explains the complaint"), "{text}");
    assert!(text.contains("ALSO FOUND"), "{text}");
}

#[test]
fn the_report_is_one_file_that_asks_nobody_for_anything() {
    let page = with(&diagnosis(vec![finding(Role::Primary), finding(Role::Contributing)]), report);
    for forbidden in ["<script", "http:", "https:", "<link", "<img", "url(", "@import", " src=", " href=", " on"] {
        let allowed = forbidden == " on" && !page.contains(" onload") && !page.contains(" onerror");
        assert!(allowed || !page.contains(forbidden), "{forbidden} in {page}");
    }
    for part in
        ["default-src 'none'", "prefers-color-scheme:dark", "@media print", "<svg", "<ol><li>Run <code>df -h</code>."]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
}

#[test]
fn the_report_says_what_happened() {
    let page = with(&diagnosis(Vec::new()), report);
    let line = "2026-01-21 12:53 UTC: A program crashed: &lt;b&gt;calc (signal SIGSEGV), 3 times";
    assert!(page.contains("What happened lately") && page.contains(line), "{page}");
}

#[test]
fn a_picture_leaves_a_gap_where_there_is_no_number() {
    let pictures = sparkline::of_finding(&snapshot(), &finding(Role::Primary));
    assert_eq!(pictures.matches('M').count(), 2, "{pictures}");
    let mut other = finding(Role::Primary);
    other.evidence[0].attrs = Attributes::from([("mountpoint", "/home")]);
    assert!(sparkline::of_finding(&snapshot(), &other).is_empty());
}
