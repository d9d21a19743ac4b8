//! Products that manage the machine for a company: which is installed, whether it was enrolled, and when it last came
//! through to its server, where it leaves a trace of that.
//!
//! A product is enrolled when what it got from its server is there. Only that it is there is looked at; whatever was read
//! with it is forgotten.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::proc::puppet;
use crate::os::{exists, modified_seconds, native, read, read_bytes};

static SPEC: Spec = Spec {
    name: "management",
    section: Section::Trust,
    tier: Tier::Daily,
    deadline: Duration::from_secs(5),
    priority: 6,
    waits: false,
    heavy: false,
    signals: &["endpoint.mdm.enrolled", "endpoint.mdm.last_checkin_age"],
};

/// A product and where it leaves its traces; of several places any counts.
struct Product {
    name: &'static str,
    installed: &'static [&'static str],
    enrolled: Enrolled,
    heard: Heard,
}

/// What is there when it is enrolled.
enum Enrolled {
    /// One of these files.
    File(&'static [&'static str]),
    /// These bytes in this file.
    Within(&'static str, &'static [u8]),
    /// This file in the home of somebody who is signed in.
    InHome(&'static str),
}

/// What tells when its server was last heard.
enum Heard {
    /// Nothing that can be relied on.
    Untold,
    /// The file that is written with each exchange.
    Changed(&'static str),
    /// Puppet's own summary of its last run.
    Puppet(&'static [&'static str]),
}

const PRODUCTS: [Product; 6] = [
    Product {
        name: "intune",
        installed: &["opt/microsoft/intune"],
        enrolled: Enrolled::InHome(".config/intune/registration.toml"),
        heard: Heard::Untold,
    },
    Product {
        name: "landscape",
        installed: &["etc/landscape/client.conf"],
        // The identity that the server gave it, as it writes that down: a text, and not nothing.
        enrolled: Enrolled::Within("var/lib/landscape/client/broker.bpickle", b"9:secure-idu"),
        heard: Heard::Changed("var/lib/landscape/client/broker.bpickle"),
    },
    Product {
        name: "fleet",
        installed: &["opt/orbit"],
        enrolled: Enrolled::File(&["opt/orbit/secret-orbit-node-key.txt"]),
        heard: Heard::Untold,
    },
    Product {
        name: "puppet",
        installed: &["opt/puppetlabs/bin/puppet", "usr/bin/puppet"],
        enrolled: Enrolled::File(&["etc/puppetlabs/puppet/ssl/certs/ca.pem", "var/lib/puppet/ssl/certs/ca.pem"]),
        heard: Heard::Puppet(&[
            "opt/puppetlabs/puppet/cache/state/last_run_summary.yaml",
            "opt/puppetlabs/puppet/public/last_run_summary.yaml",
            "var/lib/puppet/state/last_run_summary.yaml",
            "var/cache/puppet/state/last_run_summary.yaml",
        ]),
    },
    Product {
        name: "salt",
        installed: &["etc/salt/minion"],
        enrolled: Enrolled::File(&["etc/salt/pki/minion/minion_master.pub"]),
        heard: Heard::Untold,
    },
    Product {
        name: "redhat",
        installed: &["etc/rhsm/rhsm.conf"],
        enrolled: Enrolled::File(&["etc/pki/consumer/cert.pem"]),
        heard: Heard::Untold,
    },
];

/// Looks for products.
pub(crate) struct Management;

impl Probe for Management {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Files]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        let is_there = |product: &&Product| product.installed.iter().any(|path| exists(&cx.root, path));
        let mut products = PRODUCTS.iter().filter(is_there).peekable();
        if products.peek().is_none() {
            return Err(ProbeError::NotPresent("product that manages this machine"));
        }
        for product in products {
            let attributes = || [("product", product.name)];
            gather.outcome("endpoint.mdm.enrolled", attributes(), product.enrolled.look(cx));
            let age = product.heard.at(cx).map(|at| cx.clock.now().seconds_since(Timestamp::from_unix_seconds(at)));
            gather.outcome("endpoint.mdm.last_checkin_age", attributes(), age.map(|seconds| seconds.max(0.0)));
        }
        Ok(gather.done())
    }
}

