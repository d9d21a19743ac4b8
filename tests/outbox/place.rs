//! Where notes go: a stand-in, or a real Request Tracker behind a relay.

use std::path::Path;
use std::time::Instant;

use firstline_tests::RequestTracker;
use reqwest::Method;
use serde_json::json;

use crate::desk::{Desk, TOKEN};
use crate::faults::Faults;
use crate::relay::Relay;

/// A desk to measure at.
#[derive(Debug)]
pub(crate) enum Place {
    /// In this process, so that it takes next to no time of its own.
    StandIn(Desk),
    /// As Debian installs it, one process on SQLite.
    RequestTracker(Box<RequestTracker>, Relay),
}

impl Place {
    /// A new stand-in.
    pub(crate) fn stand_in() -> Self {
        Self::StandIn(Desk::default())
    }

    /// A new Request Tracker.
    pub(crate) async fn request_tracker() -> Self {
        let tracker = RequestTracker::start_as_installed().await;
        let relay = Relay::before(tracker.port);
        Self::RequestTracker(Box::new(tracker), relay)
    }

    /// What it is called in the results.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::StandIn(_) => "stand-in",
            Self::RequestTracker(..) => "Request Tracker",
        }
    }

    /// What goes wrong there.
    pub(crate) fn faults(&self) -> &Faults {
        match self {
            Self::StandIn(desk) => &desk.faults,
            Self::RequestTracker(_, relay) => &relay.faults,
        }
    }

    /// Serves it, and the table by which a collector uses it; secrets go below `folder`.
    pub(crate) async fn table(&self, folder: &Path) -> String {
        let (kind, port, token, queue, device) = match self {
            Self::StandIn(desk) => {
                let file = folder.join("token");
                std::fs::write(&file, TOKEN).expect("written");
                ("zammad", desk.serve().await, file, "Users", "device")
            }
            Self::RequestTracker(tracker, relay) => {
                ("request-tracker", relay.serve().await, tracker.token("firstline"), "Workstations", "Agent ID")
            }
        };
        format!(
            "[[desk]]\nname = \"helpdesk\"\nkind = \"{kind}\"\nurl = \"http://127.0.0.1:{port}\"\ntoken_file = \"{}\"\n\
             queues = [\"{queue}\"]\npoll_seconds = 5\ndevice_field = \"{device}\"\n",
            token.display()
        )
    }

    /// Opens a ticket about a computer; its number.
    pub(crate) async fn open(&self, device: &str) -> String {
        let (tracker, order) = match self {
            Self::StandIn(desk) => return desk.open(device),
            Self::RequestTracker(tracker, _) => {
                let order = json!({
                    "Queue": "Workstations", "Subject": "My computer is slow", "Requestor": "sam@corp.test",
                    "Content": "Since 10:40.", "CustomFields": { "Agent ID": device },
                });
                (tracker, order)
            }
        };
        tracker.send(Method::POST, "/ticket", &order).await["id"].as_str().expect("an id").to_owned()
    }

    /// When the first note was taken that went onto a ticket.
    pub(crate) fn noted_at(&self, number: &str) -> Option<Instant> {
        match self {
            Self::StandIn(desk) => desk.noted_at(number),
            Self::RequestTracker(_, relay) => relay.noted_at(number),
        }
    }

    /// What all messages on the tickets say, as the desk has them.
    pub(crate) async fn notes(&self, tickets: &[String]) -> Vec<String> {
        match self {
            Self::StandIn(desk) => desk.notes(),
            Self::RequestTracker(tracker, _) => {
                let mut all = Vec::new();
                for ticket in tickets {
                    all.extend(tracker.messages(ticket).await);
                }
                all
            }
        }
    }
}
