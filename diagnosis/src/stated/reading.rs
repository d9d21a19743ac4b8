//! Which moment a time of day is.

use super::clock::Clock;
use super::day::{DAY, Day, HALF_DAY, Part};

/// Clocks differ: a moment may be so many seconds ahead and is taken for the present.
pub(super) const GRACE_SECONDS: i64 = 300;

/// What is `about` a time may have been written a quarter of an hour before it.
const GRACE_ABOUT_SECONDS: i64 = 900;

/// `3:10` is the afternoon if that was so many seconds ago, and the night was not.
const FRESH_SECONDS: i64 = 6 * 3600;

/// What is so many seconds ahead may be what somebody has before him.
const UPCOMING_SECONDS: i64 = 3 * 3600;

/// People work from seven to seven: on another day `at 3` is the afternoon.
const WORK_BEGINS: i64 = 7 * 3600;

/// The end of the small hours, in seconds since midnight.
const NIGHT_ENDS: i64 = 6 * 3600;

/// What a time of day is read with. All times are seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    /// When the words were written.
    pub(super) told: i64,
    /// What the clocks of the people there are ahead of UTC, in seconds.
    pub(super) offset: i64,
    /// Times with minutes are on a clock of 24 hours.
    pub(super) is_literal: bool,
}

/// A moment, and how sure it is that it has been.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) at: i64,
    /// On the day before, though nothing says so.
    pub(super) is_rolled: bool,
    /// It may as well be one of the next few hours.
    pub(super) is_upcoming: bool,
}

impl Reader {
    /// The moment, unless it is yet to come.
    pub(super) fn read(&self, clock: &Clock, day: Option<Day>, is_about: bool) -> Option<Reading> {
        let offset = clock.zone.map_or(self.offset, i64::from);
        let now = Now::new(self.told + offset, if is_about { GRACE_ABOUT_SECONDS } else { GRACE_SECONDS });
        let part = day.and_then(|day| day.part);
        let known = day.and_then(|day| Some((day.days?, day)));
        let at = match known {
            Some((days, day)) => now.on(days, clock, day, self.is_literal)?,
            None => now.free(clock, part, self.is_literal)?,
        };
        Some(Reading {
            at: at - offset,
            is_rolled: known.is_none() && at < now.midnight(),
            is_upcoming: known.is_none() && now.is_upcoming(clock),
        })
    }
}

/// When the words were written, on the clock there.
struct Now {
    local: i64,
    /// What is later is yet to come.
    latest: i64,
}

impl Now {
    fn new(local: i64, grace: i64) -> Self {
        Self { local, latest: local + grace }
    }

    fn midnight(&self) -> i64 {
        self.local.div_euclid(DAY) * DAY
    }

    fn past(&self, at: i64) -> Option<i64> {
        Some(at).filter(|at| *at <= self.latest)
    }

    /// The last time that it was so many seconds since midnight, today or yesterday.
    fn last(&self, of_day: i64) -> Option<i64> {
        let today = self.midnight() + of_day;
        self.past(today).or_else(|| self.past(today - DAY)).or_else(|| self.past(today - 2 * DAY))
    }

    /// Without a day.
    fn free(&self, clock: &Clock, part: Option<Part>, is_literal: bool) -> Option<i64> {
        let of_day = clock.of_day();
        if let Some(part) = part {
            return self.last(within(clock, part));
        }
        if clock.is_twelve {
            return self.last(of_day).max(self.last(of_day + HALF_DAY));
        }
        let (early, late) = (self.last(of_day)?, self.last(of_day + HALF_DAY));
        let is_open = !is_literal && !clock.is_sure && of_day < HALF_DAY;
        let fresh = late.filter(|late| is_open && *late >= self.local - FRESH_SECONDS);
        Some(fresh.filter(|_| early < self.local - FRESH_SECONDS).unwrap_or(early))
    }

    /// On a day.
    fn on(&self, days: i64, clock: &Clock, day: Day, is_literal: bool) -> Option<i64> {
        let begin = days.checked_mul(DAY)?;
        let is_today = begin == self.midnight();
        if clock.is_midnight {
            return self.past(begin + DAY).or_else(|| self.past(begin));
        }
        if is_today && day.part.is_none() && !clock.is_sure {
            let today = self.free(clock, None, is_literal).filter(|at| *at >= begin);
            if today.is_some() || !day.is_weekday {
                return today;
            }
        }
        let of_day = day.part.map_or_else(|| at_work(clock), |part| within(clock, part));
        let is_next = of_day >= DAY && begin < self.midnight();
        let at = self.past(begin + of_day).or_else(|| self.past(begin + of_day - DAY).filter(|_| is_next));
        at.or_else(|| self.past(begin + of_day - 7 * DAY).filter(|_| day.is_weekday))
    }

    /// Whether the clock will show that time soon.
    fn is_upcoming(&self, clock: &Clock) -> bool {
        let ahead = |of_day: i64| (of_day - self.local).rem_euclid(DAY);
        let is_soon = |of_day: i64| (GRACE_SECONDS + 1..=UPCOMING_SECONDS).contains(&ahead(of_day));
        is_soon(clock.of_day()) || (!clock.is_sure && is_soon(clock.of_day() + HALF_DAY))
    }
}

/// Seconds since midnight, in that part of a day; more than a day for the small hours of a night.
fn within(clock: &Clock, part: Part) -> i64 {
    let (of_day, half) = (clock.of_day(), clock.of_day() % HALF_DAY);
    match part {
        Part::Night if of_day < NIGHT_ENDS && clock.is_sure => of_day + DAY,
        _ if clock.is_sure => of_day,
        Part::Morning => half,
        Part::Night if half < NIGHT_ENDS => half + DAY,
        Part::Afternoon | Part::Night => half + HALF_DAY,
    }
}

/// Seconds since midnight on a day that is past.
fn at_work(clock: &Clock) -> i64 {
    let of_day = clock.of_day();
    if clock.is_twelve && of_day < WORK_BEGINS { of_day + HALF_DAY } else { of_day }
}
