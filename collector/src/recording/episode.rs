use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::detector::Transition;
use firstline_diagnosis::document::FindingState;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Held, calls_somebody};
use crate::config::Alerts as Policy;

/// A time during which a check held on an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The check.
    pub check: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Its name.
    pub name: String,
    /// On which instance; empty when there is only one.
    pub instance: String,
    /// When it was raised.
    pub from: Timestamp,
    /// When it was cleared; nothing when it held to the end.
    pub to: Option<Timestamp>,
    /// How bad.
    pub severity: Severity,
    /// Whether somebody would have been called: an alert, and with it a ticket where alerts open tickets.
    pub ticket: bool,
    /// What technicians would have read.
    pub text: String,
}

/// What became of one check in a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfCheck {
    /// The check.
    pub id: String,
    /// How often it would have fired.
    pub times: usize,
    /// On how many endpoints.
    pub endpoints: usize,
    /// How often somebody would have been called.
    pub tickets: usize,
    /// For how long, all together.
    pub seconds: u64,
    /// The longest time.
    pub longest_seconds: u64,
    /// How often on each day, the first day first.
    pub by_day: Vec<usize>,
}

/// The episodes of one endpoint, from the moves of its checks.
#[derive(Debug, Default)]
pub(super) struct Episodes {
    open: BTreeMap<(String, String), Episode>,
    pub(super) closed: Vec<Episode>,
}

impl Episodes {
    /// Takes in a move; `proactive` says whether the check may call people at all.
    pub(super) fn moved(&mut self, moved: Transition, (endpoint, name): (&str, &str), proactive: bool) {
        let key = (moved.check.clone(), moved.instance.clone());
        match moved.to {
            FindingState::Active if !self.open.contains_key(&key) => {
                let held = Held { title: String::new(), proactive, finding: moved.finding };
                let episode = Episode {
                    check: moved.check,
                    endpoint: endpoint.to_owned(),
                    name: name.to_owned(),
                    instance: moved.instance,
                    from: moved.at,
                    to: None,
                    severity: held.finding.severity,
                    ticket: calls_somebody(&held, &Policy::default(), moved.at),
                    text: held.finding.texts.tech,
                };
                self.open.insert(key, episode);
            }
            FindingState::Ok => {
                self.closed.extend(self.open.remove(&key).map(|episode| Episode { to: Some(moved.at), ..episode }));
            }
            _ => {}
        }
    }

    /// All of them, in order of time; those that are open hold to the end.
    pub(super) fn finish(mut self) -> Vec<Episode> {
        self.closed.extend(self.open.into_values());
        self.closed.sort_by(|one, other| {
            (one.from, &one.check, &one.instance).cmp(&(other.from, &other.check, &other.instance))
        });
        self.closed
    }
}

impl OfCheck {
    /// The sum of the episodes of one check between two moments.
    pub(super) fn of(id: &str, episodes: &[Episode], (from, to): (Timestamp, Timestamp)) -> Self {
        let day = Duration::from_hours(24);
        let days = to.since(from).as_secs().div_ceil(day.as_secs()).max(1);
        let mine: Vec<&Episode> = episodes.iter().filter(|episode| episode.check == id).collect();
        let lasted = |episode: &&Episode| episode.to.unwrap_or(to).since(episode.from).as_secs();
        let mut by_day = vec![0; usize::try_from(days).unwrap_or(1)];
        for episode in &mine {
            let index = usize::try_from(episode.from.since(from).as_secs() / day.as_secs()).unwrap_or(0);
            let last = by_day.len() - 1;
            by_day[index.min(last)] += 1;
        }
        let mut endpoints: Vec<&str> = mine.iter().map(|episode| episode.endpoint.as_str()).collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        Self {
            id: id.to_owned(),
            times: mine.len(),
            endpoints: endpoints.len(),
            tickets: mine.iter().filter(|episode| episode.ticket).count(),
            seconds: mine.iter().map(lasted).sum(),
            longest_seconds: mine.iter().map(lasted).max().unwrap_or(0),
            by_day,
        }
    }
}
