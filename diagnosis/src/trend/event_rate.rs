//! Whether something happens more often than it did, by the hour that the machine was awake.

use crate::estimate::poisson_tail;
use crate::vocabulary::Event;

use super::words;
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, PastPoint, Role};

pub(super) const METHOD: Method = Method {
    name: "event-rate",
    version: 1,
    roles: &[
        Role { name: "events", needed: true, span: "window", step: "" },
        Role { name: "awake", needed: true, span: "window", step: "step" },
    ],
    parameters: &[("window", "s"), ("step", "s"), ("recent", "s"), ("awake_before", "s")],
    outputs: &[
        Output { name: "count", label: "How often it happened", unit: OutputUnit::Unit("{event}") },
        Output { name: "expected", label: "How often it was expected", unit: OutputUnit::Unit("{event}") },
        Output { name: "chance", label: "Probability that this is chance", unit: OutputUnit::Unit("1") },
        Output { name: "words", label: "How often it happened and was expected", unit: OutputUnit::Text },
    ],
    assess,
};

/// An event that never happened may still happen: half a one is added to what was counted.
const UNSEEN: f64 = 0.5;

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let border = ask.now.0 - ask.span_ms("recent");
    let (mut before_ms, mut recent_ms) = (0, 0);
    let told = |step: &PastPoint| ask.past.events_since.is_none_or(|since| step.at > since);
    for step in ask.points("awake").into_iter().filter(told) {
        if step.at.0 > border { recent_ms += step.step_ms } else { before_ms += step.step_ms }
    }
    let needed_ms = ask.span_ms("awake_before");
    if before_ms < needed_ms {
        let wanted = format!("{} awake before", words::span(needed_ms as f64 / 1000.0));
        return Err(Doubt::needs(wanted, words::span(before_ms as f64 / 1000.0)));
    }
    let events = ask.events("events");
    let counted = |events: &mut dyn Iterator<Item = &&Event>| events.map(|event| event.count.max(1)).sum::<u32>();
    let before = counted(&mut events.iter().filter(|event| event.at.0 <= border));
    let count = counted(&mut events.iter().filter(|event| event.at.0 > border));
    let expected = (f64::from(before) + UNSEEN) / before_ms as f64 * recent_ms as f64;
    let chance = poisson_tail(count, expected);
    Ok(Assessment::of(events.len())
        .estimating("{event}", f64::from(count), None)
        .with("count", f64::from(count))
        .with("expected", expected)
        .with("chance", chance)
        .saying(format!("{count} times, where about {expected:.1} were expected"))
        .weighing(if chance < 0.05 { f64::from(count) } else { 0.0 }))
}
