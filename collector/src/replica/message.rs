//! What replicas tell each other. Everything can also be found in the database, so that a message may be lost.
//!
//! A message carries a code over its bytes, keyed by what the authority's folder holds: who may speak to NATS but is no
//! replica says nothing here. A kind that this release does not know is passed over, so that a later one may add some.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::authority::Authority;
use crate::feed::FeedItem;

/// Length of the code before each message.
const CODE_BYTES: usize = 32;

/// Something that other replicas should know at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Something happened that people watch.
    Feed {
        /// What.
        item: Box<FeedItem>,
    },
    /// Such things were lost on the way.
    FeedLagged,
    /// Pulls of an endpoint want to be looked at: one was ordered, or is to be given up.
    Pulls {
        /// Whose.
        endpoint_id: String,
    },
    /// The sender holds an endpoint's stream.
    Holds {
        /// Whose.
        endpoint_id: String,
        /// Under which number.
        epoch: i64,
    },
    /// A question: is there a machine with this identity on a stream, of another run of the agent than this one?
    IsThere {
        /// Whose identity.
        endpoint_id: String,
        /// The run that wants to open a stream.
        agent_run: String,
    },
    /// The answer, from whoever holds the stream.
    IsHere {
        /// What it says of its hardware.
        hardware: BTreeMap<String, String>,
        /// Whether it can become an endpoint of its own.
        can_fork: bool,
    },
    /// The answer when nobody answered on the stream.
    IsNotHere,
    /// The machine on an endpoint's stream is a copy, and becomes an endpoint of its own with this permit.
    Forks {
        /// Whose stream.
        endpoint_id: String,
        /// The permit.
        permit: String,
    },
    /// The authority's roots were changed.
    Roots,
    /// An endpoint was revoked.
    Revoked {
        /// Which.
        endpoint_id: String,
    },
}

/// A message on its way.
#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    /// The run that sends it.
    from: String,
    #[serde(flatten)]
    message: M,
}

/// What a message's bytes are.
#[derive(Debug)]
pub(super) enum Opened {
    /// A message of this run.
    Message(String, Message),
    /// Of a later release, or not for us to understand.
    Unknown,
    /// Not from a replica.
    Forged,
}

/// Seals messages and opens them.
#[derive(Clone)]
pub(super) struct Seal {
    key: [u8; 32],
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    pub(super) fn of(authority: &Authority) -> Self {
        Self {
            key: Sha256::new().chain_update(b"firstline wire\n").chain_update(authority.naming_key()).finalize().into(),
        }
    }

    pub(super) fn seal(&self, from: &str, message: &Message) -> Vec<u8> {
        let envelope = Envelope { from: from.to_owned(), message };
        let text = serde_json::to_vec(&envelope).expect("messages are always JSON");
        let mut sealed = self.code(&text).finalize().into_bytes().to_vec();
        sealed.extend(text);
        sealed
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Opened {
        let Some((code, text)) = sealed.split_at_checked(CODE_BYTES) else { return Opened::Forged };
        if self.code(text).verify_slice(code).is_err() {
            return Opened::Forged;
        }
        match serde_json::from_slice::<Envelope<Message>>(text) {
            Ok(Envelope { from, message }) => Opened::Message(from, message),
            Err(_) => Opened::Unknown,
        }
    }

    fn code(&self, text: &[u8]) -> Hmac<Sha256> {
        let code = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length will do");
        code.chain_update(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_replicas_sealed_and_nothing_else() {
        let (seal, other) = (Seal { key: [1; 32] }, Seal { key: [2; 32] });
        let sealed = seal.seal("run", &Message::Revoked { endpoint_id: "e".to_owned() });
        assert!(matches!(seal.open(&sealed), Opened::Message(run, Message::Revoked { endpoint_id })
            if run == "run" && endpoint_id == "e"));
        assert!(matches!(other.open(&sealed), Opened::Forged));
        assert!(matches!(seal.open(&sealed[1..]), Opened::Forged));
        assert!(matches!(seal.open(b"short"), Opened::Forged));
        let later = br#"{"from":"run","kind":"of_a_later_release"}"#;
        let mut sealed = seal.code(later).finalize().into_bytes().to_vec();
        sealed.extend(later);
        assert!(matches!(seal.open(&sealed), Opened::Unknown));
    }
}
