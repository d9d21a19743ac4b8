use std::collections::BTreeMap;

use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::record::Body;
use firstline_proto::{Message, v1};
use serde::{Deserialize, Serialize};

/// What left over streams since the agent started, and in what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Everything that was written to connections: frames, and what HTTP/2 and TLS put around them.
    pub wire_bytes: u64,
    /// By what it is. Bytes of the messages themselves.
    pub kinds: BTreeMap<String, Amount>,
    /// By signal, what was told as a value of its own and not as a number in a row. Bytes before it was packed.
    pub signals: BTreeMap<String, Amount>,
}

/// How often, and how many bytes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How often.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Sent {
    /// Enters a frame that goes out.
    pub(super) fn enter(&mut self, frame: &v1::AgentFrame) {
        let kind = match &frame.frame {
            Some(Frame::Records(batch)) => return batch.records.iter().for_each(|record| self.enter_record(record)),
            Some(Frame::Hello(_)) => "hello",
            Some(Frame::Layout(_)) => "layout",
            Some(Frame::LayoutChange(_)) => "change of layout",
            Some(Frame::Beat(_)) => "beat",
            Some(Frame::PullProgress(_) | Frame::SnapshotChunk(_)) => "pull",
            None => return,
        };
        add(&mut self.kinds, kind, frame.encoded_len());
    }

    fn enter_record(&mut self, record: &v1::Record) {
        let kind = match &record.body {
            Some(Body::Sample(_)) => "sample",
            Some(Body::PackedSample(_)) => "packed sample",
            Some(Body::Inventory(_) | Body::PackedInventory(_)) => "state",
            _ => "event",
        };
        add(&mut self.kinds, kind, record.encoded_len());
    }

    /// Enters a record by its signals, as it lies in the spool.
    pub(super) fn enter_signals(&mut self, record: &v1::Record) {
        if let Some(Body::Inventory(inventory)) = &record.body {
            for reading in &inventory.readings {
                let signal = reading.series.as_ref().map_or("", |series| &series.signal);
                add(&mut self.signals, signal, reading.encoded_len());
            }
        }
    }
}

fn add(amounts: &mut BTreeMap<String, Amount>, name: &str, bytes: usize) {
    let amount = match amounts.get_mut(name) {
        Some(amount) => amount,
        None => amounts.entry(name.to_owned()).or_default(),
    };
    amount.count += 1;
    amount.bytes += bytes as u64;
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::{Attributes, Reading, Timestamp};

    use super::*;

    #[test]
    fn counts_records_by_kind_and_values_by_signal() {
        let reading = |name| v1::Reading::from(Reading::value(name, Attributes::none(), 1.0, Timestamp(1)));
        let inventory = v1::Inventory { readings: vec![reading("a.b"), reading("c.d"), reading("a.b")] };
        let record = |body| v1::Record { sequence: 1, body: Some(body), ..v1::Record::default() };
        let records = vec![record(Body::Inventory(inventory)), record(Body::Sample(v1::Sample::default()))];
        let mut sent = Sent::default();
        for record in &records {
            sent.enter_signals(record);
        }
        let batch = v1::RecordBatch { records, ahead: false };
        sent.enter(&v1::AgentFrame { frame: Some(Frame::Records(batch)) });
        sent.enter(&v1::AgentFrame { frame: Some(Frame::Beat(v1::Beat::default())) });
        let kinds: Vec<_> = sent.kinds.iter().map(|(kind, amount)| (kind.as_str(), amount.count)).collect();
        assert_eq!(kinds, [("beat", 1), ("sample", 1), ("state", 1)]);
        assert_eq!((sent.signals["a.b"].count, sent.signals["c.d"].count), (2, 1));
        assert!(sent.kinds["state"].bytes > sent.signals["a.b"].bytes);
    }
}
