use super::line::Told;
use crate::vocabulary::{Mark, Timestamp};

/// Within this, a clock is right.
const TOLERANCE_MS: i64 = 2_000;

/// Puts an endpoint's lines in time, and notices boots and changes of network between them.
#[derive(Debug, Default)]
pub(super) struct Placed {
    boot: Option<String>,
    context: Option<String>,
    /// When the boot began, by the first line of it that says so.
    booted_ms: Option<i64>,
}

impl Placed {
    /// When a line was told, and the turns that it says by the way.
    pub(super) fn line(&mut self, told: &Told) -> (Timestamp, Vec<Mark>) {
        let mut marks = Vec::new();
        if is_another(&mut self.boot, told.boot_id.as_ref()) {
            self.booted_ms = None;
            marks.push(Mark::Booted);
        }
        if is_another(&mut self.context, told.ctx.as_ref()) {
            marks.push(Mark::NetworkChanged);
        }
        (self.at(told), marks)
    }

    /// A clock that was set back is recognised by the time since boot. One that went ahead is believed: the time since boot
    /// stands still while a machine sleeps.
    fn at(&mut self, told: &Told) -> Timestamp {
        let Some(since_boot) = told.t_mono.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) else {
            return told.t;
        };
        let since_boot_ms = (since_boot * 1000.0) as i64;
        let booted_ms = *self.booted_ms.get_or_insert(told.t.0.saturating_sub(since_boot_ms));
        let by_boot = booted_ms.saturating_add(since_boot_ms);
        if told.t.0 < by_boot.saturating_sub(TOLERANCE_MS) {
            return Timestamp(by_boot);
        }
        if told.t.0 > by_boot.saturating_add(TOLERANCE_MS) {
            self.booted_ms = Some(told.t.0.saturating_sub(since_boot_ms));
        }
        told.t
    }
}

/// Remembers what is said now; whether something else was said before.
fn is_another(known: &mut Option<String>, said: Option<&String>) -> bool {
    let Some(said) = said else { return false };
    if known.as_ref() == Some(said) {
        return false;
    }
    known.replace(said.clone()).is_some()
}
