//! `/sys/class/power_supply/*/uevent`: everything that a supply says, in one file.

use std::collections::BTreeMap;

use firstline_diagnosis::order;

/// What a supply says. Absent is what it does not say, or says in a way that firmware says "unknown".
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Supply {
    pub(crate) kind: Kind,
    /// Whether it feeds a mouse or a headset rather than this machine.
    pub(crate) is_of_device: bool,
    /// For a battery, whether one is in the bay.
    pub(crate) is_present: bool,
    /// For an adapter, whether it feeds the machine.
    pub(crate) is_online: Option<bool>,
    /// What a battery does now.
    pub(crate) state: Option<&'static str>,
    /// 0 to 1.
    pub(crate) charge_ratio: Option<f64>,
    pub(crate) full_wh: Option<f64>,
    pub(crate) design_wh: Option<f64>,
    pub(crate) cycles: Option<u64>,
    pub(crate) condition: Option<String>,
    /// Above zero while it charges, below while it gives.
    pub(crate) rate_w: Option<f64>,
    /// What an adapter could give.
    pub(crate) rated_w: Option<f64>,
    /// What was agreed on with it.
    pub(crate) negotiated_w: Option<f64>,
}

/// What a supply is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    Battery,
    /// Mains, or USB with power delivery.
    Adapter,
    #[default]
    Other,
}

/// Reads what a supply says.
pub(crate) fn parse(uevent: &str) -> Supply {
    let lines = uevent.lines().filter_map(|line| line.strip_prefix("POWER_SUPPLY_")?.split_once('='));
    let said = Said(order::map(lines));
    let status = said.text("STATUS");
    Supply {
        kind: match said.text("TYPE") {
            Some("Battery") => Kind::Battery,
            Some(kind) if kind == "Mains" || kind.starts_with("USB") => Kind::Adapter,
            _ => Kind::Other,
        },
        is_of_device: said.text("SCOPE") == Some("Device"),
        is_present: said.text("PRESENT") != Some("0"),
        is_online: said.number("ONLINE").map(|online| online > 0.0),
        state: status.and_then(state),
        charge_ratio: said.charge_ratio(),
        full_wh: said.watt_hours("FULL"),
        design_wh: said.watt_hours("FULL_DESIGN"),
        // Firmware that does not count says 0, or the largest number it can.
        cycles: said.number("CYCLE_COUNT").filter(|count| (1.0..20_000.0).contains(count)).map(|count| count as u64),
        condition: said.text("HEALTH").filter(|word| *word != "Unknown").map(str::to_lowercase),
        rate_w: said.rate_w(status),
        rated_w: said.product("VOLTAGE_MAX", "CURRENT_MAX").filter(|watts| is_of_adapter(*watts)),
        negotiated_w: said.product("VOLTAGE_NOW", "CURRENT_NOW").filter(|watts| is_of_adapter(*watts)),
    }
}

/// The state of a battery in our words.
fn state(status: &str) -> Option<&'static str> {
    Some(match status {
        "Charging" => "charging",
        "Discharging" => "discharging",
        "Not charging" => "not_charging",
        "Full" => "full",
        _ => return None,
    })
}

/// No adapter of a workstation gives less or more; some drivers say what one cell gets.
fn is_of_adapter(watts: f64) -> bool {
    (1.0..=400.0).contains(&watts)
}

