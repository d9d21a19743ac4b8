mod message;
mod server;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use firstline_diagnosis::order::{self, Arrange as _};
use firstline_diagnosis::vocabulary::Attributes;
use futures_util::future::join_all;

use super::NO_ERROR;
use super::address::is_public;
use super::system::{Found, SystemResolver};
use crate::probe::{Gather, ProbeError};
use crate::settings::DnsName;

/// The looking up of the names of one class in one way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LookUp {
    /// `os`, or `server1` and so on.
    server: String,
    class: String,
    /// How the first name that failed did so: `timeout`, `servfail`, `refused`, `nxdomain`, `unreachable`, `wrong` or
    /// `failed`.
    error: Option<&'static str>,
    /// The slowest name.
    took: Duration,
}

/// One name's end.
type Answer = (Result<Vec<IpAddr>, &'static str>, Duration);

/// What the system found, by name.
pub(super) type ByName = BTreeMap<String, Found>;

/// The class whose names lead to addresses that everybody reaches.
const PUBLIC: &str = "public";
const PORT: u16 = 53;

/// Looks every name up in the system's way.
pub(super) async fn ask_system(resolver: &SystemResolver, names: impl IntoIterator<Item = &str>) -> ByName {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.arrange();
    names.dedup();
    order::map(join_all(names.iter().map(async |name| ((*name).to_owned(), resolver.look_up(name).await))).await)
}

/// Looks `names` up at every server, all at the same time.
pub(super) async fn ask_servers(servers: &[IpAddr], names: &[DnsName]) -> Vec<LookUp> {
    let mut tests = Vec::new();
    for class in classes(names) {
        tests.extend(servers.iter().enumerate().map(|(index, server)| one_server(index, *server, class, names)));
    }
    join_all(tests).await
}

async fn one_server(index: usize, server: IpAddr, class: &str, names: &[DnsName]) -> LookUp {
    let answers = join_all(of_class(names, class).map(async |name| {
        let start = Instant::now();
        (server::ask(SocketAddr::new(server, PORT), name).await, start.elapsed())
    }));
    LookUp::of(format!("server{}", index + 1), class, answers.await)
}

/// What the system's way gave for the names of each class.
pub(super) fn of_system(found: &ByName, names: &[DnsName]) -> Vec<LookUp> {
    let answer = |name: &str| found.get(name).map(|found| (found.addresses.clone(), found.took));
    let one = |class| LookUp::of("os".to_owned(), class, of_class(names, class).filter_map(answer).collect());
    classes(names).into_iter().map(one).collect()
}

fn classes(names: &[DnsName]) -> Vec<&str> {
    let mut classes: Vec<&str> = names.iter().map(|name| name.name_class.as_str()).collect();
    classes.arrange();
    classes.dedup();
    classes
}

fn of_class<'a>(names: &'a [DnsName], class: &str) -> impl Iterator<Item = &'a str> {
    names.iter().filter(move |name| name.name_class == class).map(|name| name.name.as_str())
}

impl LookUp {
    fn of(server: String, class: &str, answers: Vec<Answer>) -> Self {
        Self {
            server,
            class: class.to_owned(),
            error: answers.iter().find_map(|(answer, _)| error(class, answer)),
            took: answers.iter().map(|(_, took)| *took).max().unwrap_or_default(),
        }
    }

    /// Whether every name was found.
    pub(super) fn is_ok(&self) -> bool {
        self.error.is_none()
    }

    /// Whether this is the way that programs go.
    pub(super) fn is_system(&self) -> bool {
        self.server == "os"
    }

    /// Whether nobody said anything, as opposed to something wrong.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self.error, Some("timeout" | "unreachable" | "servfail"))
    }

    /// The system's answer turned out to lead to a stranger.
    pub(super) fn call_wrong(&mut self) {
        self.error = self.error.or(Some("wrong"));
    }

    /// The class of the names.
    pub(super) fn class(&self) -> &str {
        &self.class
    }

    pub(super) fn enter(&self, gather: &mut Gather) {
        let attributes =
            || Attributes::from([("server", self.server.as_str()), ("dns.name_class", self.class.as_str())]);
        gather.value("endpoint.dns.lookup.ok", attributes(), self.is_ok());
        gather.value("endpoint.dns.error", attributes(), self.error.unwrap_or(NO_ERROR));
        let duration = self.error.map_or(Ok(self.took.as_secs_f64()), |error| {
            Err(ProbeError::Failed(format!("the look-up ended with {error}")))
        });
        gather.outcome("dns.lookup.duration", attributes(), duration);
    }
}

/// How an answer is wrong. A public name that leads to private addresses alone was answered by somebody who wants all
/// traffic for himself: a sign-in page, or a box that forgot its upstream.
fn error(class: &str, answer: &Result<Vec<IpAddr>, &'static str>) -> Option<&'static str> {
    match answer {
        Err(error) => Some(error),
        Ok(addresses) => {
            let led_astray = class == PUBLIC && !addresses.is_empty() && !addresses.iter().copied().any(is_public);
            led_astray.then_some("wrong")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str, class: &str) -> DnsName {
        DnsName { name: name.to_owned(), name_class: class.to_owned() }
    }

    fn found(addresses: Result<Vec<IpAddr>, &'static str>, seconds: u64) -> Found {
        Found { addresses, took: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_class_is_as_good_as_its_worst_name_and_as_slow_as_its_slowest() {
        let names = [name("a.example", PUBLIC), name("b.example", PUBLIC), name("c.corp", "internal")];
        let by_name = ByName::from([
            ("a.example".to_owned(), found(Ok(vec![IpAddr::from([198, 51, 100, 1])]), 2)),
            ("b.example".to_owned(), found(Err("nxdomain"), 1)),
            ("c.corp".to_owned(), found(Ok(vec![IpAddr::from([10, 0, 0, 1])]), 0)),
        ]);
        let look_ups = of_system(&by_name, &names);
        assert_eq!(
            look_ups.iter().map(|one| (one.class(), one.error)).collect::<Vec<_>>(),
            [("internal", None), ("public", Some("nxdomain"))]
        );
        assert_eq!(look_ups[1].took, Duration::from_secs(2));
        assert!(!look_ups[1].is_silence());
    }

    #[test]
    fn a_public_name_that_leads_into_the_house_is_wrong() {
        let inside = Ok(vec![IpAddr::from([10, 77, 1, 1])]);
        assert_eq!(error(PUBLIC, &inside), Some("wrong"));
        assert_eq!(error("internal", &inside), None);
        assert_eq!(error(PUBLIC, &Ok(Vec::new())), None, "a name without an IPv4 address exists");
    }
}
