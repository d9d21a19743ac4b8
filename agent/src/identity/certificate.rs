//! What the agent reads of a certificate: whom it names, who signed it, how long it is valid, whose key it is.
//!
//! It never judges one: that is the verifier's business. So extensions, which are most of what a certificate can hold and most
//! of what can be wrong with one, are not looked at.

use firstline_diagnosis::vocabulary::Timestamp;
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::certificate::Validity;
use x509_parser::x509::X509Name;

/// The parts of a certificate.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// Who signed it.
    pub(crate) issuer: X509Name<'a>,
    /// Whom it names.
    pub(crate) subject: X509Name<'a>,
    /// Its first second.
    pub(crate) valid_from: Timestamp,
    /// Its last second.
    pub(crate) valid_to: Timestamp,
    /// The key, as certificates carry it.
    pub(crate) public_key: &'a [u8],
}

/// The parts of a certificate in DER; nothing when it is none.
pub(crate) fn parts(der: &[u8]) -> Option<Parts<'_>> {
    let (_, signed) = sequence(der)?;
    let (_, rest) = sequence(signed)?;
    let (after, first) = Any::from_der(rest).ok()?;
    // The oldest certificates begin with their serial number, all others with their version.
    let rest = if first.class() == Class::ContextSpecific { Any::from_der(after).ok()?.0 } else { after };
    let (rest, _algorithm) = sequence(rest)?;
    let (rest, issuer) = X509Name::from_der(rest).ok()?;
    let (rest, validity) = Validity::from_der(rest).ok()?;
    let (rest, subject) = X509Name::from_der(rest).ok()?;
    let (after, _key) = sequence(rest)?;
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
    Some(Parts {
        issuer,
        subject,
        valid_from: at(validity.not_before),
        valid_to: at(validity.not_after),
        public_key: &rest[..rest.len() - after.len()],
    })
}

/// What comes after a sequence, and what is in it.
fn sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, any) = Any::from_der(bytes).ok()?;
    any.header.assert_tag(Tag::Sequence).ok()?;
    Some((rest, any.data))
}

/// A name in one line: its values in their order.
pub(crate) fn in_words(name: &X509Name<'_>) -> String {
    let values: Vec<&str> = name.iter_attributes().filter_map(|part| part.as_str().ok()).collect();
    values.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{Certificate, CertificateParams, DnType, KeyPair, PublicKeyData};

    use super::*;

    fn certificate(key: &KeyPair) -> Certificate {
        let mut wish = CertificateParams::new(["laptop.corp".to_owned()]).expect("a name");
        wish.distinguished_name.push(DnType::OrganizationName, "Corp");
        wish.not_before = rcgen::date_time_ymd(2026, 1, 1);
        wish.not_after = rcgen::date_time_ymd(2027, 1, 1);
        wish.self_signed(key).expect("signed")
    }

    #[test]
    fn a_certificate_tells_names_times_and_key() {
        let key = KeyPair::generate().expect("a key");
        let certificate = certificate(&key);
        let parts = parts(certificate.der()).expect("a certificate");
        assert_eq!(in_words(&parts.subject), "rcgen self signed cert, Corp");
        assert_eq!(parts.subject, parts.issuer);
        assert_eq!((parts.valid_to.unix_ms() - parts.valid_from.unix_ms()) / 86_400_000, 365);
        assert_eq!(parts.public_key, key.subject_public_key_info());
    }

    proptest! {
        #[test]
        fn whatever_is_no_certificate_is_refused(cut in 0..300_usize, place in 0..300_usize, byte in any::<u8>()) {
            let whole = certificate(&KeyPair::generate().expect("a key")).der().to_vec();
            prop_assert!(parts(&whole[..cut.min(whole.len() - 1)]).is_none());
            let mut changed = whole;
            changed[place] = byte;
            // It may still be one; nothing else happens.
            let _ = parts(&changed).map(|parts| in_words(&parts.subject));
        }
    }
}
