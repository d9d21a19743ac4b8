use std::path::Path;

use crate::os::native;
use crate::probe::{Spec, Tier};

/// Why work that can wait should wait.
///
/// What was left out is made up for at the first tick after, so that a laptop that is charged at noon is as well known
/// as one that never left its dock. A pull is not held back: somebody waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rest {
    /// On battery, and little is left.
    pub(super) low_battery: bool,
    /// Somebody pays for what is sent.
    pub(super) metered: bool,
}

impl Rest {
    /// How it is now on the machine at `root`. A battery is two small files and is looked at every minute; the network
    /// is asked about over the bus, and only with the quarter hours.
    pub(super) fn look(self, root: &Path, due: &[Tier]) -> Self {
        let low_battery = if due.contains(&Tier::Minute) { native::battery_low(root) } else { self.low_battery };
        let metered = if due.contains(&Tier::QuarterHour) { native::metered(root) == Some(true) } else { self.metered };
        Self { low_battery, metered }
    }

    /// Whether the probe should wait.
    pub(super) fn holds_back(self, spec: &Spec) -> bool {
        spec.heavy && (self.low_battery || (self.metered && spec.waits))
    }

    /// What is so, for a log.
    pub(super) fn words(self) -> &'static str {
        match (self.low_battery, self.metered) {
            (true, true) => "the battery is low and the network is metered",
            (true, false) => "the battery is low",
            (false, true) => "the network is metered",
            (false, false) => "there is no reason to",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use firstline_proto::v1::Section;

    use super::*;

    const LIGHT: Spec = Spec {
        name: "light",
        section: Section::Network,
        tier: Tier::Minute,
        deadline: Duration::from_secs(1),
        priority: 1,
        waits: false,
        heavy: false,
        signals: &[],
    };
    const HEAVY: Spec = Spec { name: "heavy", heavy: true, ..LIGHT };
    const SENDING: Spec = Spec { name: "sending", heavy: true, waits: true, ..LIGHT };

    /// Which of the three wait.
    fn held_back(low_battery: bool, metered: bool) -> Vec<&'static str> {
        let rest = Rest { low_battery, metered };
        [LIGHT, HEAVY, SENDING].iter().filter(|spec| rest.holds_back(spec)).map(|spec| spec.name).collect()
    }

    #[test]
    fn where_somebody_pays_for_the_network_only_what_uses_it_heavily_waits() {
        assert!(held_back(false, false).is_empty());
        assert_eq!(held_back(false, true), ["sending"]);
        assert_eq!(held_back(true, false), ["heavy", "sending"]);
        assert_eq!(held_back(true, true), ["heavy", "sending"]);
    }
}
