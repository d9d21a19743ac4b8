//! When a machine records what while it is lived on, and when it sleeps or loses its network.

use std::time::Duration;

use firstline_proto::v1::MarkKind;
use tokio::time::Instant;

use crate::day::{Character, mixed, unix_ms};
use crate::spool::What;

/// One machine in so many sleeps for a while, and as many lose their network.
const ONE_IN: u64 = 10;

/// One sample in so many comes with a program that crashed.
const CRASH_ONE_IN: u64 = 200;

/// Whether a machine can be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Presence {
    Here,
    /// Until then, and it records nothing.
    Asleep(Instant),
    /// Until then, and it goes on recording.
    CutOff(Instant),
}

/// A machine's plan for a stretch of time.
#[derive(Debug, Default)]
pub(super) struct Course(Option<Plan>);

#[derive(Debug, Clone)]
struct Plan {
    character: Character,
    period: Duration,
    next: Instant,
    end: Instant,
    away: Option<(Instant, Instant)>,
    asleep: bool,
    /// Marks of the sleep that were made: pausing, resumed.
    marked: (bool, bool),
    /// What the clocks said when the plan was made.
    began: (Instant, i64),
}

impl Course {
    /// A sample every `period` for `span`, beginning at a moment of the machine's own.
    pub(super) fn of(character: Character, period: Duration, span: Duration) -> Self {
        let now = Instant::now();
        let chance = mixed(character.seed ^ 0x636f_7572);
        let next = now + period.mul_f64(chance as f64 / u64::MAX as f64);
        let kind = character.seed % ONE_IN;
        let away = (kind == 3 || kind == 6).then(|| (now + span.mul_f64(0.3), now + span.mul_f64(0.6)));
        Self(Some(Plan {
            character,
            period,
            next,
            end: now + span,
            away,
            asleep: kind == 3,
            marked: (false, false),
            began: (now, unix_ms()),
        }))
    }

    pub(super) fn presence(&self) -> Presence {
        let Some(Plan { away: Some((from, until)), asleep, .. }) = &self.0 else { return Presence::Here };
        let now = Instant::now();
        match *from <= now && now < *until {
            false => Presence::Here,
            true if *asleep => Presence::Asleep(*until),
            true => Presence::CutOff(*until),
        }
    }

    /// When something is due next; nothing when no more will be.
    pub(super) fn next(&self) -> Option<Instant> {
        let plan = self.0.as_ref()?;
        let turn = plan.away.map(|(from, until)| if from > Instant::now() { from } else { until });
        let turn = turn.filter(|turn| *turn > Instant::now());
        [(plan.next < plan.end).then_some(plan.next), turn].into_iter().flatten().min()
    }

    /// What is due by now, oldest first.
    pub(super) fn due(&mut self) -> Vec<(i64, What)> {
        self.0.as_mut().map_or_else(Vec::new, |plan| plan.due(Instant::now()))
    }

    /// How many records it will have made at its end.
    pub(super) fn all_in_all(&self) -> u64 {
        self.0.as_ref().map_or(0, |plan| plan.clone().due(plan.end).len() as u64)
    }
}

impl Plan {
    fn due(&mut self, now: Instant) -> Vec<(i64, What)> {
        let mut due = self.samples(now);
        due.extend(self.marks(now));
        due.sort_by_key(|(at_ms, _)| *at_ms);
        due
    }

    fn samples(&mut self, now: Instant) -> Vec<(i64, What)> {
        let mut due = Vec::new();
        while self.next <= now && self.next < self.end {
            let sleeps = self.asleep && self.away.is_some_and(|(from, until)| from <= self.next && self.next < until);
            let at_ms = self.unix_ms(self.next);
            if !sleeps {
                due.push((at_ms, What::Sample));
                if mixed(self.character.seed ^ at_ms.unsigned_abs()).is_multiple_of(CRASH_ONE_IN) {
                    due.push((at_ms, What::Event));
                }
            }
            self.next += self.period;
        }
        due
    }

    fn marks(&mut self, now: Instant) -> Vec<(i64, What)> {
        let (Some((from, until)), true) = (self.away, self.asleep) else { return Vec::new() };
        let mut due = Vec::new();
        if from <= now && !std::mem::replace(&mut self.marked.0, from <= now) {
            due.push((self.unix_ms(from), What::Mark(MarkKind::Pausing)));
        }
        if until <= now && !std::mem::replace(&mut self.marked.1, until <= now) {
            due.push((self.unix_ms(until), What::Mark(MarkKind::Resumed)));
        }
        due
    }

    fn unix_ms(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.began.0);
        self.began.1 + i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
