//! Whether the machine belongs to a domain that it can reach, and when its own certificates expire.

use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Timestamp};
use firstline_proto::v1::Section;
use futures_util::future::select_ok;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::path::{SystemResolver, connect_to};
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::identity::certificate::{in_words, parts};
use crate::os::native;

static DOMAIN: Spec = Spec {
    name: "domain",
    section: Section::Trust,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(8),
    priority: 4,
    waits: true,
    heavy: false,
    signals: &["endpoint.domain.joined", "endpoint.domain.dc_reachable", "endpoint.domain.dc_rtt"],
};

static CHANNEL: Spec = Spec {
    name: "domain-channel",
    section: Section::Trust,
    tier: Tier::Demand,
    deadline: Duration::from_secs(10),
    priority: 7,
    waits: true,
    heavy: true,
    signals: &["endpoint.domain.secure_channel_ok"],
};

static CERTIFICATES: Spec = Spec {
    name: "certificates",
    section: Section::Trust,
    tier: Tier::Daily,
    deadline: Duration::from_secs(5),
    priority: 5,
    waits: false,
    heavy: false,
    signals: &["endpoint.certificate.expires_in", "endpoint.certificate.has_key"],
};

/// Where domains let people sign in.
const KERBEROS: u16 = 88;
/// At most this many servers are tried.
const MOST_SERVERS: usize = 3;

/// Whether the machine belongs to a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// Whether it has joined one.
    pub(crate) is_joined: bool,
    /// Names that lead to its servers, the most certain first.
    pub(crate) servers: Vec<String>,
}

/// A certificate of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// What a profile uses it for.
    pub(crate) purpose: &'static str,
    /// Whom it names; told as a keyed hash only.
    pub(crate) subject: String,
    /// Who signed it; told as a keyed hash only.
    pub(crate) issuer: String,
    /// Its last second, since 1970.
    pub(crate) not_after_seconds: i64,
    /// Whether the profile names a key to it.
    pub(crate) has_key: bool,
}

impl Certificate {
    /// Reads a certificate in PEM or DER.
    ///
    /// # Errors
    /// It is another thing, such as a store that takes a password.
    pub(crate) fn read(bytes: &[u8], purpose: &'static str, has_key: bool) -> Result<Self, ProbeError> {
        let odd = || ProbeError::Failed("what a profile names is no plain certificate".to_owned());
        let pem = CertificateDer::from_pem_slice(bytes).ok();
        let parts = parts(pem.as_deref().unwrap_or(bytes)).ok_or_else(odd)?;
        Ok(Self {
            purpose,
            subject: in_words(&parts.subject),
            issuer: in_words(&parts.issuer),
            not_after_seconds: parts.valid_to.unix_ms() / 1000,
            has_key,
        })
    }
}

/// Looks whether the domain answers.
#[derive(Default)]
pub(crate) struct Domain {
    resolver: SystemResolver,
}

impl Probe for Domain {
    fn spec(&self) -> &'static Spec {
        &DOMAIN
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let membership = native::membership(&cx.root)?;
        let mut gather = Gather::new(cx);
        gather.single("endpoint.domain.joined", membership.is_joined);
        let rtt = if membership.is_joined {
            Context::wait_for(knock(&self.resolver, &membership.servers, KERBEROS)).flatten()
        } else {
            Err(ProbeError::NotPresent("domain"))
        };
        let reachable = match &rtt {
            Ok(rtt) => Ok(rtt.is_some()),
            Err(why) => Err(why.clone()),
        };
        gather.outcome("endpoint.domain.dc_reachable", Attributes::none(), reachable);
        let rtt = rtt.and_then(|rtt| rtt.ok_or(ProbeError::Timeout("every server of the domain".to_owned())));
        gather.outcome("endpoint.domain.dc_rtt", Attributes::none(), rtt.map(|rtt| rtt.as_secs_f64()));
        Ok(gather.done())
    }
}

/// The time that the first server to answer took; `None` when none does. All are asked at once, so that dead ones do not
/// take the time of the others.
async fn knock(resolver: &SystemResolver, servers: &[String], port: u16) -> Result<Option<Duration>, ProbeError> {
    if servers.is_empty() {
        return Err(ProbeError::NotConfigured("server of the domain"));
    }
    let knocks = servers.iter().take(MOST_SERVERS).map(|server| Box::pin(connect_to(resolver, server, port)));
    Ok(select_ok(knocks).await.ok().map(|(took, _)| took))
}

/// Asks whether the domain still trusts this machine.
pub(crate) struct Channel;

impl Probe for Channel {
    fn spec(&self) -> &'static Spec {
        &CHANNEL
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        if !native::membership(&cx.root)?.is_joined {
            return Err(ProbeError::NotPresent("domain"));
        }
        let mut gather = Gather::new(cx);
        let outcome = native::secure_channel(&cx.root);
        gather.outcome("endpoint.domain.secure_channel_ok", Attributes::none(), outcome);
        Ok(gather.done())
    }
}

/// Reads certificates that profiles name.
pub(crate) struct Certificates;

impl Probe for Certificates {
    fn spec(&self) -> &'static Spec {
        &CERTIFICATES
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let found = native::certificates(&cx.root)?;
        if found.is_empty() {
            return Err(ProbeError::NotPresent("certificate that a profile names"));
        }
        let mut gather = Gather::new(cx);
        for one in found {
            match one {
                Ok(certificate) => tell(cx, &mut gather, &certificate),
                Err(why) => gather.unknown("endpoint.certificate.expires_in", [], why),
            }
        }
        Ok(gather.done())
    }
}

fn tell(cx: &Context, gather: &mut Gather, certificate: &Certificate) {
    let subject = cx.pseudonyms.name("cert_subject", &certificate.subject);
    let issuer = cx.pseudonyms.name("cert_subject", &certificate.issuer);
    let attributes = || {
        [("certificate", subject.as_str()), ("certificate.issuer", issuer.as_str()), ("purpose", certificate.purpose)]
    };
    let left = Timestamp::from_unix_seconds(certificate.not_after_seconds).seconds_since(cx.clock.now());
    gather.value("endpoint.certificate.expires_in", attributes(), left);
    gather.value("endpoint.certificate.has_key", attributes(), certificate.has_key);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_domain_answers_when_one_of_its_servers_does() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let resolver = SystemResolver::default();
        let asked = async |servers: &[&str]| {
            let servers: Vec<String> = servers.iter().map(|server| (*server).to_owned()).collect();
            knock(&resolver, &servers, port).await
        };
        assert!(asked(&["no.such.name.invalid", "127.0.0.1"]).await.is_ok_and(|took| took.is_some()));
        assert_eq!(asked(&["no.such.name.invalid"]).await, Ok(None));
        assert_eq!(asked(&[]).await, Err(ProbeError::NotConfigured("server of the domain")));
    }
}
