//! Whether the mail servers are reached: the targets that the collector labels `mail`, or `mail-` and whatever tells them
//! apart.
//!
//! A server that is not reached is at fault only where the way to it is good. While a step below it fails, and where a proxy
//! stands between and nobody promised a direct way, nothing can be said of it.

use super::round::Round;
use crate::os::proc::proxy::Proxy;
use crate::probe::{Gather, ProbeError};
use crate::settings::Settings;

const SIGNAL: &str = "endpoint.mail.server.reachable";

/// Steps whose failing says nothing about other machines' services.
const BESIDE: [&str; 3] = ["none", "vpn", "service"];

/// Whether a target of this label is a mail server.
fn is_mail(label: &str) -> bool {
    label == "mail" || label.starts_with("mail-")
}

/// Enters what is known of each mail server; `first` is the first step that fails.
pub(super) fn enter(settings: &Settings, round: Option<&Round>, first: &'static str, gather: &mut Gather) {
    let mut servers = settings.probe_targets.iter().filter(|target| is_mail(&target.label)).peekable();
    if servers.peek().is_none() {
        gather.unknown(SIGNAL, [], ProbeError::NotConfigured("target labelled mail"));
    }
    for server in servers {
        let label = server.label.as_str();
        gather.outcome(SIGNAL, [("target", label)], is_reached(round, label, first));
    }
}

fn is_reached(round: Option<&Round>, label: &str, first: &'static str) -> Result<bool, ProbeError> {
    let Some(round) = round else { return Err(ProbeError::NotPresent("network to try anything in")) };
    let tried = round.target(label).ok_or_else(|| ProbeError::Failed("it was not tried yet".to_owned()))?;
    if tried.works() {
        Ok(true)
    } else if !BESIDE.contains(&first) {
        Err(ProbeError::Failed(format!("it cannot be tested while the step {first} fails")))
    } else if round.proxy != Proxy::Direct && !tried.is_connected() {
        Err(ProbeError::Failed("it cannot be tested through a proxy".to_owned()))
    } else {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use firstline_diagnosis::vocabulary::{Unknown, Value, Why};
    use tokio::sync::watch;

    use super::super::target::Tried;
    use super::super::tcp::Attempt;
    use super::*;
    use crate::probe::{Context, Pseudonyms};
    use crate::settings::ProbeTarget;

    fn target(label: &str) -> ProbeTarget {
        let host = "outlook.office365.com".to_owned();
        ProbeTarget { label: label.to_owned(), host, port: 443, tls: false, addresses: Vec::new() }
    }

    fn told(targets: &[ProbeTarget], round: Option<&Round>, first: &'static str) -> Vec<Result<Value, Unknown>> {
        let settings = Settings { probe_targets: targets.to_vec(), ..Settings::default() };
        let (_, seen) = watch::channel(settings.clone());
        let mut gather = Gather::new(&Context::this_machine(seen, Pseudonyms::new(b"test")));
        enter(&settings, round, first, &mut gather);
        gather.done().readings.into_iter().map(|reading| reading.outcome).collect()
    }

    fn round(error: Option<&'static str>) -> Round {
        let attempt = Attempt { by: "name", tried: None, error, took: Duration::from_millis(9) };
        Round::of(Vec::new(), vec![Tried::now(target("mail"), vec![attempt])])
    }

    #[test]
    fn a_server_that_does_not_answer_over_a_good_way_is_not_reached() {
        let mail = [target("mail")];
        assert_eq!(told(&mail, Some(&round(None)), "none"), [Ok(Value::Flag(true))]);
        assert_eq!(told(&mail, Some(&round(Some("timeout"))), "none"), [Ok(Value::Flag(false))]);
        assert_eq!(told(&mail, Some(&round(Some("timeout"))), "service"), [Ok(Value::Flag(false))]);
    }

    #[test]
    fn what_fails_below_it_or_stands_between_says_nothing_about_it() {
        let mail = [target("mail")];
        let why = |told: Vec<Result<Value, Unknown>>| told[0].clone().expect_err("no verdict").detail;
        assert!(why(told(&mail, Some(&round(Some("name"))), "dns")).contains("the step dns fails"));
        let screened = Round { proxy: Proxy::Automatic, ..round(Some("timeout")) };
        assert!(why(told(&mail, Some(&screened), "none")).contains("proxy"));
        assert!(why(told(&mail, None, "address")).contains("network"));
        assert_eq!(
            told(&mail, Some(&Round { proxy: Proxy::Automatic, ..round(None) }), "none"),
            [Ok(Value::Flag(true))]
        );
    }

    #[test]
    fn nobody_named_a_server_is_not_testable() {
        let outcome = told(&[target("collector"), target("mailing")], Some(&round(None)), "none");
        assert_eq!(outcome.len(), 1);
        assert_eq!(outcome[0].clone().expect_err("no verdict").why, Why::Unsupported);
        let two = [target("mail"), target("mail-autodiscover")];
        assert_eq!(told(&two, Some(&round(None)), "none").len(), 2);
    }
}
