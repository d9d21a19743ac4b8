//! The steps of a connection, and which of them fails first.

/// What was found out about one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Step {
    /// Nothing is known about it.
    #[default]
    Unknown,
    /// This machine has no such step.
    Absent,
    /// It works.
    Works,
    /// It does not.
    Fails,
}

impl From<bool> for Step {
    fn from(works: bool) -> Self {
        if works { Self::Works } else { Self::Fails }
    }
}

impl From<Option<bool>> for Step {
    fn from(known: Option<bool>) -> Self {
        known.map_or(Self::Unknown, Self::from)
    }
}

/// What was found out about each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Steps {
    pub(super) link: Step,
    pub(super) address: Step,
    pub(super) gateway: Step,
    pub(super) dns: Step,
    pub(super) internet: Step,
    pub(super) portal: Step,
    pub(super) proxy: Step,
    pub(super) tls: Step,
    pub(super) vpn: Step,
    pub(super) service: Step,
}

/// A step's name and what is said of it.
pub(super) type Verdict = (&'static str, &'static str);

impl Steps {
    /// Every step in order, with `ok`, `failing`, `not_testable`, `not_present` or `unknown`. Above one that fails nothing
    /// can be tested; one that nothing is known about does not stop the ones above it.
    pub(super) fn verdicts(self) -> [Verdict; 10] {
        let mut failed = false;
        [
            ("link", self.link),
            ("address", self.address),
            ("gateway", self.gateway),
            ("dns", self.dns),
            ("internet", self.internet),
            ("portal", self.portal),
            ("proxy", self.proxy),
            ("tls", self.tls),
            ("vpn", self.vpn),
            ("service", self.service),
        ]
        .map(|(layer, step)| {
            let verdict = match step {
                _ if failed => "not_testable",
                Step::Works => "ok",
                Step::Fails => "failing",
                Step::Absent => "not_present",
                Step::Unknown => "unknown",
            };
            failed |= verdict == "failing";
            (layer, verdict)
        })
    }
}

/// The layer to look at, or `none`.
pub(super) fn first_failing(verdicts: &[Verdict]) -> &'static str {
    verdicts.iter().find(|(_, verdict)| *verdict == "failing").map_or("none", |(layer, _)| layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Steps = Steps {
        link: Step::Works,
        address: Step::Works,
        gateway: Step::Works,
        dns: Step::Works,
        internet: Step::Works,
        portal: Step::Works,
        proxy: Step::Absent,
        tls: Step::Works,
        vpn: Step::Absent,
        service: Step::Works,
    };

    #[test]
    fn all_well_is_none() {
        assert_eq!(first_failing(&GOOD.verdicts()), "none");
    }

    #[test]
    fn nothing_above_the_first_failing_layer_is_testable() {
        let verdicts = Steps { gateway: Step::Fails, dns: Step::Fails, ..GOOD }.verdicts();
        assert_eq!(first_failing(&verdicts), "gateway");
        assert_eq!(verdicts.map(|(_, verdict)| verdict)[..3], ["ok", "ok", "failing"]);
        assert!(verdicts[3..].iter().all(|(_, verdict)| *verdict == "not_testable"));
    }

    #[test]
    fn a_layer_that_nothing_is_known_about_or_that_is_not_there_is_not_a_failing_one() {
        let verdicts = Steps { gateway: Step::Unknown, service: Step::Fails, ..GOOD }.verdicts();
        assert_eq!(first_failing(&verdicts), "service");
        assert_eq!(verdicts[2], ("gateway", "unknown"));
        assert_eq!(verdicts[6], ("proxy", "not_present"));
    }
}
