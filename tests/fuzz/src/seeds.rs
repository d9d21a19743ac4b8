//! Inputs to begin with, as the encoders make them: a stream from hello to snapshot, packed and not.

use bytes::Bytes;
use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::convert::{difference, pieces};
use firstline_proto::pack::Packer;
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::collector_frame::Frame as Reply;
use firstline_proto::v1::record::Body;
use firstline_proto::{Message, v1};

/// The target, the file's name, and the bytes.
pub type Seed = (&'static str, &'static str, Vec<u8>);

const START_MS: i64 = 1_790_000_000_000;
const BOOT: &str = "boot";

/// Every seed that an encoder makes. Those of the other targets are files.
pub fn encoded() -> Vec<Seed> {
    let (base, next) = (wire(&layout(3)), wire(&layout(5)));
    let chunks = || pieces("0197c1a0", &Bytes::from(vec![b'{'; 300])).collect::<Vec<_>>();
    vec![
        ("stream", "whole", joined(&stream(None))),
        ("stream", "packed", joined(&stream(Some(Packer::new(BOOT))))),
        ("packed", "records", joined(&(1..8).flat_map(records).collect::<Vec<_>>())),
        ("answer", "frames", joined(&answers())),
        ("answer", "enrol", enrolment().encode_to_vec()),
        ("chunks", "document", joined(&chunks())),
        ("layout", "two", joined(&[base, next])),
    ]
}

/// Messages as an input: each after its length.
fn joined<M: Message>(messages: &[M]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        let message = message.encode_to_vec();
        bytes.extend(u32::try_from(message.len()).expect("a short message").to_le_bytes());
        bytes.extend(message);
    }
    bytes
}

fn layout(volumes: usize) -> Layout {
    let cpu = ["user", "system", "idle"].map(|mode| Series::new("system.cpu.utilization", [("cpu.mode", mode)]));
    let volume = |index| {
        let mountpoint = format!("/v{index}");
        Series::new("system.filesystem.usage", [("system.filesystem.mountpoint", mountpoint.as_str())])
    };
    Layout::new(cpu.into_iter().chain((0..volumes).map(volume)).collect::<Vec<_>>())
}

fn wire(layout: &Layout) -> v1::Layout {
    let series = layout.series().iter().map(series_of);
    v1::Layout { fingerprint: layout.fingerprint(), series: series.collect() }
}

fn series_of(series: &Series) -> v1::Series {
    let attributes = series.attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    v1::Series { signal: series.signal.to_string(), attributes: attributes.collect() }
}

fn machine() -> v1::Machine {
    v1::Machine {
        host_name: "desk-1".to_owned(),
        os_type: "linux".to_owned(),
        os_name: "Debian GNU/Linux".to_owned(),
        os_version: "12".to_owned(),
        os_build_id: "6.1.0".to_owned(),
        users: vec!["sam".to_owned()],
        hardware: [("serial".to_owned(), "3f9c".to_owned())].into(),
    }
}

fn enrolment() -> v1::EnrollRequest {
    v1::EnrollRequest { token: "secret".to_owned(), certificate_request: vec![48; 64], machine: Some(machine()) }
}

/// A minute of every kind of record.
fn records(minute: u64) -> Vec<v1::Record> {
    let at_unix_ms = START_MS + i64::try_from(minute).expect("a small number") * 60_000;
    let record = |place: u64, body| v1::Record {
        sequence: minute * 10 + place,
        at_unix_ms,
        at_boot_ms: minute * 60_000,
        boot_id: BOOT.to_owned(),
        body: Some(body),
    };
    let number = |number| v1::Value { kind: Some(v1::value::Kind::Number(number)) };
    let series = v1::Series { signal: "system.memory.limit".to_owned(), ..v1::Series::default() };
    let outcome = Some(v1::reading::Outcome::Value(number(16e9)));
    let reading = v1::Reading { series: Some(series), at_unix_ms, outcome };
    let why = v1::Unknown { why: v1::WhyKind::Timeout.into(), detail: "it did not answer".to_owned() };
    let unknown = v1::Reading { outcome: Some(v1::reading::Outcome::Unknown(why)), ..reading.clone() };
    let failed = v1::Series { signal: "endpoint.service.failed".to_owned(), ..v1::Series::default() };
    let fields = [("unit".to_owned(), v1::Value { kind: Some(v1::value::Kind::Text("cups".to_owned())) })].into();
    vec![
        record(0, Body::Sample(sample(minute))),
        record(1, Body::Inventory(v1::Inventory { readings: vec![reading, unknown] })),
        record(2, Body::Event(v1::Event { series: Some(failed), fields, count: 1 })),
        record(3, Body::Mark(v1::Mark { kind: v1::MarkKind::Resumed.into() })),
        record(4, Body::Dropped(v1::Dropped { first_sequence: 1, last_sequence: 9, samples: 8, others: 1 })),
    ]
}

