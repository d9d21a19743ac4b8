use std::collections::BTreeMap;
use std::io;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::Timestamp;

use super::Recorder;
use super::block::{Columns, Head, Row};
use super::grid::Grid;
use super::segment::Segment;

impl Recorder {
    /// Every series between two moments, resampled to steps of `step_seconds` (a multiple of the recorder's step):
    /// gauges and flags as the mean of the rows within, counters (see `is_counter`) as their sum. Series without a
    /// single value are left out.
    pub fn series(
        &self,
        from: Timestamp,
        until: Timestamp,
        step_seconds: u32,
        is_counter: impl Fn(&str) -> bool,
    ) -> Vec<SnapshotSeries> {
        let clocks = self.clocks();
        let mut grid = Grid::new(from, until, step_seconds.max(self.step_seconds));
        for segment in &self.segments {
            let overlaps = |head: &Head| {
                let clock = clocks.get(&head.boot).copied().unwrap_or(head.clock_ms);
                placed(head.first_boot_ms, clock) <= until && placed(head.last_boot_ms, clock) >= from
            };
            if let Err(source) = add_segment(&mut grid, segment, &clocks, overlaps) {
                tracing::warn!("Reading the recorder in {} failed: {source}", self.dir.display());
            }
        }
        self.add_pending(&mut grid, &clocks);
        grid.finish(is_counter)
    }

    /// What the clock was ahead of the time since boot at the newest row of each boot.
    fn clocks(&self) -> BTreeMap<u64, i64> {
        let heads = self.segments.iter().flat_map(Segment::heads).map(|head| (head.boot, head.clock_ms));
        let pending = self.pending.last().map(|row| (row.moment.boot, row.moment.clock_ms()));
        order::map(heads.chain(pending))
    }

    fn add_pending(&self, grid: &mut Grid, clocks: &BTreeMap<u64, i64>) {
        let clock = |row: &Row| clocks.get(&row.moment.boot).copied().unwrap_or_default();
        let steps = grid.steps(self.pending.iter().map(|row| placed(row.moment.boot_ms, clock(row))));
        for (column, series) in self.names.iter().enumerate() {
            let Some(series) = series.filter(|_| !self.pending.is_empty()) else { continue };
            let place = grid.place(series);
            let values = self.pending.iter().map(|row| row.values.get(column).copied().unwrap_or(f32::NAN));
            grid.add(place, &steps, values);
        }
    }
}

/// Adds the blocks of `segment` that `overlaps` tells.
fn add_segment(
    grid: &mut Grid,
    segment: &Segment,
    clocks: &BTreeMap<u64, i64>,
    overlaps: impl Fn(&Head) -> bool,
) -> io::Result<()> {
    let wanted: Vec<(usize, &Head)> = segment.blocks().filter(|(_, head)| overlaps(head)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut reader = segment.read()?;
    let places: Vec<Option<usize>> = reader.names.iter().map(|name| name.map(|series| grid.place(series))).collect();
    let mut failed = None;
    for (index, head) in wanted {
        let clock = clocks.get(&head.boot).copied().unwrap_or(head.clock_ms);
        // A block that cannot be read does not hide its neighbours.
        match segment.block(&mut reader, index) {
            Ok(block) => add_block(grid, &block, &places, clock),
            Err(source) => failed = Some(source),
        }
    }
    failed.map_or(Ok(()), Err)
}

fn add_block(grid: &mut Grid, block: &[u8], places: &[Option<usize>], clock_ms: i64) {
    let Some(columns) = Columns::of(block) else { return };
    let steps = grid.steps(columns.times.iter().map(|boot_ms| placed(*boot_ms, clock_ms)));
    for (column, values) in columns {
        if let Some(Some(place)) = places.get(column) {
            grid.add(*place, &steps, values.into_iter());
        }
    }
}

/// The time of a row by a boot's last known clock.
fn placed(boot_ms: u64, clock_ms: i64) -> Timestamp {
    Timestamp(clock_ms.saturating_add(i64::try_from(boot_ms).unwrap_or(i64::MAX)))
}
