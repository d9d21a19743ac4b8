//! What arrives from outside, as any bytes at all: each target takes a text of bytes and must come to an end without a
//! panic, and with what its assertions say.
//!
//! `tests/fuzz/run [TARGET] [--seconds N]` lets libFuzzer make up bytes, beginning with what `seeds/TARGET` holds, and
//! keeps what it found in `found/TARGET`. Both are replayed by an ordinary test, without any of that machinery. Seeds are
//! made by the encoders themselves ([`seeds`]), so that they change with what they are of.

mod authority;
mod document;
pub mod seeds;
mod stream;

/// A target's name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 10] = [
    ("stream", stream::frames),
    ("packed", stream::packed),
    ("answer", stream::answer),
    ("chunks", stream::chunks),
    ("layout", stream::layout),
    ("request", authority::request),
    ("certificate", authority::certificate),
    ("snapshot", document::snapshot),
    ("checks", document::checks),
    ("recording", document::recording),
];

/// The target of this name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}
