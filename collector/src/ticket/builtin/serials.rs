//! Serial numbers of computers that a ticket names.
//!
//! No serial number is known here: an agent tells a keyed hash of its own, whose key is the fingerprint of the root that its
//! token pinned. What could be a serial number among a ticket's words is hashed in the same way, and looked up.

use std::collections::BTreeSet;

use ring::hmac::{HMAC_SHA256, Key, sign};
use sha2::{Digest as _, Sha256};

use crate::store::{Reads, StoreError, sql};

/// Words of a ticket that are looked up.
const WORDS: usize = 40;
/// How long a serial number is, in letters.
const LETTERS: std::ops::RangeInclusive<usize> = 5..=40;
/// Letters of a hash, each of five bits.
const HASH_LETTERS: usize = 15;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

const SAYING: &str = "SELECT e.id FROM hardware_keys h JOIN endpoints e ON e.key = h.endpoint_key
    WHERE h.kind = 'serial' AND h.value = $1 AND e.state <> 'revoked' ORDER BY e.key DESC LIMIT 5";

/// The endpoints whose serial number stands in `text`.
pub(super) async fn named(reads: &Reads, text: &str) -> Result<BTreeSet<String>, StoreError> {
    let words = words(text);
    let mut found = BTreeSet::new();
    if words.is_empty() {
        return Ok(found);
    }
    for key in keys(reads).await? {
        for word in &words {
            let ids: Vec<String> = sql::query_scalar(SAYING).bind(hashed(&key, word)).fetch_all(reads).await?;
            found.extend(ids);
        }
    }
    Ok(found)
}

/// The fingerprints of the roots that agents know.
async fn keys(reads: &Reads) -> Result<BTreeSet<[u8; 32]>, StoreError> {
    let roots: Vec<(Vec<u8>, Option<Vec<u8>>)> =
        sql::query_as("SELECT root, root_before FROM authority_roots").fetch_all(reads).await?;
    let roots = roots.into_iter().flat_map(|(root, before)| [Some(root), before]).flatten();
    Ok(roots.map(|root| Sha256::digest(root).into()).collect())
}

/// What of a text could be a serial number, as agents write them: letters and digits alone, in upper case.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|letter: char| letter.is_whitespace() || ":=,;()[]\"'".contains(letter));
    let plain = parts.map(|part| part.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
    let could_be = |word: &String| LETTERS.contains(&word.len()) && word.bytes().any(|byte| byte.is_ascii_digit());
    let words: BTreeSet<String> = plain.filter(could_be).map(|word| word.to_ascii_uppercase()).collect();
    words.into_iter().take(WORDS).collect()
}

/// What the agent of a computer with this serial number tells.
fn hashed(key: &[u8; 32], serial: &str) -> String {
    let hash = sign(&Key::new(HMAC_SHA256, key), format!("hardware.serial\u{1f}{serial}").as_bytes());
    let bytes = hash.as_ref();
    let bit = |index: usize| (bytes[index / 8] >> (7 - index % 8)) & 1;
    let value = |letter: usize| (0..5).fold(0_u8, |value, offset| (value << 1) | bit(letter * 5 + offset));
    (0..HASH_LETTERS).map(|letter| char::from(ALPHABET[usize::from(value(letter))])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out by another program from what the agent's documentation says of its names.
    #[test]
    fn a_serial_number_is_hashed_as_agents_hash_theirs() {
        assert_eq!(hashed(&Sha256::digest(b"root").into(), "PF3ABC12"), "ai5chvujb2hg772");
    }

    #[test]
    fn what_could_be_a_serial_number_is_a_word_with_a_digit() {
        let found = words("It froze at 10:40 (S/N:pf-3abc12), says Ana. \u{e9}quipement 4711 \u{2013} PF3ABC12.");
        assert_eq!(found, ["PF3ABC12"]);
        assert!(words("").is_empty());
    }
}
