use std::time::Duration;

/// Leaves probes out while the agent costs more than it may, the least important first, and takes them back when it
/// costs little again.
///
/// The limit is ten times what the agent costs at rest: it is met only when something is wrong, such as a machine with
/// tens of thousands of processes, and then the agent must not be one more thing that is wrong.
///
/// What the agent does not use it saves, up to [`SAVINGS_MAX`], and it starts with that much. So the first pass, in which
/// every probe runs and the software of the machine is listed, is paid for, and so is that list once a day. What is over
/// the limit for good uses the savings up in minutes.
#[derive(Debug)]
pub(super) struct Diet {
    since: Option<Look>,
    savings: Duration,
    /// Probes of this priority and of larger numbers are left out.
    from: u8,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    used: Duration,
    awake: Duration,
}

/// Share of one core.
const LIMIT: f64 = 0.005;
/// Below this share a level is taken back.
const EASE: f64 = 0.002;
/// Processor time that may be saved: twenty minutes' worth.
const SAVINGS_MAX: Duration = Duration::from_secs(6);
/// Time that a share is measured over.
const SPAN: Duration = Duration::from_mins(5);
/// No probe has a priority this high: nothing is left out.
const NOTHING: u8 = 8;
/// So many priorities are left out more, or fewer, after five minutes.
const STEP: u8 = 2;
/// Probes below this are never left out.
const ESSENTIAL: u8 = 1;

impl Diet {
    /// Nothing is left out.
    pub(super) fn new() -> Self {
        Self { since: None, savings: SAVINGS_MAX, from: NOTHING }
    }

    /// The agent has `used` this much processor time after being `awake` this long. Says whether anything changed.
    pub(super) fn look(&mut self, used: Duration, awake: Duration) -> bool {
        let now = Look { used, awake };
        let Some(since) = self.since else {
            self.since = Some(now);
            return false;
        };
        let passed = awake.saturating_sub(since.awake);
        if passed < SPAN {
            return false;
        }
        self.since = Some(now);
        let used = used.saturating_sub(since.used);
        let may = self.savings + passed.mul_f64(LIMIT);
        self.savings = may.saturating_sub(used).min(SAVINGS_MAX);
        let before = self.from;
        if used > may {
            self.from = self.from.saturating_sub(STEP).max(ESSENTIAL);
        } else if used < passed.mul_f64(EASE) {
            self.from = (self.from + STEP).min(NOTHING);
        }
        self.from != before
    }

    /// Whether probes of `priority` are left out now.
    pub(super) fn leaves_out(&self, priority: u8) -> bool {
        priority >= self.from
    }

    /// The smallest priority that is left out.
    pub(super) fn from(&self) -> u8 {
        self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five minutes in which the agent used `share` of a core.
    fn five_minutes(diet: &mut Diet, at: &mut Look, share: f64) -> bool {
        at.awake += SPAN;
        at.used += SPAN.mul_f64(share);
        diet.look(at.used, at.awake)
    }

    #[test]
    fn sheds_the_least_important_first_and_takes_it_back() {
        let (mut diet, mut at) = (Diet::new(), Look { used: Duration::ZERO, awake: Duration::ZERO });
        diet.look(at.used, at.awake);
        assert!(!five_minutes(&mut diet, &mut at, 0.0005));
        assert!(!diet.leaves_out(7));
        assert!(!five_minutes(&mut diet, &mut at, 0.02), "it lives on what it saved");
        assert!(five_minutes(&mut diet, &mut at, 0.02));
        assert!(diet.leaves_out(6) && !diet.leaves_out(5));
        for _ in 0..5 {
            five_minutes(&mut diet, &mut at, 0.02);
        }
        assert!(diet.leaves_out(1) && !diet.leaves_out(0), "what is essential stays");
        assert!(!five_minutes(&mut diet, &mut at, 0.003), "between the limits nothing moves");
        assert!(five_minutes(&mut diet, &mut at, 0.0005));
        assert!(!diet.leaves_out(1));
    }

    #[test]
    fn an_agent_that_costs_little_leaves_no_probe_out() {
        let diet = Diet::new();
        let left_out: Vec<_> = crate::probe::all().iter().map(|probe| probe.spec()).collect();
        let left_out: Vec<_> = left_out.iter().filter(|spec| diet.leaves_out(spec.priority)).collect();
        assert!(left_out.is_empty(), "{left_out:?}");
    }

    #[test]
    fn a_burst_within_five_minutes_is_no_reason() {
        let mut diet = Diet::new();
        diet.look(Duration::ZERO, Duration::ZERO);
        assert!(!diet.look(Duration::from_secs(1), Duration::from_mins(1)));
    }

    #[test]
    fn a_start_and_a_list_of_software_once_a_day_are_paid_from_savings() {
        let (mut diet, mut at) = (Diet::new(), Look { used: Duration::ZERO, awake: Duration::ZERO });
        diet.look(at.used, at.awake);
        for five in 0..3 * 24 * 12 {
            // Five seconds of work within five minutes, and otherwise what an agent costs at rest.
            let share = if five % (24 * 12) == 0 { 5.0 / 300.0 } else { 0.0005 };
            five_minutes(&mut diet, &mut at, share);
            assert!(!diet.leaves_out(7), "after {five} times five minutes");
        }
    }

    #[test]
    fn a_little_over_the_limit_for_good_is_found_too() {
        let (mut diet, mut at) = (Diet::new(), Look { used: Duration::ZERO, awake: Duration::ZERO });
        diet.look(at.used, at.awake);
        let fives = (1..100).find(|_| five_minutes(&mut diet, &mut at, 0.008));
        assert_eq!(fives, Some(7), "five minutes after half an hour");
    }
}
