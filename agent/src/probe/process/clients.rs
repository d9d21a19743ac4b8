//! Whether the programs for mail and calls run. Which of them, and nothing that happens in them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Programs, look};
use crate::probe::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};

static SPEC: Spec = Spec {
    name: "clients",
    section: Section::Software,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 5,
    waits: false,
    heavy: false,
    signals: &["endpoint.mail.running", "endpoint.collab.running"],
};

/// Program, its name in readings, whether it is for mail.
const CLIENTS: [(&str, &str, bool); 16] = [
    ("thunderbird", "thunderbird", true),
    ("thunderbird-bin", "thunderbird", true),
    ("evolution", "evolution", true),
    ("geary", "geary", true),
    ("kmail", "kmail", true),
    ("claws-mail", "claws-mail", true),
    ("teams", "teams", false),
    ("teams-for-linux", "teams", false),
    ("zoom", "zoom", false),
    ("zoom.real", "zoom", false),
    ("CiscoCollabHost", "webex", false),
    ("webex", "webex", false),
    ("slack", "slack", false),
    ("element-desktop", "element", false),
    ("jitsi-meet", "jitsi", false),
    ("rocketchat-desktop", "rocketchat", false),
];

/// Looks for them among the programs.
pub(crate) struct Clients {
    programs: Programs,
    /// Those that ran since the agent started, to say when they no longer do.
    seen: Mutex<BTreeSet<(bool, &'static str)>>,
}

impl Clients {
    /// With what it shares.
    pub(crate) fn new(programs: Programs) -> Self {
        Self { programs, seen: Mutex::default() }
    }
}

impl Probe for Clients {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut groups = self.programs.lock();
        if groups.is_fresh() {
            look(cx, &mut groups)?;
        }
        let running: BTreeSet<_> = CLIENTS
            .iter()
            .filter(|(program, ..)| groups.runs(program))
            .map(|(_, client, is_mail)| (*is_mail, *client))
            .collect();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(&running);
        let mut gather = Gather::new(cx);
        for (wanted, signal) in [(true, "endpoint.mail.running"), (false, "endpoint.collab.running")] {
            let mut clients = seen.iter().filter(|(is_mail, _)| *is_mail == wanted).peekable();
            if clients.peek().is_none() {
                gather.unknown(signal, [], ProbeError::NotPresent("such program"));
            }
            for (is_mail, client) in clients {
                gather.value(signal, [("client", *client)], running.contains(&(*is_mail, *client)));
            }
        }
        Ok(gather.done())
    }
}
