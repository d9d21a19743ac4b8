use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Turns identities into names that tell same from different and nothing else.
///
/// `H(x) = base32(HMAC-SHA-256(key, class || 0x1f || x))`, first 15 letters. Classes are separate, so that names
/// cannot be joined across them. Without the key, low-entropy identities such as MACs cannot be found by trying.
#[derive(Clone)]
pub struct Pseudonyms {
    key: Arc<[u8]>,
}

/// Letters of a pseudonym: 75 bits.
const LETTERS: usize = 15;
/// RFC 4648, lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Pseudonyms {
    /// With the tenant's key.
    pub fn new(key: &[u8]) -> Self {
        Self { key: Arc::from(key) }
    }

    /// The name of `identity` among those of `class`.
    pub fn name(&self, class: &str, identity: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.update(class.as_bytes());
        mac.update(&[0x1f]);
        mac.update(identity.as_bytes());
        letters(&mac.finalize().into_bytes())
    }
}

/// The first [`LETTERS`] letters of `bytes` in base 32.
fn letters(bytes: &[u8]) -> String {
    let bit = |index: usize| (bytes[index / 8] >> (7 - index % 8)) & 1;
    (0..LETTERS)
        .map(|letter| (0..5).fold(0_u8, |value, offset| (value << 1) | bit(letter * 5 + offset)))
        .map(|value| char::from(ALPHABET[usize::from(value)]))
        .collect()
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(key hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_identity_has_the_same_name_within_a_class_only() {
        let names = Pseudonyms::new(b"tenant");
        assert_eq!(names.name("mac", "02:fc:00:00:00:01"), names.name("mac", "02:fc:00:00:00:01"));
        assert_ne!(names.name("mac", "x"), names.name("ssid", "x"));
        assert_ne!(names.name("mac", "x"), Pseudonyms::new(b"other").name("mac", "x"));
        assert_eq!(names.name("mac", "x").len(), LETTERS);
    }

    #[test]
    fn letters_are_those_of_base_32() {
        assert_eq!(letters(b"foobarfoobar"), "mzxw6ytboj".to_owned() + "tg633");
    }

    #[test]
    fn does_not_print_its_key() {
        assert!(!format!("{:?}", Pseudonyms::new(b"tenant")).contains("tenant"));
    }
}
