mod cost;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use firstline_diagnosis::condition::Unit;
use firstline_diagnosis::human;
use serde::Serialize;

use super::{print_json, sentence};
use crate::app::{Status, read_status};
use crate::config::{Config, STATE_DIR};
use crate::identity::Identity;
use crate::service::{self, InstalledBy, ServiceState};
use crate::state::StateDir;
use crate::uplink::{Acknowledged, LinkState, LinkStatus};

#[derive(Serialize)]
struct Document {
    enrolled: bool,
    running: bool,
    endpoint_id: Option<String>,
    collector: Option<String>,
    /// What the service manager says; absent where nobody manages this machine's own agent.
    service: Option<ServiceState>,
    agent: Option<Status>,
    #[serde(skip)]
    state_dir: PathBuf,
}

impl Document {
    /// How the agent of this state directory is started by hand.
    fn run_it(&self) -> String {
        match self.state_dir.display() {
            _ if self.state_dir == Path::new(STATE_DIR) => "firstline-agent run".to_owned(),
            other => format!("firstline-agent run --state-dir {other}"),
        }
    }
}

/// Says how the agent is doing, whether it runs or not.
pub(super) fn status(config: &Config, state: &StateDir, json: bool, cost: bool) -> Result<()> {
    state.check_readable()?;
    let identity = Identity::load(&state.path("identity"));
    let nowhere = || format!("there is no state directory {}, so ", state.root().display());
    let before = if state.is_there() { String::new() } else { nowhere() };
    let problem = identity.as_ref().err().map(|problem| format!("{before}{problem}"));
    let identity = identity.ok();
    let configured = config.collector.as_ref().map(ToString::to_string);
    let collector = configured.or_else(|| identity.as_ref().map(|one| one.collector.to_string()));
    let document = Document {
        enrolled: identity.is_some(),
        running: state.is_locked(),
        endpoint_id: identity.as_ref().map(|one| one.endpoint_id.clone()),
        collector,
        service: (state.root() == Path::new(STATE_DIR)).then(service::state).flatten(),
        agent: read_status(state),
        state_dir: state.root().to_owned(),
    };
    if json {
        return print_json(&document);
    }
    let mut out = std::io::stdout().lock();
    if cost {
        return cost::table(&mut out, document.agent.as_ref());
    }
    tell(&mut out, &document, problem.as_deref())
}

fn tell(out: &mut impl Write, document: &Document, problem: Option<&str>) -> Result<()> {
    match (problem, &document.endpoint_id, &document.collector) {
        (None, Some(endpoint), Some(collector)) => writeln!(out, "Enrolled at {collector} as endpoint {endpoint}.")?,
        (problem, ..) => writeln!(out, "{}.", sentence(problem.unwrap_or("this machine is not enrolled")))?,
    }
    if let Some(service) = &document.service {
        supervised(out, service)?;
    }
    match (document.running, &document.agent) {
        (true, None) => writeln!(out, "The agent has just started.")?,
        (true, Some(agent)) => {
            writeln!(out, "The agent has run since {}; this is as of {}.", agent.started_at, agent.at)?;
            stream(out, agent)?;
        }
        (false, agent) => {
            let end = agent.as_ref().map(ended).unwrap_or_default();
            let managed = document.service.as_ref().is_some_and(|one| one.installed_by != InstalledBy::Nobody);
            let start = if managed { "systemctl start firstline-agent".to_owned() } else { document.run_it() };
            writeln!(out, "The agent does not run{end}; start it with `{start}`.")?;
        }
    }
    document.agent.as_ref().map_or(Ok(()), |agent| account(out, document, agent))
}

/// How the run ended whose account this is. The account of one that was killed is a little older than its end.
fn ended(agent: &Status) -> String {
    if agent.running {
        return format!(" (nobody stopped it: it was killed, or crashed, after {})", agent.at);
    }
    format!(" (it was stopped at {})", agent.at)
}

fn supervised(out: &mut impl Write, service: &ServiceState) -> Result<()> {
    let ServiceState { state, detail, restarts, result, .. } = service;
    let by = match service.installed_by {
        InstalledBy::Nobody => {
            writeln!(out, "Service: none; `firstline-agent install` makes one.")?;
            return Ok(());
        }
        InstalledBy::Command => "by `firstline-agent install`",
        InstalledBy::Package => "by a package",
    };
    let with_machine = if service.enabled { "starts with the machine" } else { "does not start with the machine" };
    writeln!(out, "Service: {state} ({detail}), {with_machine}, installed {by}.")?;
    if *restarts > 0 || result != "success" {
        writeln!(out, "Service: started again {restarts} times after an end that nobody ordered; last: {result}.")?;
    }
    Ok(())
}

