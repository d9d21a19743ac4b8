use sha2::{Digest, Sha256};

use crate::order::Arrange as _;
use crate::vocabulary::{Event, Mark, Series, Timestamp, Value};

use super::blocks;
use super::{Past, PastFinding, PastPoint, Read, Use};

/// Why a method says nothing of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Too little is known; with what is needed, and what is there.
    Needs(String),
    /// What it could have spoken of has ended: a program that began anew, a part that was replaced.
    Over(String),
}

impl Doubt {
    /// `needs 5 days of history; has 2`.
    pub(crate) fn needs(wanted: impl std::fmt::Display, has: impl std::fmt::Display) -> Self {
        Self::Needs(format!("needs {wanted}; has {has}"))
    }
}

/// One instance at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The check's id.
    pub(crate) check: &'a str,
    pub(crate) past: &'a Past,
    pub(crate) of: &'a Use,
    /// Attributes that make the instance.
    pub(crate) binding: &'a [(&'a str, &'a str)],
    pub(crate) now: Timestamp,
}

impl<'a> Ask<'a> {
    /// A parameter. The catalogue is refused when one is missing.
    pub(crate) fn parameter(&self, name: &str) -> f64 {
        self.of.parameters.get(name).copied().unwrap_or(f64::NAN)
    }

    /// A parameter that is a time, in milliseconds.
    pub(crate) fn span_ms(&self, name: &str) -> i64 {
        (self.parameter(name) * 1000.0) as i64
    }

    /// Whether the check's own finding stood on this instance at a moment.
    pub(crate) fn stood_at(&self, at: Timestamp) -> bool {
        let is_own = |stood: &&PastFinding| {
            let mut values = self.binding.iter().map(|(_, value)| *value);
            stood.check == self.check
                && stood.instance.split(", ").filter(|one| !one.is_empty()).all(|one| values.next() == Some(one))
        };
        let within = |stood: &PastFinding| stood.from <= at && stood.to.is_none_or(|to| at <= to);
        self.past.stood.iter().filter(is_own).any(within)
    }

    pub(crate) fn read(&self, role: &str) -> Option<&'a Read> {
        self.of.reads.iter().find(|read| read.role == role)
    }

    /// Whether a series is one that a role reads, of this instance.
    fn fits(&self, read: &Read, series: &Series) -> bool {
        let own = |(name, value): &(&str, &str)| series.attributes.get(name).is_none_or(|found| found == *value);
        read.selects(series) && self.binding.iter().all(own)
    }

    fn earliest(&self, read: &Read) -> Timestamp {
        self.now - read.span
    }

    /// The numbers of a role, in steps of its length or longer, in order of time. Of several series the sum is not made:
    /// the one that was heard last counts.
    pub(crate) fn points(&self, role: &str) -> Vec<PastPoint> {
        let Some(read) = self.read(role) else { return Vec::new() };
        let (from, step_ms) = (self.earliest(read), read.step.as_millis() as i64);
        let fitting = self.past.series.iter().filter(|known| self.fits(read, &known.series));
        let within = |known: &'a super::PastSeries| {
            let points = known.points.iter().copied();
            points.filter(|point| point.at > from && point.at <= self.now).collect::<Vec<_>>()
        };
        // The same series may be known in steps of several lengths: the longest that is fine enough goes back furthest.
        let newest = fitting.map(within).max_by_key(|points| {
            let length = points.first().map_or(0, |point| point.step_ms);
            let is_fine = length <= step_ms;
            (is_fine, if is_fine { length } else { -length }, points.last().map(|point| point.at))
        });
        blocks::joined(&newest.unwrap_or_default(), step_ms)
    }

    /// The same, of all series of a role, each with its name.
    pub(crate) fn each_states(&self, role: &str) -> Vec<(&'a Series, Vec<(Timestamp, &'a Value)>)> {
        let Some(read) = self.read(role) else { return Vec::new() };
        let fitting = self.past.states.iter().filter(|known| self.fits(read, &known.series));
        let values = |known: &'a super::PastStates| {
            let values = known.values.iter().filter(|(at, _)| *at <= self.now);
            (&known.series, values.map(|(at, value)| (*at, value)).collect::<Vec<_>>())
        };
        fitting.map(values).filter(|(_, values)| !values.is_empty()).collect()
    }

    /// What a role was, and since when each; also of what began before its span.
    pub(crate) fn states(&self, role: &str) -> Vec<(Timestamp, &'a Value)> {
        let mut all = self.each_states(role);
        all.arrange_by_key(|(_, values)| values.last().map(|(at, _)| *at));
        all.pop().map(|(_, values)| values).unwrap_or_default()
    }

    /// What a role was at a moment.
    pub(crate) fn state_at(&self, role: &str, at: Timestamp) -> Option<&'a Value> {
        let states = self.states(role);
        let place = states.partition_point(|(since, _)| *since <= at);
        place.checked_sub(1).map(|place| states[place].1)
    }

    /// What happened of a role within its span.
    pub(crate) fn events(&self, role: &str) -> Vec<&'a Event> {
        let Some(read) = self.read(role) else { return Vec::new() };
        let from = self.earliest(read);
        let within = self.past.events.iter().filter(|event| event.at > from && event.at <= self.now);
        within.filter(|event| self.fits(read, &event.series)).collect()
    }

    /// The last turn that ends whatever ran before it: a boot, a sleep, a wake.
    pub(crate) fn last_break(&self) -> Option<Timestamp> {
        let breaks = self.past.marks.iter().rev().filter(|(_, mark)| *mark != Mark::NetworkChanged);
        breaks.map(|(at, _)| *at).find(|at| *at <= self.now)
    }

    /// The first eight bytes of SHA-256 over all that is read of this instance.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for read in &self.of.reads {
            hash.update(read.role.as_bytes());
            for point in self.points(read.role) {
                hash.update(point.at.0.to_be_bytes());
                for number in [point.mean, point.low, point.high] {
                    hash.update(number.to_be_bytes());
                }
            }
            for (series, values) in self.each_states(read.role) {
                hash.update(series.to_string().as_bytes());
                for (at, value) in values {
                    hash.update(at.0.to_be_bytes());
                    hash.update(format!("{value:?}").as_bytes());
                }
            }
            for event in self.events(read.role) {
                hash.update(event.at.0.to_be_bytes());
                hash.update(event.count.to_be_bytes());
            }
        }
        let mut head = [0; 8];
        head.copy_from_slice(&hash.finalize()[..8]);
        format!("{:016x}", u64::from_be_bytes(head))
    }
}
