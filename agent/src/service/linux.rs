//! systemd.
//!
//! ```text
//! /usr/local/bin/firstline-agent                 the program, copied from where it was started
//! /etc/systemd/system/firstline-agent.service    the unit
//! /etc/systemd/system/firstline-agent.service.d/rights.conf   fewer rights, where the policy denies what they are for
//! /etc/firstline/agent.toml                      the configuration, every default commented; never overwritten
//! /var/lib/firstline-agent/                      the state, owned by the system user firstline-agent, mode 0700
//! ```
//!
//! Every step looks first whether there is anything to do, so that doing all of it again changes nothing. A service that
//! a package brought is left to the package; only enrolment and start are done for it.

mod layout;
mod notify;
mod program;
mod rights;
mod unit;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

pub use notify::Supervisor;

use super::{Installed, InstalledBy, ServiceState};
use crate::config::Config;
use crate::probe;
use layout::{OWN_PROGRAM, OWN_UNIT, Steps};
use program::{run, systemctl};

/// The name under which systemd knows the agent.
const SERVICE: &str = "firstline-agent.service";

/// The user as whom the agent runs.
const USER: &str = "firstline-agent";

/// Refuses, with the reason, when this process cannot install a service on this machine.
pub fn check() -> Result<()> {
    if !is_booted() {
        bail!(
            "this machine was not started by systemd, so it has no services; `firstline-agent run` is started and stopped \
             by whatever starts programs here"
        );
    }
    if !rustix::process::geteuid().is_root() {
        bail!("only root may install or remove a service; try again with sudo");
    }
    Ok(())
}

/// The sign that `sd_booted(3)` goes by.
fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Puts in place what the service needs, except an identity. Says what was done, a sentence each.
pub fn install(state: &Path, config: &Path) -> Result<Installed> {
    let mut steps = Steps::default();
    if installed_by() == InstalledBy::Package {
        steps.said("A package has installed the service; its files are left as they are.");
    } else {
        steps.program()?;
        steps.user()?;
        steps.unit()?;
    }
    steps.config(config)?;
    let denied = Config::read(config)?.policy(None).denied_signals;
    steps.rights(&probe::rights(&denied), config)?;
    steps.state_dir(state)?;
    Ok(steps.into_installed())
}

/// Makes the service start now and with the machine; starts a running one again when `changed` says that it must be.
/// Without an identity in the state directory systemd leaves it waiting.
pub fn start(state_dir: &Path, changed: bool) -> Result<Vec<String>> {
    let mut steps = Steps::default();
    // What enrolment wrote just now, as root, must be readable for the agent's user.
    steps.state_dir(state_dir)?;
    systemctl(&["daemon-reload"])?;
    let before = state();
    if !before.as_ref().is_some_and(|before| before.enabled) {
        systemctl(&["enable", "--quiet", SERVICE])?;
        steps.said("The service starts with the machine from now on.");
    }
    if !changed && before.is_some_and(|before| before.state == "active") {
        steps.said("The service runs already.");
        return Ok(steps.into_said());
    }
    // Returns when the agent has said that it runs.
    systemctl(&["restart", SERVICE]).context("the service does not run; journalctl -u firstline-agent says why")?;
    if state().is_some_and(|after| after.state == "active") {
        steps.said("The service runs.");
    }
    Ok(steps.into_said())
}

/// Takes the service away; with `purge` also its identity, its state, its configuration and its user.
pub fn uninstall(state: &Path, config: &Path, purge: bool) -> Result<Vec<String>> {
    if installed_by() == InstalledBy::Package {
        bail!("a package has installed this service; remove it with: apt-get {} firstline-agent", verb(purge));
    }
    let mut steps = Steps::default();
    if installed_by() == InstalledBy::Command {
        systemctl(&["disable", "--now", "--quiet", SERVICE])?;
        steps.said("The service was stopped and does not start with the machine any more.");
    }
    steps.remove(Path::new(OWN_UNIT))?;
    steps.remove(Path::new(OWN_PROGRAM))?;
    let rights = Path::new(rights::FILE);
    steps.remove(rights)?;
    if let Some(folder) = rights.parent() {
        // Only when nobody else put anything there.
        let _ = fs::remove_dir(folder);
    }
    systemctl(&["daemon-reload"])?;
    // Fails when there is nothing to forget, which is as good.
    let _ = systemctl(&["reset-failed", "--quiet", SERVICE]);
    if purge {
        purge_all(&mut steps, state, config)?;
    } else if state.exists() {
        steps.said(&format!("Identity and data are kept in {}; --purge removes them too.", state.display()));
    }
    if steps.is_empty() {
        steps.said("There is nothing to remove.");
    }
    Ok(steps.into_said())
}

fn purge_all(steps: &mut Steps, state: &Path, config: &Path) -> Result<()> {
    steps.remove(Path::new(&format!("{OWN_UNIT}.d")))?;
    steps.remove(state)?;
    steps.remove(config)?;
    if let Some(folder) = config.parent() {
        // Only when nothing else lies in it.
        let _ = fs::remove_dir(folder);
    }
    if layout::has_user() {
        run("userdel", &[USER])?;
        steps.said(&format!("The user {USER} was removed."));
    }
    Ok(())
}

fn verb(purge: bool) -> &'static str {
    if purge { "purge" } else { "remove" }
}

fn installed_by() -> InstalledBy {
    state().map_or(InstalledBy::Nobody, |state| state.installed_by)
}

/// What systemd says of the service; nothing where there is no systemd, or it does not answer.
pub fn state() -> Option<ServiceState> {
    if !is_booted() {
        return None;
    }
    let shown = systemctl(&["show", SERVICE, "--property", unit::PROPERTIES]).ok()?;
    Some(unit::state(&shown, OWN_UNIT))
}