fn stream(out: &mut impl Write, agent: &Status) -> Result<()> {
    let LinkStatus { state, detail, since, next_try, advice, .. } = &agent.link;
    match state {
        LinkState::Connected => writeln!(out, "Stream: {detail} since {since}.")?,
        LinkState::Connecting => writeln!(out, "Stream: {detail}.")?,
        LinkState::Waiting => writeln!(out, "Stream: down since {since}: {detail}.")?,
        LinkState::Refused => writeln!(out, "Stream: refused since {since}: {detail}.")?,
    }
    if let Some(next_try) = next_try {
        writeln!(out, "It is tried again by {next_try}.")?;
    }
    if !advice.is_empty() {
        writeln!(out, "What to do: {advice}.")?;
    }
    Ok(())
}

/// What helps where the agent cannot write.
fn mend_disk(state_dir: &Path) -> String {
    let place = state_dir.display();
    format!("make room on the disk of {place}, or mend it; the agent notices by itself and need not be started again")
}

fn account(out: &mut impl Write, document: &Document, agent: &Status) -> Result<()> {
    match agent.acknowledged {
        Some(Acknowledged { at, sequence: 0 }) => writeln!(out, "The collector has no record yet, as of {at}.")?,
        Some(Acknowledged { at, sequence }) => {
            let skipped = "numbers are reserved in blocks, so some stand for no record";
            writeln!(out, "The collector has all up to number {sequence} ({skipped}), acknowledged at {at}.")?;
        }
        None => writeln!(out, "The collector has acknowledged nothing since the agent started.")?,
    }
    let spool = &agent.spool;
    let dropped = if spool.dropped_records == 0 { "none".to_owned() } else { spool.dropped_records.to_string() };
    writeln!(out, "Spool: {} records wait; {} on disk; dropped: {dropped}.", spool.records, bytes(spool.bytes))?;
    if let Some(trouble) = &spool.trouble {
        writeln!(out, "Spool: records are kept in memory only: {trouble}.")?;
        writeln!(out, "What to do: {}.", mend_disk(&document.state_dir))?;
    }
    match agent.recorder_bytes {
        0 => writeln!(out, "Recorder: nothing on disk yet; the last minutes are in memory.")?,
        some => writeln!(out, "Recorder: {} on disk.", bytes(some))?,
    }
    if let Some(trouble) = &agent.recorder_trouble {
        writeln!(out, "Recorder: what is measured is not kept on this machine: {trouble}.")?;
        if agent.spool.trouble.is_none() {
            writeln!(out, "What to do: {}.", mend_disk(&document.state_dir))?;
        }
    }
    if let (Some(ratio), Some(memory)) = (agent.cpu_ratio, agent.memory_bytes) {
        writeln!(out, "Own cost: {:.3} % of one core, {} of memory.", ratio * 100.0, bytes(memory))?;
    }
    if let Some(until) = agent.certificate_until {
        writeln!(out, "Certificate: valid until {until}.")?;
    }
    probes(out, agent)
}

fn probes(out: &mut impl Write, agent: &Status) -> Result<()> {
    let all = agent.probes.len();
    let failing = agent.probes.iter().filter(|probe| probe.failing.is_some()).count();
    let to_come = match agent.probes.iter().filter(|probe| probe.runs == 0).count() {
        0 => String::new(),
        one => format!("; {one} had no turn yet"),
    };
    match failing {
        0 if to_come.is_empty() => writeln!(out, "Probes: all {all} give readings.")?,
        0 => writeln!(out, "Probes: none of {all} fails{to_come}.")?,
        failing => writeln!(out, "Probes: {failing} of {all} give nothing{to_come}:")?,
    }
    for probe in &agent.probes {
        if let Some(why) = &probe.failing {
            writeln!(out, "  {}: {why}", probe.name)?;
        }
    }
    for (signal, count, why) in &agent.stopped {
        writeln!(out, "Not let out: {count} readings of {signal}: {why}.")?;
    }
    Ok(())
}