impl Enrolled {
    fn look(&self, cx: &Context) -> Result<bool, ProbeError> {
        match self {
            Self::File(paths) => first(paths, |path| modified_seconds(&cx.root, path)).map(|found| found.is_some()),
            Self::Within(path, wanted) => {
                let mut bytes = read_bytes(&cx.root, path).or_else(none_there)?;
                let is_there = bytes.windows(wanted.len()).any(|window| window == *wanted);
                bytes.fill(0);
                Ok(is_there)
            }
            Self::InHome(path) => {
                let people = native::people(&cx.root)?;
                if people.is_empty() {
                    return Err(ProbeError::NotPresent("session of a person"));
                }
                for user in people.iter().take(4) {
                    let home = native::local_home(&cx.root, user)?;
                    let path = format!("{}/{path}", home.trim_start_matches('/'));
                    if first(&[&path], |path| modified_seconds(&cx.root, path))?.is_some() {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

impl Heard {
    /// When it was, in seconds since 1970.
    fn at(&self, cx: &Context) -> Result<i64, ProbeError> {
        let never = ProbeError::NotPresent("answer of its server yet");
        match self {
            Self::Untold => Err(ProbeError::Unsupported("when this product was last heard")),
            Self::Changed(path) => first(&[path], |path| modified_seconds(&cx.root, path))?.ok_or(never),
            Self::Puppet(paths) => {
                let summary = first(paths, |path| read(&cx.root, path))?.ok_or(never)?;
                puppet::last_run(&summary)
                    .ok_or_else(|| ProbeError::Failed("Puppet's summary cannot be understood".to_owned()))
            }
        }
    }
}

/// What the first of these places gives that is there.
fn first<T>(paths: &[&str], look: impl Fn(&str) -> Result<T, ProbeError>) -> Result<Option<T>, ProbeError> {
    for path in paths {
        match look(path) {
            Err(ProbeError::Missing(_)) => {}
            found => return found.map(Some),
        }
    }
    Ok(None)
}

/// What is not there has nothing in it.
fn none_there(why: ProbeError) -> Result<Vec<u8>, ProbeError> {
    if matches!(why, ProbeError::Missing(_)) { Ok(Vec::new()) } else { Err(why) }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use firstline_diagnosis::vocabulary::Value;
    use tokio::sync::watch;

    use super::*;
    use crate::os::prepared::machine;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    /// What is told of enrolment, and whether an age is.
    fn told(files: &[(&str, &str)]) -> Result<Vec<(String, Option<Value>, bool)>, ProbeError> {
        let root = machine(files);
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context { root: root.path().to_owned(), ..Context::this_machine(settings, Pseudonyms::new(b"test")) };
        let readings = Management.collect(&cx)?.readings;
        Ok(readings
            .chunks(2)
            .map(|pair| {
                let product = pair[0].series.attributes.get("product").unwrap_or_default().to_owned();
                (product, pair[0].outcome.clone().ok(), pair[1].outcome.is_ok())
            })
            .collect())
    }

    fn one(name: &str, enrolled: bool, has_age: bool) -> (String, Option<Value>, bool) {
        (name.to_owned(), Some(Value::Flag(enrolled)), has_age)
    }

    #[test]
    fn a_product_that_was_installed_and_never_enrolled_is_told_from_one_that_was() {
        let client = ("etc/landscape/client.conf", "[client]\n");
        let waits = ("var/lib/landscape/client/broker.bpickle", "d12:registrationdu9:secure-idn;;");
        let knows = ("var/lib/landscape/client/broker.bpickle", "d12:registrationdu9:secure-idu3:abc;;");
        assert_eq!(told(&[client]), Ok(vec![one("landscape", false, false)]));
        assert_eq!(told(&[client, waits]), Ok(vec![one("landscape", false, true)]));
        assert_eq!(told(&[client, knows]), Ok(vec![one("landscape", true, true)]));
        assert_eq!(told(&[("opt/orbit/bin/orbit", "")]), Ok(vec![one("fleet", false, false)]));
        assert_eq!(told(&[("opt/orbit/secret-orbit-node-key.txt", "k")]), Ok(vec![one("fleet", true, false)]));
    }

    #[test]
    fn puppet_tells_when_it_last_ran() {
        let summary = ("var/lib/puppet/state/last_run_summary.yaml", "---\ntime:\n  last_run: 1444936531\n");
        let told = told(&[("usr/bin/puppet", ""), ("var/lib/puppet/ssl/certs/ca.pem", ""), summary]);
        assert_eq!(told, Ok(vec![one("puppet", true, true)]));
    }

    #[test]
    fn intune_is_enrolled_by_a_person_and_unknown_while_nobody_is_there() {
        let portal = ("opt/microsoft/intune/bin/intune-portal", "");
        let session = ("run/systemd/sessions/1", "USER=ada\nCLASS=user\nSTATE=active\n");
        let account = ("etc/passwd", "ada:x:1:1::/home/ada:/bin/sh\n");
        let registration = ("home/ada/.config/intune/registration.toml", "");
        assert_eq!(told(&[portal]), Ok(vec![("intune".to_owned(), None, false)]));
        assert_eq!(told(&[portal, session, account]), Ok(vec![one("intune", false, false)]));
        assert_eq!(told(&[portal, session, account, registration]), Ok(vec![one("intune", true, false)]));
    }

    #[test]
    fn a_machine_that_nobody_manages_has_no_product() {
        assert_eq!(told(&[]), Err(ProbeError::NotPresent("product that manages this machine")));
    }
}
