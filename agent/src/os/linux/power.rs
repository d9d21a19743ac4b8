use std::collections::BTreeMap;
use std::path::Path;

use firstline_diagnosis::order;

use super::bus::{self, Object};
use crate::os::proc::power_supply::{self, Kind, Supply};
use crate::os::{list, read, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::power::{Battery, Power};

const SUPPLIES: &str = "sys/class/power_supply";
const PROFILE: &str = "sys/firmware/acpi/platform_profile";
/// The two names under which the daemon of power profiles is known.
const PROFILE_DAEMONS: [Object<'static>; 2] = [
    Object {
        service: "org.freedesktop.UPower.PowerProfiles",
        path: "/org/freedesktop/UPower/PowerProfiles",
        interface: "org.freedesktop.UPower.PowerProfiles",
    },
    Object {
        service: "net.hadess.PowerProfiles",
        path: "/net/hadess/PowerProfiles",
        interface: "net.hadess.PowerProfiles",
    },
];
/// Below this charge a machine on its battery should be left alone.
const LOW_CHARGE_RATIO: f64 = 0.3;

/// What feeds the machine. Batteries of mice and headsets are none of it.
///
/// # Errors
/// This kernel does not say.
pub(crate) fn power(root: &Path) -> Result<Power, ProbeError> {
    let supplies = supplies(root)?;
    let batteries = supplies.iter().filter(|(_, supply)| supply.kind == Kind::Battery && supply.is_present);
    let batteries = batteries.map(|(name, supply)| Battery { name: name.clone(), says: supply.clone() });
    let online = |supply: &&Supply| supply.kind == Kind::Adapter && supply.is_online == Some(true);
    let fed_by = supplies.iter().map(|(_, supply)| supply).filter(online);
    Ok(Power {
        on_battery: on_battery(&supplies),
        rated_w: largest(fed_by.clone().filter_map(|supply| supply.rated_w)),
        negotiated_w: largest(fed_by.filter_map(|supply| supply.negotiated_w)),
        batteries: batteries.collect(),
    })
}

/// Whether the machine runs on a battery that is nearly empty. Cheap: two or three small files.
pub(crate) fn battery_low(root: &Path) -> bool {
    let Ok(supplies) = supplies(root) else { return false };
    if on_battery(&supplies) != Some(true) {
        return false;
    }
    let batteries = supplies.iter().filter(|(_, supply)| supply.kind == Kind::Battery && supply.is_present);
    let charges: Vec<f64> = batteries.filter_map(|(_, supply)| supply.charge_ratio).collect();
    !charges.is_empty() && charges.iter().sum::<f64>() / (charges.len() as f64) < LOW_CHARGE_RATIO
}

/// How the machine trades speed for power, by the daemon that people's settings talk to, or else by the firmware.
///
/// # Errors
/// Neither says.
pub(crate) fn power_mode(root: &Path) -> Result<String, ProbeError> {
    let asked = PROFILE_DAEMONS.iter().find_map(|&daemon| bus::property::<String>(root, daemon, "ActiveProfile").ok());
    let said = asked.or_else(|| read_trimmed(root, PROFILE));
    let word = said.ok_or(ProbeError::Unsupported("the power mode"))?;
    // What the firmware calls by another name.
    Ok(if word == "low-power" { "power-saver".to_owned() } else { word })
}

fn supplies(root: &Path) -> Result<Vec<(String, Supply)>, ProbeError> {
    let names = list(root, SUPPLIES)?;
    let says = |name: &str| Some(power_supply::parse(&read(root, &format!("{SUPPLIES}/{name}/uevent")).ok()?));
    let supplies = names.into_iter().filter_map(|name| says(&name).map(|supply| (name, supply)));
    Ok(supplies.filter(|(_, supply)| !supply.is_of_device).collect())
}

/// Absent when nothing tells. A machine without a battery can only run on mains.
fn on_battery(supplies: &[(String, Supply)]) -> Option<bool> {
    let of = |kind: Kind| supplies.iter().map(|(_, supply)| supply).filter(move |supply| supply.kind == kind);
    let batteries: Vec<&Supply> = of(Kind::Battery).filter(|battery| battery.is_present).collect();
    if batteries.is_empty() || of(Kind::Adapter).any(|adapter| adapter.is_online == Some(true)) {
        return Some(false);
    }
    if batteries.iter().any(|battery| battery.state == Some("discharging")) {
        return Some(true);
    }
    // Charging takes mains, whatever the adapter says; without a state, an adapter that is off is all there is.
    let charging = batteries.iter().any(|battery| battery.state.is_some());
    if charging {
        Some(false)
    } else {
        of(Kind::Adapter).any(|adapter| adapter.is_online == Some(false)).then_some(true)
    }
}

/// Where charging is set to stop, 0 to 1, for each battery that says so.
///
/// # Errors
/// This kernel does not say.
pub(crate) fn charge_limits(root: &Path) -> Result<BTreeMap<String, f64>, ProbeError> {
    let limit = |battery: &str| {
        let file = format!("{SUPPLIES}/{battery}/charge_control_end_threshold");
        let percent: u8 = read_trimmed(root, &file)?.parse().ok()?;
        // 0 is what firmware says that has no limit set.
        (1..=100).contains(&percent).then(|| f64::from(percent) / 100.0)
    };
    let batteries = list(root, SUPPLIES)?.into_iter();
    Ok(order::map(batteries.filter_map(|name| limit(&name).map(|ratio| (name, ratio)))))
}

fn largest(watts: impl Iterator<Item = f64>) -> Option<f64> {
    watts.max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(supplies: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary directory");
        for (name, says) in supplies {
            let dir = root.path().join(SUPPLIES).join(name);
            std::fs::create_dir_all(&dir).expect("made");
            let says: Vec<String> = says.split(' ').map(|word| format!("POWER_SUPPLY_{word}")).collect();
            std::fs::write(dir.join("uevent"), says.join("\n")).expect("written");
        }
        root
    }

    const UNPLUGGED: (&str, &str) = ("AC", "TYPE=Mains ONLINE=0");

    #[test]
    fn a_battery_is_low_only_when_the_machine_runs_on_it() {
        let low = machine(&[UNPLUGGED, ("BAT0", "TYPE=Battery STATUS=Discharging CAPACITY=12")]);
        assert!(battery_low(low.path()));
        let fed = machine(&[("AC", "TYPE=Mains ONLINE=1"), ("BAT0", "TYPE=Battery STATUS=Charging CAPACITY=12")]);
        assert!(!battery_low(fed.path()));
        let fine = machine(&[UNPLUGGED, ("BAT0", "TYPE=Battery STATUS=Discharging CAPACITY=60")]);
        assert!(!battery_low(fine.path()));
        assert!(!battery_low(Path::new("/nonexistent")));
    }

    #[test]
    fn two_batteries_count_together_and_a_mouse_not_at_all() {
        let root = machine(&[
            UNPLUGGED,
            ("BAT0", "TYPE=Battery PRESENT=1 STATUS=Discharging CAPACITY=5"),
            ("BAT1", "TYPE=Battery PRESENT=1 CAPACITY=95"),
            ("BAT2", "TYPE=Battery PRESENT=0 CAPACITY=0"),
            ("hidpp_battery_0", "TYPE=Battery SCOPE=Device STATUS=Discharging CAPACITY=3"),
        ]);
        assert!(!battery_low(root.path()));
        let power = power(root.path()).expect("read");
        let names: Vec<_> = power.batteries.iter().map(|battery| battery.name.as_str()).collect();
        assert_eq!((names, power.on_battery), (vec!["BAT0", "BAT1"], Some(true)));
    }

    #[test]
    fn a_desktop_runs_on_mains_and_a_silent_machine_says_nothing() {
        let desktop = machine(&[("hidpp_battery_0", "TYPE=Battery SCOPE=Device STATUS=Discharging CAPACITY=3")]);
        assert_eq!(power(desktop.path()).expect("read").on_battery, Some(false));
        let silent = machine(&[("BAT0", "TYPE=Battery STATUS=Unknown CAPACITY=50")]);
        assert_eq!(power(silent.path()).expect("read").on_battery, None);
        assert!(matches!(power(Path::new("/nonexistent")), Err(ProbeError::Missing(_))));
    }
}
