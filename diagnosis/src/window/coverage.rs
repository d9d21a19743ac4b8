//! How much time a row of readings stands for, counted from the newest back.

/// Windows reach back over quiet time of this length.
const QUIET_MAX_MS: i64 = 30 * 60_000;

/// What has been counted so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coverage {
    covered_ms: i64,
    quiet_ms: i64,
    /// Where what was counted begins.
    from: i64,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { covered_ms: 0, quiet_ms: 0, from: i64::MAX }
    }
}

impl Coverage {
    /// Counts the `step_ms` before `at`, as far as it is not counted yet. What windows leave out counts apart.
    pub(super) fn add(&mut self, at: i64, step_ms: i32, left_out: bool) {
        let from = at.saturating_sub(i64::from(step_ms));
        let new_ms = at.min(self.from).saturating_sub(from).max(0);
        self.from = self.from.min(from);
        if left_out {
            self.quiet_ms += new_ms;
        } else {
            self.covered_ms += new_ms;
        }
    }

    /// Whether a series that is kept for `retain_ms` needs nothing older.
    pub(super) fn is_enough(&self, retain_ms: i64) -> bool {
        self.covered_ms + (self.quiet_ms - QUIET_MAX_MS).max(0) >= retain_ms
    }
}
