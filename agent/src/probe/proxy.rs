//! How this machine is told to reach the web. Of a server, the kind and a keyed name of its host are told; user names and
//! passwords are not looked at.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::proxy::Proxy;

static SPEC: Spec = Spec {
    name: "proxy",
    section: Section::Network,
    tier: Tier::Change,
    deadline: Duration::from_secs(8),
    priority: 4,
    waits: false,
    heavy: false,
    signals: &["endpoint.proxy.mode", "endpoint.proxy.host"],
};

/// What the places of this machine say about proxies.
pub(crate) struct Proxies;

impl Probe for Proxies {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        // A directory that is not a machine says nothing.
        native::interfaces(&cx.root)?;
        let mut gather = Gather::new(cx);
        for (source, proxy) in native::proxies(&cx.root) {
            enter(cx, source, proxy, &mut gather);
        }
        let anybody = native::people(&cx.root).is_ok_and(|people| !people.is_empty());
        enter(cx, "session", Err(own_settings(anybody)), &mut gather);
        Ok(gather.done())
    }
}

/// Why the settings that people make for themselves are not there.
fn own_settings(anybody: bool) -> ProbeError {
    if anybody {
        ProbeError::NoPermission("what the person who is signed in set for themselves".to_owned())
    } else {
        ProbeError::NotPresent("person who is signed in")
    }
}

fn enter(cx: &Context, source: &str, proxy: Result<Proxy, ProbeError>, gather: &mut Gather) {
    let attributes = [("source", source)];
    gather.outcome("endpoint.proxy.mode", attributes, proxy.as_ref().map(Proxy::mode).map_err(Clone::clone));
    let host = proxy.and_then(|proxy| {
        let server = proxy.server().ok_or(ProbeError::NotPresent("proxy server here"))?;
        Ok(format!("{}://{}", server.scheme, cx.pseudonyms.name("hostname", &server.host)))
    });
    gather.outcome("endpoint.proxy.host", attributes, host);
}
