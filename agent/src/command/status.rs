use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::print_json;
use crate::app::{Status, read_status};
use crate::config::Config;
use crate::identity::Identity;
use crate::state::StateDir;

#[derive(Serialize)]
struct Document {
    enrolled: bool,
    running: bool,
    endpoint_id: Option<String>,
    collector: Option<String>,
    agent: Option<Status>,
}

/// Says how the agent is doing, whether it runs or not.
pub(super) fn status(config: &Config, state: &StateDir, json: bool) -> Result<()> {
    let identity = Identity::load(&state.dir("identity")?);
    let problem = identity.as_ref().err().map(ToString::to_string);
    let identity = identity.ok();
    let collector = config.collector.as_ref().or(identity.as_ref().map(|one| &one.collector));
    let document = Document {
        enrolled: identity.is_some(),
        running: state.is_locked(),
        endpoint_id: identity.as_ref().map(|one| one.endpoint_id.clone()),
        collector: collector.map(ToString::to_string),
        agent: read_status(&state.path("status.json")),
    };
    if json {
        return print_json(&document);
    }
    let mut out = std::io::stdout().lock();
    match (problem, &document.endpoint_id, &document.collector) {
        (None, Some(endpoint), Some(collector)) => writeln!(out, "Enrolled at {collector} as endpoint {endpoint}.")?,
        (problem, ..) => writeln!(out, "{}.", problem.unwrap_or_default())?,
    }
    if !document.running {
        writeln!(out, "The agent does not run; start it with `firstline-agent run`.")?;
    }
    if let Some(agent) = &document.agent {
        account(&mut out, agent)?;
    }
    Ok(())
}

fn account(out: &mut impl Write, agent: &Status) -> Result<()> {
    writeln!(out, "As of {}: {} (since {}).", agent.at, agent.link.detail, agent.link.since)?;
    let spool = &agent.spool;
    writeln!(
        out,
        "{} records wait for the collector ({} bytes); {} were dropped.",
        spool.records, spool.bytes, spool.dropped_records
    )?;
    if let Some(trouble) = &spool.trouble {
        writeln!(out, "The spool keeps records in memory only: {trouble}.")?;
    }
    writeln!(out, "The recorder holds {} bytes.", agent.recorder_bytes)?;
    if let Some(until) = agent.certificate_until {
        writeln!(out, "The certificate is valid until {until}.")?;
    }
    for probe in &agent.probes {
        if let Some(why) = &probe.failing {
            writeln!(out, "The probe {} gives nothing: {why}.", probe.name)?;
        }
    }
    for (signal, count, why) in &agent.stopped {
        writeln!(out, "{count} readings of {signal} were not let out: {why}.")?;
    }
    Ok(())
}
