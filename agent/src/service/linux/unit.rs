//! What `systemctl show` prints, and the unit as it is for a program in another place.

use crate::service::{InstalledBy, ServiceState};

/// Where the unit says that the program is.
pub(super) const PACKAGED_PROGRAM: &str = "/usr/bin/firstline-agent";

/// The unit that is shipped, as the package brings it.
pub(super) const UNIT: &str = include_str!("../../../packaging/systemd/firstline-agent.service");

/// The unit for a program at `program`.
pub(super) fn for_program(program: &str) -> String {
    UNIT.replace(PACKAGED_PROGRAM, program)
}

/// The properties that [`state`] goes by.
pub(super) const PROPERTIES: &str = "LoadState,ActiveState,SubState,UnitFileState,NRestarts,Result,FragmentPath";

/// What the lines `Name=value` say of a service whose own unit, when it is not a package's, lies at `own_unit`.
pub(super) fn state(shown: &str, own_unit: &str) -> ServiceState {
    let value = |name: &str| {
        let mut lines = shown.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let installed_by = match (value("LoadState").as_str(), value("FragmentPath")) {
        ("" | "not-found", _) => InstalledBy::Nobody,
        (_, path) if path == own_unit => InstalledBy::Command,
        _ => InstalledBy::Package,
    };
    ServiceState {
        installed_by,
        enabled: value("UnitFileState").starts_with("enabled"),
        state: value("ActiveState"),
        detail: value("SubState"),
        restarts: value("NRestarts").parse().unwrap_or(0),
        result: value("Result"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "/etc/systemd/system/firstline-agent.service";

    #[test]
    fn reads_what_systemd_says() {
        let shown = "Result=success\nNRestarts=2\nLoadState=loaded\nActiveState=active\nSubState=running\n\
                     FragmentPath=/lib/systemd/system/firstline-agent.service\nUnitFileState=enabled\n";
        let state = state(shown, OWN);
        assert_eq!((state.installed_by, state.enabled, state.restarts), (InstalledBy::Package, true, 2));
        assert_eq!((state.state.as_str(), state.detail.as_str()), ("active", "running"));
    }

    #[test]
    fn a_unit_of_its_own_is_told_from_a_package() {
        let shown = format!("LoadState=loaded\nFragmentPath={OWN}\nUnitFileState=disabled\n");
        let state = state(&shown, OWN);
        assert_eq!((state.installed_by, state.enabled), (InstalledBy::Command, false));
    }

    #[test]
    fn no_service_is_no_service() {
        for shown in ["", "LoadState=not-found\nActiveState=inactive\n", "nonsense\n=\n\u{0}"] {
            assert_eq!(state(shown, OWN).installed_by, InstalledBy::Nobody, "{shown:?}");
        }
    }

    #[test]
    fn the_unit_names_the_program_wherever_it_is() {
        let unit = for_program("/opt/firstline/firstline-agent");
        assert!(unit.contains("ExecStart=/opt/firstline/firstline-agent run"), "{unit}");
        assert!(!unit.contains(PACKAGED_PROGRAM));
    }
}
