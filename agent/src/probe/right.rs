//! Rights beyond an ordinary user's: each probe that needs one says so, and the service is given no others.

use std::collections::BTreeSet;

use firstline_diagnosis::order;

use super::all;

/// A right to read what an ordinary user may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Files that others may not read: serial numbers, journals, crash records.
    Files,
    /// What other people's processes are and hold, and the machine's own list of mounts.
    Processes,
    /// Echoes to other machines.
    Echoes,
    /// The log of a kernel whose messages are kept from users.
    KernelLog,
    /// Questions to SATA disks.
    Disks,
    /// Questions to NVMe disks, for which the kernel knows no smaller right.
    Administration,
}

impl Right {
    /// All of them, in the order of the unit.
    pub const ALL: [Self; 6] =
        [Self::Files, Self::Processes, Self::Echoes, Self::KernelLog, Self::Disks, Self::Administration];
}

/// What the agent needs whatever its probes do: the machine's serial numbers tell a copy from the original.
const ALWAYS: [Right; 1] = [Right::Files];

/// The rights of the probes that have any signal that is not denied.
pub fn rights(denied: &BTreeSet<String>) -> BTreeSet<Right> {
    let allowed = all().into_iter().filter(|probe| !probe.spec().signals.iter().all(|signal| denied.contains(*signal)));
    order::set(allowed.flat_map(|probe| probe.rights()).copied().chain(ALWAYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(denied: &[&str]) -> BTreeSet<Right> {
        rights(&order::set(denied.iter().map(|signal| (*signal).to_owned())))
    }

    fn signals_of(probe: &str) -> &'static [&'static str] {
        all().into_iter().find(|one| one.spec().name == probe).expect("a probe").spec().signals
    }

    #[test]
    fn every_right_is_some_probes_and_goes_with_the_last_of_them() {
        assert_eq!(without(&[]), order::set(Right::ALL));
        let disks = [signals_of("disk-health"), signals_of("nvme-warning")].concat();
        let left = without(&disks);
        assert!(!left.contains(&Right::Disks) && !left.contains(&Right::Administration), "{left:?}");
        assert!(left.contains(&Right::Processes), "what others need stays");
        assert!(without(&disks[1..]).contains(&Right::Administration), "one signal that is wanted takes it");
    }

    #[test]
    fn an_agent_without_any_probe_can_still_tell_which_machine_it_is_on() {
        let everything: Vec<&str> = all().iter().flat_map(|probe| probe.spec().signals).copied().collect();
        assert_eq!(without(&everything), order::set(ALWAYS));
    }
}