fn bytes(count: u64) -> String {
    human(count as f64, &Unit::parse("By").expect("bytes are a unit"))
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Timestamp;

    use super::*;
    use crate::app::{ProbeStatus, SpoolStatus};

    pub(super) fn probe(name: &str, failing: Option<&str>) -> ProbeStatus {
        ProbeStatus {
            name: name.to_owned(),
            tier: "15 s".to_owned(),
            runs: 3,
            wall_ms_p50: 1.0,
            wall_ms_p99: 2.0,
            cpu_ms_total: 1.0,
            cpu_ms_per_hour: 120.0,
            bytes_per_hour: 960.0,
            failures: 0,
            overlaps: 0,
            put_off: 0,
            flooded: 0,
            failing: failing.map(str::to_owned),
        }
    }

    pub(super) fn document(state: LinkState, running: bool) -> Document {
        let link = LinkStatus {
            next_try: Some(Timestamp(90_000)),
            ..LinkStatus::new(state, "the port is closed", Timestamp(0))
        };
        let spool = SpoolStatus {
            records: 3,
            bytes: 2048,
            dropped_records: 7,
            trouble: Some("no space left on device".to_owned()),
        };
        let agent = Status {
            at: Timestamp(60_000),
            version: "1".to_owned(),
            running,
            started_at: Timestamp(0),
            endpoint_id: "e1".to_owned(),
            collector: "c:1".to_owned(),
            link,
            acknowledged: Some(Acknowledged { at: Timestamp(0), sequence: 41 }),
            cpu_ratio: Some(0.0003),
            memory_bytes: Some(9 << 20),
            certificate_until: None,
            spool,
            sent: crate::uplink::Sent::default(),
            recorder_bytes: 1024,
            recorder_trouble: None,
            probes: vec![probe("gateway", None), probe("path", Some("the source did not answer in time"))],
            stopped: Vec::new(),
        };
        Document {
            enrolled: true,
            running,
            endpoint_id: Some("e1".to_owned()),
            collector: Some("c:1".to_owned()),
            service: None,
            agent: Some(agent),
            state_dir: "/srv/agent".into(),
        }
    }

    fn told(document: &Document, problem: Option<&str>) -> String {
        let mut out = Vec::new();
        tell(&mut out, document, problem).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn tells_what_somebody_who_looks_for_trouble_asks() {
        let text = told(&document(LinkState::Waiting, true), None);
        for line in [
            "Enrolled at c:1 as endpoint e1.",
            "down since 1970-01-01T00:00:00Z: the port is closed.\nIt is tried again by 1970-01-01T00:01:30Z.",
            "has all up to number 41 (numbers are reserved in blocks,",
            "3 records wait; 2 KiB on disk; dropped: 7.",
            "in memory only: no space left on device.\nWhat to do: make room on the disk of /srv/agent,",
            "0.030 % of one core, 9 MiB of memory.",
            "1 of 2 give nothing:\n  path: the source did not answer in time",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn an_agent_that_does_not_run_is_not_said_to_be_connected() {
        let text = told(&document(LinkState::Connected, false), None);
        assert!(text.contains("does not run (it was stopped at 1970-01-01T00:01:00Z)"), "{text}");
        assert!(text.contains("start it with `firstline-agent run --state-dir /srv/agent`"), "{text}");
        assert!(!text.contains("Stream:"), "{text}");
    }

    #[test]
    fn an_agent_that_was_killed_is_not_said_to_have_been_stopped() {
        let mut document = document(LinkState::Connected, false);
        document.agent.as_mut().expect("an account").running = true;
        let text = told(&document, None);
        assert!(text.contains("(nobody stopped it: it was killed, or crashed, after 1970-01-01T00:01:00Z)"), "{text}");
    }

    #[test]
    fn says_what_to_do_when_not_enrolled() {
        let empty = Document {
            enrolled: false,
            running: false,
            endpoint_id: None,
            collector: None,
            service: None,
            agent: None,
            state_dir: STATE_DIR.into(),
        };
        assert!(told(&empty, Some("run enroll")).starts_with("Run enroll.\nThe agent does not run; start"));
    }

    #[test]
    fn tells_how_the_service_is_doing() {
        let service = ServiceState {
            installed_by: InstalledBy::Package,
            enabled: true,
            state: "active".to_owned(),
            detail: "running".to_owned(),
            restarts: 2,
            result: "success".to_owned(),
        };
        let text = told(&Document { service: Some(service), ..document(LinkState::Connected, true) }, None);
        assert!(
            text.contains("Service: active (running), starts with the machine, installed by a package.\n"),
            "{text}"
        );
        assert!(text.contains("started again 2 times"), "{text}");
    }
}
