//! The answer of a simulated machine to a pull: a signed document of the size that a real one has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstline_agent::snapshot::{Parts, assemble};
use firstline_diagnosis::document::{Reason, Signature, Snapshot, SnapshotSeries};
use firstline_diagnosis::vocabulary::{Reading, Timestamp};
use firstline_proto::convert::Machine;
use firstline_proto::v1;
use firstline_tests::wire::{self, Identity};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use super::day::{Character, unix_ms};
use super::layouts::Model;

/// How far back series go, in minutes.
const HISTORY: u32 = 240;

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

/// Every section, done at once: what is measured is the collector.
pub(super) fn progress(id: &str) -> Vec<v1::PullProgress> {
    let done = |section: v1::Section| v1::PullProgress {
        pull_id: id.to_owned(),
        section: section.into(),
        state: v1::SectionState::Finished.into(),
        readings: 20,
        elapsed_ms: 3,
        detail: String::new(),
    };
    [v1::Section::Identity, v1::Section::Performance, v1::Section::Storage, v1::Section::History].map(done).into()
}

/// The signed document.
pub(super) fn document(
    identity: &Identity,
    name: &str,
    character: Character,
    model: &Model,
    pull: &v1::PullRequest,
) -> Vec<u8> {
    let now = Timestamp(unix_ms());
    let parts = Parts {
        endpoint_id: identity.endpoint_id.clone(),
        machine: Machine::try_from(wire::machine(name)).expect("a machine within the bounds"),
        boot_id: "b00t".to_owned(),
        uptime_seconds: 3600,
        readings: readings(character, model, now),
        series: series(character, model, now),
        ..Parts::default()
    };
    let ticket = Some(pull.ticket.clone()).filter(|ticket| !ticket.is_empty());
    let mut snapshot = assemble(parts, now, Reason::Pull, ticket, "swarm");
    snapshot.signature = Some(sign(&snapshot, identity));
    serde_json::to_vec(&snapshot).expect("finite numbers are JSON")
}

fn readings(character: Character, model: &Model, now: Timestamp) -> Vec<Reading> {
    let row = character.row(model, now.unix_ms());
    let one = |(series, number): (&firstline_diagnosis::vocabulary::Series, f32)| {
        Reading::value(&series.signal, series.attributes.clone(), f64::from(number), now)
    };
    model.layout.series().iter().zip(row).map(one).collect()
}

/// The past hours of every series.
fn series(character: Character, model: &Model, now: Timestamp) -> Vec<SnapshotSeries> {
    let start_ms = now.unix_ms() - i64::from(HISTORY) * 60_000;
    let rows: Vec<_> = (0..HISTORY).map(|minute| character.row(model, start_ms + i64::from(minute) * 60_000)).collect();
    let one = |(index, series): (usize, &firstline_diagnosis::vocabulary::Series)| SnapshotSeries {
        signal: series.signal.to_string(),
        attrs: series.attributes.clone(),
        start: Timestamp(start_ms),
        step_seconds: 60,
        values: rows.iter().map(|row| Some(row[index])).collect(),
    };
    model.layout.series().iter().enumerate().map(one).collect()
}

fn sign(snapshot: &Snapshot, identity: &Identity) -> Signature {
    let chance = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &identity.key, &chance);
    let bytes = snapshot.signed_bytes().expect("finite numbers are JSON");
    let value = key.expect("the key that was enrolled").sign(&chance, &bytes).expect("a key signs");
    let certificate = STANDARD.encode(&identity.chain[0]);
    Signature {
        algorithm: "ECDSA_P256_SHA256_ASN1".to_owned(),
        certificate: format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"),
        value: STANDARD.encode(value),
    }
}

/// The document in pieces.
pub(super) fn chunks(id: &str, document: &[u8]) -> Vec<v1::SnapshotChunk> {
    let sha256 = digest::digest(&digest::SHA256, document).as_ref().to_vec();
    let piece = |(index, piece): (usize, &[u8])| v1::SnapshotChunk {
        pull_id: id.to_owned(),
        offset_bytes: (index * PIECE) as u64,
        total_bytes: document.len() as u64,
        document_sha256: sha256.clone().into(),
        piece: piece.to_vec().into(),
    };
    document.chunks(PIECE).enumerate().map(piece).collect()
}
