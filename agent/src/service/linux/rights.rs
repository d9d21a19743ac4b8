//! The rights of the service as systemd is told of them: all of them in the unit that is shipped, and where the policy
//! denies what some are for, the rest in a file beside it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::probe::Right;

/// The file that takes rights away.
pub(super) const FILE: &str = "/etc/systemd/system/firstline-agent.service.d/rights.conf";

fn capability(right: Right) -> &'static str {
    match right {
        Right::Files => "CAP_DAC_READ_SEARCH",
        Right::Processes => "CAP_SYS_PTRACE",
        Right::Echoes => "CAP_NET_RAW",
        Right::KernelLog => "CAP_SYSLOG",
        Right::Disks => "CAP_SYS_RAWIO",
        Right::Administration => "CAP_SYS_ADMIN",
    }
}

/// The content of [`FILE`] for a service that needs these rights; nothing when it needs all that the unit gives.
pub(super) fn narrowed(rights: &BTreeSet<Right>, config: &Path) -> Option<String> {
    if rights.len() == Right::ALL.len() {
        return None;
    }
    let list = rights.iter().map(|right| capability(*right)).collect::<Vec<_>>().join(" ");
    // An empty line forgets what was said before; another one would only add to it.
    Some(format!(
        "# Written by `firstline-agent install`: the rights of the probes whose signals [policy] of {} does not deny.\n\
         # After a change there run it again.\n\
         [Service]\n\
         AmbientCapabilities=\n\
         AmbientCapabilities={list}\n\
         CapabilityBoundingSet=\n\
         CapabilityBoundingSet={list}\n",
        config.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::super::unit::UNIT;
    use super::*;

    const CONFIG: &str = "/etc/firstline/agent.toml";

    #[test]
    fn the_unit_that_is_shipped_gives_every_right_and_no_other() {
        let all = Right::ALL.map(capability).join(" ");
        for list in ["AmbientCapabilities", "CapabilityBoundingSet"] {
            assert!(UNIT.lines().any(|line| line == format!("{list}={all}")), "{list} is not {all}");
        }
        assert_eq!(narrowed(&Right::ALL.into(), Path::new(CONFIG)), None);
    }

    #[test]
    fn a_right_that_nothing_needs_is_in_neither_list() {
        let rights = BTreeSet::from([Right::Files, Right::Processes]);
        let file = narrowed(&rights, Path::new(CONFIG)).expect("less than all");
        let lists: Vec<&str> = file.lines().filter(|line| line.contains("CAP_")).collect();
        let left = "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE";
        assert_eq!(lists, [format!("AmbientCapabilities={left}"), format!("CapabilityBoundingSet={left}")]);
        assert!(file.contains(CONFIG), "{file}");
    }
}
