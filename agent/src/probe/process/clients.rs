//! Whether the programs for mail, calls and copies in the cloud run, and the services for sound, which belong to a person's
//! session and not to the machine. Which of them, and nothing that happens in them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order;
use firstline_proto::v1::Section;

use super::Programs;
use crate::probe::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};

static SPEC: Spec = Spec {
    name: "clients",
    section: Section::Software,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 5,
    waits: false,
    heavy: false,
    signals: &[MAIL, CALLS, SOUND, SYNC],
};

/// The signals, and what tells their instances apart.
const SIGNALS: [(&str, &str); 4] = [(MAIL, "client"), (CALLS, "client"), (SOUND, "service"), (SYNC, "client")];
const MAIL: &str = "endpoint.mail.running";
const CALLS: &str = "endpoint.collab.running";
const SOUND: &str = "endpoint.audio.service.running";
const SYNC: &str = "endpoint.sync.running";

/// Program, its name in readings, its signal.
const CLIENTS: [(&str, &str, &str); 26] = [
    ("thunderbird", "thunderbird", MAIL),
    ("thunderbird-bin", "thunderbird", MAIL),
    ("evolution", "evolution", MAIL),
    ("geary", "geary", MAIL),
    ("kmail", "kmail", MAIL),
    ("claws-mail", "claws-mail", MAIL),
    ("teams", "teams", CALLS),
    ("teams-for-linux", "teams", CALLS),
    ("zoom", "zoom", CALLS),
    ("zoom.real", "zoom", CALLS),
    ("CiscoCollabHost", "webex", CALLS),
    ("webex", "webex", CALLS),
    ("slack", "slack", CALLS),
    ("element-desktop", "element", CALLS),
    ("jitsi-meet", "jitsi", CALLS),
    ("rocketchat-desktop", "rocketchat", CALLS),
    ("pipewire", "pipewire", SOUND),
    ("pipewire-pulse", "pipewire-pulse", SOUND),
    ("wireplumber", "wireplumber", SOUND),
    ("pulseaudio", "pulseaudio", SOUND),
    ("nextcloud", "nextcloud", SYNC),
    ("owncloud", "owncloud", SYNC),
    ("dropbox", "dropbox", SYNC),
    ("onedrive", "onedrive", SYNC),
    ("insync", "insync", SYNC),
    ("seafile-applet", "seafile", SYNC),
];

/// Looks for them among the programs.
pub(crate) struct Clients {
    programs: Programs,
    /// Those that ran since the agent started, to say when they no longer do.
    seen: Mutex<BTreeSet<(&'static str, &'static str)>>,
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

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let running = self.programs.running(cx, CLIENTS.iter().map(|(program, ..)| *program))?;
        let clients = CLIENTS.iter().filter(|(program, ..)| running.contains(program));
        let running = order::set(clients.map(|(_, client, signal)| (*signal, *client)));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(&running);
        let mut gather = Gather::new(cx);
        for (signal, told_apart_by) in SIGNALS {
            let mut clients = seen.iter().filter(|(of, _)| *of == signal).peekable();
            if clients.peek().is_none() {
                gather.unknown(signal, [], ProbeError::NotPresent("such program"));
            }
            for client in clients {
                gather.value(signal, [(told_apart_by, client.1)], running.contains(client));
            }
        }
        Ok(gather.done())
    }
}
