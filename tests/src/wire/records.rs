//! Records whose every number is known in advance.

use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::v1;

/// The series of [`sample`]: what every collector knows.
pub fn layout() -> Layout {
    let cpu = |mode: &str| Series::new("system.cpu.utilization", [("cpu.mode", mode)]);
    Layout::new(vec![cpu("user"), cpu("system"), cpu("idle")])
}

/// The layout as a frame.
pub fn layout_frame() -> v1::agent_frame::Frame {
    announcement(&layout())
}

/// Any layout as a frame.
pub fn announcement(layout: &Layout) -> v1::agent_frame::Frame {
    let series = layout.series().iter().map(|one| v1::Series {
        signal: one.signal.to_string(),
        attributes: one.attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    });
    v1::agent_frame::Frame::Layout(v1::Layout { fingerprint: layout.fingerprint(), series: series.collect() })
}

/// The sample number `sequence` of an endpoint that began at `start_ms`: one millisecond apart, so that the time of a
/// stored row names the record it came from. Of a boot before the one that [`super::hello`] tells of, so that nothing is
/// known against its time.
pub fn sample(sequence: u64, start_ms: i64) -> v1::Record {
    let user = (sequence % 100) as f32 / 100.0;
    let body = v1::Sample {
        layout_fingerprint: layout().fingerprint(),
        step_seconds: 60,
        row: vec![user, 0.0, 1.0 - user],
        absences: Vec::new(),
    };
    v1::Record {
        sequence,
        at_unix_ms: start_ms + i64::try_from(sequence).expect("a small number"),
        at_boot_ms: sequence,
        boot_id: "before".to_owned(),
        body: Some(v1::record::Body::Sample(body)),
    }
}

/// Records as a frame.
pub fn batch(records: impl IntoIterator<Item = v1::Record>) -> v1::agent_frame::Frame {
    v1::agent_frame::Frame::Records(v1::RecordBatch { records: records.into_iter().collect(), ahead: false })
}
