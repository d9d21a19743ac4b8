//! Whether the people who are signed in have a Kerberos ticket that is still good: without one, every service of the
//! company asks for the password again. Only that, by keyed name; not whose services they use.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;
use crate::os::proc::ccache::Ticket;

static SPEC: Spec = Spec {
    name: "sso",
    section: Section::Trust,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(5),
    priority: 5,
    waits: false,
    heavy: false,
    signals: &["endpoint.sso.token_ok"],
};

/// Looks for tickets.
pub(crate) struct SingleSignOn;

impl Probe for SingleSignOn {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Files, Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let tickets = native::tickets(&cx.root)?;
        if tickets.is_empty() {
            return Err(ProbeError::NotPresent("session of a person"));
        }
        let now = u32::try_from(cx.clock.now().unix_ms() / 1000).unwrap_or(u32::MAX);
        let mut gather = Gather::new(cx);
        for (user, ticket) in tickets {
            let name = cx.pseudonyms.name("user", &user.to_lowercase());
            let is_good = ticket.map(|ticket| matches!(ticket, Ticket::Until(until) if until > now));
            gather.outcome("endpoint.sso.token_ok", [("user", name.as_str())], is_good);
        }
        Ok(gather.done())
    }
}
