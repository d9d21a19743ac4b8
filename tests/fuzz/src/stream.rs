//! Frames of the wire. An input is what a stream would carry: frames, each after its length in four bytes.

use firstline_collector::pull::Assembly;
use firstline_diagnosis::vocabulary::Layout;
use firstline_proto::convert::{
    Machine, Piece, Pull, Record, SectionProgress, apply, check_batch, check_enroll_request, check_fork, difference,
};
use firstline_proto::pack::{Packer, Unpacker};
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::collector_frame::Frame as Reply;
use firstline_proto::{Message, v1};

/// The boot in every hello.
const BOOT: &str = "boot";

/// Layouts that a stream has named.
const LAYOUTS: usize = 4;

/// The messages that follow each other in `bytes`.
fn messages<M: Message + Default>(mut bytes: &[u8]) -> Vec<M> {
    let mut found = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
        let (message, rest) = rest.split_at(length);
        let Ok(message) = M::decode(message) else { break };
        found.push(message);
        bytes = rest;
    }
    found
}

/// What an endpoint sends, as a session takes it in.
pub(super) fn frames(bytes: &[u8]) {
    let (mut unpacker, mut layouts) = (Unpacker::new(BOOT), Vec::<Layout>::new());
    for frame in messages::<v1::AgentFrame>(bytes) {
        let went_on = match frame.frame {
            Some(Frame::Hello(hello)) => hello.machine.is_none_or(|machine| Machine::try_from(machine).is_ok()),
            Some(Frame::Layout(layout)) => Layout::try_from(layout).map(|layout| layouts.push(layout)).is_ok(),
            Some(Frame::LayoutChange(change)) => {
                let base = layouts.iter().find(|one| one.fingerprint() == change.base_fingerprint).cloned();
                unpacker.follow(&change);
                base.is_some_and(|base| apply(&base, change).map(|layout| layouts.push(layout)).is_ok())
            }
            Some(Frame::Records(batch)) => records(batch, &mut unpacker),
            Some(Frame::Beat(beat)) => beat.machine.is_none_or(|machine| Machine::try_from(machine).is_ok()),
            Some(Frame::PullProgress(progress)) => SectionProgress::try_from(progress).is_ok(),
            Some(Frame::SnapshotChunk(chunk)) => Piece::try_from(chunk).is_ok(),
            None => true,
        };
        if !went_on {
            return;
        }
        layouts.drain(..layouts.len().saturating_sub(LAYOUTS));
    }
}

/// Takes in a batch; what is converted says the same when it is said again.
fn records(batch: v1::RecordBatch, unpacker: &mut Unpacker) -> bool {
    if check_batch(&batch).is_err() {
        return false;
    }
    for record in batch.records {
        let Ok(whole) = unpacker.unpack(record) else { return false };
        if let Ok(record) = Record::try_from(whole) {
            let again = Record::try_from(v1::Record::from(record.clone())).expect("what was taken is taken again");
            assert_eq!(format!("{again:?}"), format!("{record:?}"));
        }
    }
    true
}

/// Records that are packed: whatever a packer makes of them is what they were. An input is records.
pub(super) fn packed(bytes: &[u8]) {
    let (mut packer, mut unpacker) = (Packer::new(BOOT), Unpacker::new(BOOT));
    for record in messages::<v1::Record>(bytes) {
        // What is packed already is a claim about a stream that is not this one.
        let is_packed =
            matches!(record.body, Some(v1::record::Body::PackedSample(_) | v1::record::Body::PackedInventory(_)));
        if is_packed || record.boot_id.is_empty() || Record::try_from(record.clone()).is_err() {
            continue;
        }
        let back = unpacker.unpack(packer.pack(record.clone())).expect("what a packer made is unpacked");
        assert_eq!(format!("{back:?}"), format!("{record:?}"));
    }
}

/// What a collector sends, and what is asked of it without a stream.
pub(super) fn answer(bytes: &[u8]) {
    for frame in messages::<v1::CollectorFrame>(bytes) {
        if let Some(Reply::PullRequest(request)) = frame.frame {
            let _ = Pull::try_from(request);
        }
    }
    if let Ok(request) = v1::EnrollRequest::decode(bytes) {
        let _ = check_enroll_request(request);
    }
    if let Ok(request) = v1::RenewRequest::decode(bytes) {
        let _ = check_fork(request);
    }
}

/// Pieces of a snapshot: the document, when there is one, is as long as was said.
pub(super) fn chunks(bytes: &[u8]) {
    let mut assembly: Option<Assembly> = None;
    for chunk in messages::<v1::SnapshotChunk>(bytes) {
        let Ok(piece) = Piece::try_from(chunk) else { return };
        if assembly.is_none() {
            assembly = Assembly::of(&piece).ok();
        }
        let Some(open) = &mut assembly else { return };
        match open.add(&piece) {
            Ok(Some(document)) => {
                assert_eq!(document.len() as u64, piece.total_bytes);
                assembly = None;
            }
            Ok(None) => assert!(open.received_bytes() < piece.total_bytes),
            Err(_) => return,
        }
    }
}

/// Two layouts: the one with the change from it is the other. An input is layouts.
pub(super) fn layout(bytes: &[u8]) {
    let layouts = messages::<v1::Layout>(bytes);
    let [wire_base, wire_next, ..] = &layouts[..] else { return };
    let (Ok(base), Ok(next)) = (Layout::try_from(wire_base.clone()), Layout::try_from(wire_next.clone())) else {
        return;
    };
    if let Some(change) = difference(wire_base, wire_next) {
        let made = apply(&base, change).expect("a difference of layouts can be applied");
        assert_eq!(made.series(), next.series());
    }
}
