use std::time::Duration;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::vocabulary::Timestamp;

use crate::recorder::Recorder;
use crate::sampler::is_counter;

/// Most recent history at the recorder's own step; what is older comes in steps of five minutes.
const FINE: Duration = Duration::from_hours(1);
const COARSE_STEP_SECONDS: u32 = 300;
const COARSE: Duration = Duration::from_mins(5);
/// As much before and after a moment that somebody names is told finely, too.
const AROUND: Duration = Duration::from_mins(30);

/// Which part of what the recorders hold.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// So much until now.
    pub window: Duration,
    /// A moment within it that somebody names.
    pub around: Option<Timestamp>,
}

/// The series of both recorders that are wanted: the newest hour and the time around a moment as finely as they were
/// recorded, the rest in steps of five minutes. No moment is told twice.
pub fn recorder_series(fast: &Recorder, minute: &Recorder, now: Timestamp, wanted: Wanted) -> Vec<SnapshotSeries> {
    let mut all = Vec::new();
    for recorder in [fast, minute] {
        for (from, until, is_fine) in stretches(now, wanted) {
            let step = if is_fine { recorder.step_seconds() } else { COARSE_STEP_SECONDS };
            all.extend(recorder.series(from, until, step, is_counter));
        }
    }
    all
}

/// From when, until when, and whether finely, oldest first.
fn stretches(now: Timestamp, Wanted { window, around }: Wanted) -> Vec<(Timestamp, Timestamp, bool)> {
    let (from, newest) = (now - window, now - window.min(FINE));
    // Coarse steps are whole ones: the fine stretch begins and ends where one does.
    let border = |at: Timestamp| {
        let steps = at.since(from).as_secs() / COARSE.as_secs();
        (from + COARSE * u32::try_from(steps).unwrap_or(u32::MAX)).min(newest)
    };
    let (start, end) = around.map_or((newest, newest), |at| (border(at - AROUND), border(at + AROUND + COARSE)));
    let all = [(from, start, false), (start, end, true), (end, newest, false), (newest, now, true)];
    all.into_iter().filter(|(from, until, _)| from < until).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    /// Minutes before now, and whether finely.
    fn told(around_minutes_ago: Option<i64>) -> Vec<(i64, i64, bool)> {
        let now = Timestamp(1_770_000_000_000);
        let ago = |at: Timestamp| (now.0 - at.0) / MINUTE_MS;
        let around = around_minutes_ago.map(|minutes| Timestamp(now.0 - minutes * MINUTE_MS));
        let wanted = Wanted { window: Duration::from_hours(24), around };
        stretches(now, wanted).into_iter().map(|(from, until, fine)| (ago(from), ago(until), fine)).collect()
    }

    #[test]
    fn the_time_around_a_moment_is_told_finely_and_once() {
        let usual = [(1440, 60, false), (60, 0, true)];
        assert_eq!(told(None), usual);
        assert_eq!(told(Some(183)), [(1440, 215, false), (215, 150, true), (150, 60, false), (60, 0, true)]);
        assert_eq!(
            told(Some(75)),
            [(1440, 105, false), (105, 60, true), (60, 0, true)],
            "it reaches into the last hour"
        );
        assert_eq!(told(Some(10)), usual, "all of it is within the last hour");
        assert_eq!(
            told(Some(1430)),
            [(1440, 1395, true), (1395, 60, false), (60, 0, true)],
            "it begins before the day"
        );
        assert_eq!(told(Some(3000)), usual, "nothing of it is remembered");
        assert_eq!(told(Some(-20)), usual, "it is still to come");
    }
}
