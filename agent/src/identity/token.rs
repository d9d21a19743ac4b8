use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// An enrolment token: `fl1.<fingerprint of the collector's CA>.<secret>`, both in base64url.
///
/// The fingerprint is SHA-256 over the CA certificate's DER, so that the first connection can be trusted before any
/// certificate is known. The secret is kept as text and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the CA certificate.
    pub fingerprint: [u8; 32],
    secret: String,
}

/// A text that is not a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this is not an enrolment token ({0}); copy it whole from `firstline token create`, it starts with fl1.")]
pub struct BadToken(&'static str);

impl Token {
    /// The part that proves the right to enrol.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

impl FromStr for Token {
    type Err = BadToken;

    fn from_str(text: &str) -> Result<Self, BadToken> {
        let mut parts = text.trim().split('.');
        if parts.next() != Some("fl1") {
            return Err(BadToken("it does not start with fl1."));
        }
        let (Some(fingerprint), Some(secret), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadToken("it does not have three parts"));
        };
        let fingerprint = URL_SAFE_NO_PAD.decode(fingerprint).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let fingerprint = fingerprint.ok_or(BadToken("its fingerprint is damaged"))?;
        if secret.is_empty() || secret.len() > 128 || URL_SAFE_NO_PAD.decode(secret).is_err() {
            return Err(BadToken("its secret is damaged"));
        }
        Ok(Self { fingerprint, secret: secret.to_owned() })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_token_and_does_not_print_its_secret() {
        let text = format!("fl1.{}.{}", URL_SAFE_NO_PAD.encode([7; 32]), URL_SAFE_NO_PAD.encode(b"very secret"));
        let token: Token = format!(" {text}\n").parse().expect("whole");
        assert_eq!(token.fingerprint, [7; 32]);
        assert!(!format!("{token:?}").contains(token.secret()));
    }

    #[test]
    fn says_what_is_wrong_with_a_damaged_one() {
        for bad in ["", "abc", "fl1.", "fl1.AA.BB", "fl2.a.b", "fl1.a.b.c"] {
            assert!(bad.parse::<Token>().expect_err(bad).to_string().contains("firstline token create"));
        }
    }
}
