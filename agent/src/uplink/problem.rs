//! What can stand between an agent and its collector: one name for programs, one sentence for people, and what to do.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::Address;

/// What is in the way. Each has its own advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The collector's name has no address here.
    NameLookup,
    /// Nothing answers at the collector's address.
    Unreachable,
    /// Something was opened and then said nothing.
    Slow,
    /// The proxy's name has no address here.
    ProxyNameLookup,
    /// Nothing answers at the proxy's address.
    ProxyUnreachable,
    /// The proxy wants to know who asks, or does not accept who asked.
    ProxyAuthentication,
    /// The proxy does not let this connection through.
    ProxyDenies,
    /// The proxy lets it through and cannot reach the collector itself.
    ProxyCannotReach,
    /// What is configured as the proxy answers with something that is no tunnel.
    ProxyNoTunnel,
    /// A device between us opens TLS and presents certificates of its own.
    TlsInspected,
    /// A collector answers, but not the one that this endpoint was enrolled at.
    OtherCollector,
    /// The certificate is for another name.
    OtherName,
    /// A certificate is not valid at the time that this machine's clock shows.
    Clock,
    /// What answers does not speak TLS, or no TLS that a collector speaks.
    NotTls,
    /// What was received is not what a collector says.
    Protocol,
    /// The connection was there and is gone.
    Cut,
    /// The collector is about to stop, or has too much to do.
    Busy,
    /// Another stream of this endpoint has its place.
    Replaced,
    /// This endpoint was revoked.
    Revoked,
    /// This endpoint's certificate has expired.
    Expired,
    /// The collector does not know this endpoint, or does not want it.
    Refused,
    /// This endpoint's own files cannot be used.
    Identity,
}

impl Problem {
    /// Whether the collector does not want this endpoint, so that trying again soon is no use.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Revoked | Self::Expired | Self::Refused | Self::Identity)
    }

    /// Whether nobody was reached.
    pub fn is_unreachable(self) -> bool {
        use Problem::{
            NameLookup, ProxyAuthentication, ProxyCannotReach, ProxyDenies, ProxyNameLookup, ProxyNoTunnel,
            ProxyUnreachable, Slow, Unreachable,
        };
        let proxy = matches!(
            self,
            ProxyNameLookup | ProxyUnreachable | ProxyAuthentication | ProxyDenies | ProxyCannotReach | ProxyNoTunnel
        );
        proxy || matches!(self, NameLookup | Unreachable | Slow)
    }

    /// Whether another network, or the same one after a sleep, may have done away with it.
    pub(super) fn is_of_the_network(self) -> bool {
        self.is_unreachable() || matches!(self, Self::Cut | Self::TlsInspected | Self::NotTls)
    }

    /// What somebody at this machine, or the administrator of its network, can do about it.
    pub fn advice(self, collector: &Address) -> String {
        let port = collector.port;
        match self {
            Self::NameLookup => "check the collector's name and this machine's DNS".to_owned(),
            Self::Unreachable => format!("check the address, and that the network lets port {port} out"),
            Self::Slow => format!("a firewall that swallows packets to port {port}, or a collector under heavy load"),
            Self::ProxyNameLookup => {
                "check the proxy's name (proxy.url in agent.toml) and this machine's DNS".to_owned()
            }
            Self::ProxyUnreachable => "check proxy.url in agent.toml, and that the proxy runs".to_owned(),
            Self::ProxyAuthentication => {
                "give the agent a name and password that the proxy knows (proxy.credentials_file \
                in agent.toml), or let it through without"
                    .to_owned()
            }
            Self::ProxyDenies => format!("let the proxy allow CONNECT to {collector}"),
            Self::ProxyCannotReach => format!("check that the proxy itself can reach {collector}"),
            Self::ProxyNoTunnel => "check that proxy.url in agent.toml names a proxy that allows CONNECT, and that no \
                sign-in page of the network is in the way"
                .to_owned(),
            Self::TlsInspected => {
                format!("exempt {collector} from TLS inspection; the agent trusts no device in between")
            }
            Self::OtherCollector => "check the collector's address; if it is right, the collector's authority was \
                replaced while this machine was away: enrol it again with a new token (`firstline-agent enroll --again`); \
                what it recorded meanwhile is kept"
                .to_owned(),
            Self::OtherName => "dial the name that is in the collector's certificate".to_owned(),
            Self::Clock => "check this machine's clock first, then the collector's".to_owned(),
            Self::NotTls => format!(
                "check that {collector} is the collector's port for agents, and that no sign-in page \
                of the network is in the way"
            ),
            Self::Protocol => "check that agent and collector are of versions that fit, and that nothing between them \
                changes what they say"
                .to_owned(),
            Self::Cut | Self::Busy => "nothing; it is tried again".to_owned(),
            Self::Replaced => "nothing, unless it goes on: then two machines share one identity, and one must be \
                enrolled again"
                .to_owned(),
            Self::Revoked | Self::Expired | Self::Refused => {
                "stop the agent, enrol this machine again with a new token \
                (`firstline-agent enroll --again`), and start it; what it recorded meanwhile is kept"
                    .to_owned()
            }
            Self::Identity => "put the identity's files right as said, or enrol this machine again with a new token \
                (`firstline-agent enroll --again`)"
                .to_owned(),
        }
    }
}

/// A problem as it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub problem: Problem,
    /// In a sentence, without advice.
    pub detail: String,
}

impl Trouble {
    /// `problem`, met as `detail`.
    pub fn new(problem: Problem, detail: impl Into<String>) -> Self {
        Self { problem, detail: detail.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Why there is no connection.
#[derive(Debug, Error)]
#[error("{trouble}; {}", trouble.problem.advice(collector))]
pub struct DialError {
    /// What was met.
    pub trouble: Trouble,
    /// Which collector was dialled.
    pub collector: Address,
    /// What the system said.
    #[source]
    pub source: Option<io::Error>,
}

impl DialError {
    pub(super) fn new(problem: Problem, collector: &Address, detail: impl Into<String>) -> Self {
        Self { trouble: Trouble::new(problem, detail), collector: collector.clone(), source: None }
    }

    pub(super) fn because(self, source: io::Error) -> Self {
        Self { source: Some(source), ..self }
    }

    /// What was met, with the system's words.
    pub fn trouble(&self) -> Trouble {
        let detail = match &self.source {
            Some(source) => format!("{}: {source}", self.trouble),
            None => self.trouble.detail.clone(),
        };
        Trouble { problem: self.trouble.problem, detail }
    }
}
