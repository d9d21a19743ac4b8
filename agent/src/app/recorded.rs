use std::time::Duration;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::vocabulary::Timestamp;

use crate::recorder::Recorder;
use crate::sampler::is_counter;

/// Most recent history at the recorder's own step; what is older comes in steps of five minutes.
const FINE: Duration = Duration::from_hours(1);
const COARSE_STEP_SECONDS: u32 = 300;

/// The series of both recorders within the last `window`, the newest hour fine, the rest in steps of five minutes.
pub fn recorder_series(fast: &Recorder, minute: &Recorder, now: Timestamp, window: Duration) -> Vec<SnapshotSeries> {
    let fine_from = now - window.min(FINE);
    let mut all = Vec::new();
    for recorder in [fast, minute] {
        if window > FINE {
            all.extend(recorder.series(now - window, fine_from, COARSE_STEP_SECONDS, is_counter));
        }
        let step = recorder.step_seconds();
        all.extend(recorder.series(fine_from, now, step, is_counter));
    }
    all
}