struct Said<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Said<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse::<i64>().ok().map(|number| number as f64)
    }

    /// A number in millionths.
    fn micro(&self, name: &str) -> Option<f64> {
        self.number(name).map(|number| number / 1e6)
    }

    fn product(&self, volts: &str, amperes: &str) -> Option<f64> {
        Some(self.micro(volts)? * self.micro(amperes)?)
    }

    /// Volts that turn a charge into energy: what the battery is made for, and only without that what it has now.
    fn volts(&self) -> Option<f64> {
        let volts =
            ["VOLTAGE_MIN_DESIGN", "VOLTAGE_NOW"].into_iter().find_map(|name| self.micro(name).filter(|v| *v > 0.0));
        volts.filter(|volts| *volts < 100.0)
    }

    /// A capacity; batteries say energy or charge. Zero is what firmware says that does not know.
    fn watt_hours(&self, what: &str) -> Option<f64> {
        let energy = self.micro(&format!("ENERGY_{what}"));
        let charge = || Some(self.micro(&format!("CHARGE_{what}"))? * self.volts()?);
        energy.or_else(charge).filter(|wh| (1.0..1000.0).contains(wh))
    }

    fn charge_ratio(&self) -> Option<f64> {
        let percent = self.number("CAPACITY").map(|percent| percent / 100.0);
        let share = |now: &str, full: &str| Some(self.number(now)? / self.number(full).filter(|full| *full > 0.0)?);
        let ratio =
            percent.or_else(|| share("ENERGY_NOW", "ENERGY_FULL")).or_else(|| share("CHARGE_NOW", "CHARGE_FULL"));
        // A worn gauge counts a little past the end.
        ratio.filter(|ratio| (0.0..1.2).contains(ratio)).map(|ratio| ratio.min(1.0))
    }

    /// Drivers differ in the sign of what they say; the state tells the direction.
    fn rate_w(&self, status: Option<&str>) -> Option<f64> {
        let watts = self.micro("POWER_NOW").or_else(|| self.product("CURRENT_NOW", "VOLTAGE_NOW"))?.abs();
        match status? {
            "Charging" => Some(watts),
            "Discharging" => Some(-watts),
            "Full" | "Not charging" => Some(0.0),
            _ => None,
        }
        .filter(|watts| watts.abs() < 400.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THINKPAD: &str = "\
DEVTYPE=power_supply
POWER_SUPPLY_NAME=BAT0
POWER_SUPPLY_TYPE=Battery
POWER_SUPPLY_STATUS=Discharging
POWER_SUPPLY_PRESENT=1
POWER_SUPPLY_TECHNOLOGY=Li-poly
POWER_SUPPLY_CYCLE_COUNT=214
POWER_SUPPLY_VOLTAGE_MIN_DESIGN=15440000
POWER_SUPPLY_VOLTAGE_NOW=15816000
POWER_SUPPLY_POWER_NOW=7352000
POWER_SUPPLY_ENERGY_FULL_DESIGN=57000000
POWER_SUPPLY_ENERGY_FULL=45600000
POWER_SUPPLY_ENERGY_NOW=33060000
POWER_SUPPLY_CAPACITY=72
POWER_SUPPLY_CAPACITY_LEVEL=Normal
POWER_SUPPLY_MODEL_NAME=5B10W51829
POWER_SUPPLY_MANUFACTURER=SMP
POWER_SUPPLY_SERIAL_NUMBER= 1423
";

    #[test]
    fn reads_a_battery_that_counts_energy() {
        let battery = parse(THINKPAD);
        assert_eq!((battery.kind, battery.state), (Kind::Battery, Some("discharging")));
        assert_eq!((battery.full_wh, battery.design_wh), (Some(45.6), Some(57.0)));
        assert_eq!((battery.charge_ratio, battery.cycles), (Some(0.72), Some(214)));
        assert_eq!(battery.rate_w, Some(-7.352));
        assert!(battery.is_present && !battery.is_of_device);
    }

    #[test]
    fn reads_a_battery_that_counts_charge_and_a_signed_current() {
        let battery = parse(
            "POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_STATUS=Charging\nPOWER_SUPPLY_PRESENT=1\nPOWER_SUPPLY_CYCLE_COUNT=0\n\
             POWER_SUPPLY_VOLTAGE_MIN_DESIGN=7700000\nPOWER_SUPPLY_VOLTAGE_NOW=8000000\nPOWER_SUPPLY_CURRENT_NOW=-1500000\n\
             POWER_SUPPLY_CHARGE_FULL_DESIGN=5000000\nPOWER_SUPPLY_CHARGE_FULL=4000000\nPOWER_SUPPLY_CHARGE_NOW=2000000\n\
             POWER_SUPPLY_HEALTH=Good\n",
        );
        assert_eq!((battery.full_wh, battery.design_wh), (Some(30.8), Some(38.5)));
        assert_eq!((battery.charge_ratio, battery.rate_w), (Some(0.5), Some(12.0)));
        assert_eq!((battery.cycles, battery.condition.as_deref()), (None, Some("good")));
    }

    #[test]
    fn what_firmware_does_not_know_has_no_value() {
        let battery = parse(
            "POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_STATUS=Unknown\nPOWER_SUPPLY_ENERGY_FULL_DESIGN=0\n\
             POWER_SUPPLY_ENERGY_FULL=45600000\nPOWER_SUPPLY_CYCLE_COUNT=0\nPOWER_SUPPLY_POWER_NOW=7352000\n\
             POWER_SUPPLY_CAPACITY=\n",
        );
        assert_eq!((battery.design_wh, battery.cycles, battery.rate_w), (None, None, None));
        assert_eq!((battery.charge_ratio, battery.state), (None, None));
        assert_eq!(parse("").kind, Kind::Other);
    }

    #[test]
    fn reads_what_a_usb_charger_offers_and_gives() {
        let adapter = parse(
            "POWER_SUPPLY_NAME=ucsi-source-psy-USBC000:001\nPOWER_SUPPLY_TYPE=USB\nPOWER_SUPPLY_USB_TYPE=C [PD] PD_PPS\n\
             POWER_SUPPLY_ONLINE=1\nPOWER_SUPPLY_VOLTAGE_MIN=5000000\nPOWER_SUPPLY_VOLTAGE_MAX=20000000\n\
             POWER_SUPPLY_VOLTAGE_NOW=20000000\nPOWER_SUPPLY_CURRENT_MAX=3250000\nPOWER_SUPPLY_CURRENT_NOW=2250000\n",
        );
        assert_eq!((adapter.kind, adapter.is_online), (Kind::Adapter, Some(true)));
        assert_eq!((adapter.rated_w, adapter.negotiated_w), (Some(65.0), Some(45.0)));
        let mouse = parse("POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_SCOPE=Device\nPOWER_SUPPLY_CAPACITY=55\n");
        assert!(mouse.is_of_device);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(POWER_SUPPLY_(TYPE|STATUS|CAPACITY|POWER_NOW|VOLTAGE_NOW|CURRENT_NOW|ENERGY_FULL)=-?.{0,22}\n){0,8}") {
            let _ = parse(&text);
        }
    }
}