fn sample(minute: u64) -> v1::Sample {
    let layout = layout(3);
    let used = 0.25 + minute as f32 / 64.0;
    let mut row = vec![used, 0.125, 0.875 - used];
    row.resize(layout.series().len() - 1, 1_048_576.0 * minute as f32);
    row.push(f32::NAN);
    let index = u32::try_from(row.len() - 1).expect("a short row");
    let absences = vec![v1::Absence { index, why: v1::WhyKind::NoPermission.into() }];
    v1::Sample { layout_fingerprint: layout.fingerprint(), step_seconds: 60, row, absences }
}

/// A stream from its hello on.
fn stream(mut packer: Option<Packer>) -> Vec<v1::AgentFrame> {
    let (base, next) = (wire(&layout(3)), wire(&layout(5)));
    let hello = v1::Hello {
        agent_version: "0.1.0".to_owned(),
        protocol_version: 1,
        machine: Some(machine()),
        boot_id: BOOT.to_owned(),
        next_sequence: 1,
        capabilities: vec!["fork".to_owned()],
        run_id: "run".to_owned(),
        ..v1::Hello::default()
    };
    let mut frames = vec![Frame::Hello(hello), Frame::Layout(base.clone())];
    for minute in 1..5 {
        let mut records = records(minute);
        if let Some(packer) = &mut packer {
            records = records.into_iter().map(|record| packer.pack(record)).collect();
        }
        frames.push(Frame::Records(v1::RecordBatch { records, ahead: false }));
    }
    frames.extend(difference(&base, &next).map(Frame::LayoutChange));
    frames.push(Frame::Beat(v1::Beat { machine: Some(machine()), next_sequence: 50, ..v1::Beat::default() }));
    let section = v1::Section::Network.into();
    let progress =
        v1::PullProgress { pull_id: "0197c1a0".to_owned(), section, state: 1, ..v1::PullProgress::default() };
    frames.push(Frame::PullProgress(progress));
    frames.extend(pieces("0197c1a0", &Bytes::from_static(b"{}")).map(Frame::SnapshotChunk));
    frames.into_iter().map(|frame| v1::AgentFrame { frame: Some(frame) }).collect()
}

/// What a collector sends.
fn answers() -> Vec<v1::CollectorFrame> {
    let pull = v1::PullRequest {
        pull_id: "0197c1a0".to_owned(),
        sections: vec![v1::Section::Network.into()],
        window_seconds: Some(3600),
        deadline_unix_ms: START_MS,
        ticket: "FL-1001".to_owned(),
        requested_by: "sam".to_owned(),
        reason: v1::PullReason::Pull.into(),
        around_unix_ms: Some(START_MS),
    };
    let settings = v1::Settings { revision: 3, fast_period_seconds: Some(15), ..v1::Settings::default() };
    let welcome = v1::Welcome { stored_sequence: 40, settings: Some(settings), packing: 1, ..v1::Welcome::default() };
    let renewal = v1::Renewal { spread_ms: 60_000 };
    let frames = [Reply::Welcome(welcome), Reply::PullRequest(pull), Reply::Renewal(renewal)];
    frames.into_iter().map(|frame| v1::CollectorFrame { frame: Some(frame) }).collect()
}
