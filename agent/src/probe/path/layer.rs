/// What was found out about each layer; `None` is a layer that nothing is known about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Facts {
    pub(super) link: Option<bool>,
    pub(super) address: Option<bool>,
    pub(super) gateway: Option<bool>,
    pub(super) dns: Option<bool>,
    pub(super) internet: Option<bool>,
    pub(super) tls: Option<bool>,
    pub(super) service: Option<bool>,
}

impl Facts {
    /// Every layer in order, with `ok`, `failing`, `not_testable` or `unknown`. Above a layer that fails nothing can be
    /// tested; a layer that nothing is known about does not stop the ones above it.
    pub(super) fn verdicts(self) -> [(&'static str, &'static str); 7] {
        let mut failed = false;
        [
            ("link", self.link),
            ("address", self.address),
            ("gateway", self.gateway),
            ("dns", self.dns),
            ("internet", self.internet),
            ("tls", self.tls),
            ("service", self.service),
        ]
        .map(|(layer, fact)| {
            let verdict = match fact {
                _ if failed => "not_testable",
                Some(true) => "ok",
                Some(false) => "failing",
                None => "unknown",
            };
            failed |= verdict == "failing";
            (layer, verdict)
        })
    }
}

/// The layer to look at, or `none`.
pub(super) fn first_failing(verdicts: &[(&'static str, &'static str)]) -> &'static str {
    verdicts.iter().find(|(_, verdict)| *verdict == "failing").map_or("none", |(layer, _)| layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        link: Some(true),
        address: Some(true),
        gateway: Some(true),
        dns: Some(true),
        internet: Some(true),
        tls: Some(true),
        service: Some(true),
    };

    #[test]
    fn all_well_is_none() {
        assert_eq!(first_failing(&GOOD.verdicts()), "none");
    }

    #[test]
    fn nothing_above_the_first_failing_layer_is_testable() {
        let verdicts = Facts { gateway: Some(false), dns: Some(false), ..GOOD }.verdicts();
        assert_eq!(first_failing(&verdicts), "gateway");
        assert_eq!(verdicts.map(|(_, verdict)| verdict)[..4], ["ok", "ok", "failing", "not_testable"]);
    }

    #[test]
    fn a_layer_that_nothing_is_known_about_is_not_a_failing_one() {
        let verdicts = Facts { gateway: None, internet: Some(false), ..GOOD }.verdicts();
        assert_eq!(first_failing(&verdicts), "internet");
        assert_eq!(verdicts[2], ("gateway", "unknown"));
    }
}
