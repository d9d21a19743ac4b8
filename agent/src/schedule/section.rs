use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::registry::{Area, Registry, SignalKind, Source};
use firstline_diagnosis::vocabulary::{Attributes, Event, Reading, Series, Timestamp, Unknown, Why};
use firstline_proto::v1::Section;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::gate::Gate;
use super::slot::Slot;
use super::train::{self, Ran};
use super::{Cost, Schedule};
use crate::bookmarks::Bookmark;
use crate::probe::Context;

/// Fresh readings of one section of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct SectionReadings {
    /// Which section.
    pub section: Section,
    /// Every reading, those without a value included.
    pub readings: Vec<Reading>,
    /// What the probes noticed since their last run. A probe notices each event once: these must not be lost.
    pub events: Vec<Event>,
    /// Where their sources go on, once they are in the spool.
    pub bookmarks: Vec<Bookmark>,
    /// Probes that gave nothing although there is something to read.
    pub missing: Vec<Missing>,
    /// From the request to the last reading.
    pub elapsed: Duration,
}

/// A probe that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which probe.
    pub probe: &'static str,
    /// Why.
    pub why: Unknown,
}

/// Runs the probes of `section` and waits for them, at most until `deadline`.
pub(super) async fn collect(schedule: &Schedule, section: Section, deadline: Duration) -> SectionReadings {
    let start = Instant::now();
    let denied = schedule.settings.borrow().denied_signals.clone();
    let wanted = schedule.slots.iter().filter(|slot| slot.spec().section == section && !slot.is_denied(&denied));
    let mut wanted: Vec<_> = wanted.cloned().collect();
    let mut runs = JoinSet::new();
    for slots in together(&wanted) {
        let (cx, workers) = (Arc::clone(&schedule.cx), Arc::clone(&schedule.workers));
        runs.spawn(async move {
            let mut tickets = train::Train::new();
            for slot in &slots {
                tickets.push_back(slot.board_later().await);
            }
            train::drive(tickets, cx, workers).await
        });
    }
    let gate = Gate { due: &[], denied: &denied };
    let mut result = SectionReadings {
        section,
        readings: Vec::new(),
        events: Vec::new(),
        bookmarks: Vec::new(),
        missing: Vec::new(),
        elapsed: Duration::ZERO,
    };
    while let Ok(Some(ran)) = tokio::time::timeout_at(start + deadline, runs.join_next()).await {
        for one in ran.unwrap_or_default() {
            wanted.retain(|slot| !Arc::ptr_eq(slot, &one.slot));
            result.enter(&one, &gate);
        }
    }
    for slot in wanted {
        result.enter(&too_late(&slot, &schedule.cx, deadline), &gate);
    }
    result.say_what_nothing_tells(schedule.cx.clock.now(), &denied);
    result.elapsed = start.elapsed();
    result
}

/// Probes that read this machine go together, each of the others alone.
fn together(slots: &[Arc<Slot>]) -> Vec<Vec<Arc<Slot>>> {
    let (waiting, reading): (Vec<_>, Vec<_>) = slots.iter().cloned().partition(|slot| slot.spec().waits);
    std::iter::once(reading)
        .chain(waiting.into_iter().map(|slot| vec![slot]))
        .filter(|group| !group.is_empty())
        .collect()
}

fn too_late(slot: &Arc<Slot>, cx: &Context, deadline: Duration) -> Ran {
    let why = Unknown::new(Why::Timeout, format!("{} did not finish in {deadline:.0?}", slot.spec().name));
    train::ran(slot, cx, Err(why), Cost { wall: deadline, cpu: None })
}

impl SectionReadings {
    fn enter(&mut self, ran: &Ran, gate: &Gate) {
        let start = self.readings.len();
        self.readings.extend(ran.slot.admitted(ran, gate));
        let absent: Vec<&str> = ran
            .slot
            .spec()
            .signals
            .iter()
            .copied()
            .filter(|signal| {
                let is_state = Registry::builtin().get(signal).is_some_and(|spec| spec.kind != SignalKind::Event);
                let is_there = self.readings[start..].iter().any(|reading| &*reading.series.signal == *signal);
                is_state && !is_there && !gate.denied.contains(*signal)
            })
            .collect();
        for signal in absent {
            self.say(signal, &Unknown::new(Why::NotPresent, "this look found none"), ran.at);
        }
        let news = ran.news(gate.denied);
        self.events.extend(news.events);
        self.bookmarks.extend(news.bookmarks);
        if let Some(why) = ran.failure() {
            self.missing.push(Missing { probe: ran.slot.spec().name, why: why.clone() });
        }
    }

    /// What is declared and cannot be read on this system is told with the reason that the registry gives: whoever asks for
    /// a section gets a reading or a reason for each of its signals.
    fn say_what_nothing_tells(&mut self, at: Timestamp, denied: &BTreeSet<String>) {
        let section = self.section;
        for spec in Registry::builtin().iter().filter(|spec| section_of(spec.area) == section) {
            if let Some(Source::None { none }) = spec.source.on(std::env::consts::OS)
                && spec.kind != SignalKind::Event
                && !denied.contains(&spec.name)
            {
                self.say(&spec.name, &Unknown::new(Why::Unsupported, none.as_str()), at);
            }
        }
    }

    fn say(&mut self, signal: &str, why: &Unknown, at: Timestamp) {
        self.readings.push(Reading { series: Series::new(signal, Attributes::none()), outcome: Err(why.clone()), at });
    }
}

fn section_of(area: Area) -> Section {
    match area {
        Area::Performance => Section::Performance,
        Area::Storage => Section::Storage,
        Area::Network => Section::Network,
        Area::Hardware => Section::Hardware,
        Area::Software => Section::Software,
        Area::Identity | Area::Agent => Section::Identity,
        Area::Peripheral => Section::Peripheral,
        Area::Trust => Section::Trust,
    }
}
