//! Decides whether a document is a snapshot that the asked endpoint made. The only place that names the cryptography.
//!
//! Everything about the document is a claim until its signature is checked: length and hash come first, then the
//! form, then the certificate (issued by our authority, to this very endpoint), then the signature over the content,
//! and last that the content speaks of the same endpoint. How old the certificate is does not matter: a document
//! stays signed.

use base64::Engine as _;
use firstline_diagnosis::document::{Signature, Snapshot};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::authority::Authority;

/// The one algorithm that endpoints sign with.
const ALGORITHM: &str = "ECDSA_P256_SHA256_ASN1";

/// The newest form of the document that this release reads.
const SCHEMA: u32 = 1;

/// Most readings, events, changes and marks in a snapshot, each.
const ROWS: usize = 50_000;

/// Most series in a snapshot.
const SERIES: usize = 4096;

/// Most numbers in a series: a day at 15 seconds, twice.
const VALUES: usize = 2 * 5760;

/// Why a document is not taken for the endpoint's snapshot.
#[derive(Debug, Error)]
pub enum Refused {
    /// Not JSON, or not of our form.
    #[error("the document does not read as a snapshot: {0}")]
    Form(String),
    /// Too much of something.
    #[error("the snapshot holds more {0} than any endpoint has")]
    TooMany(&'static str),
    /// There is no signature, or not one that can be checked.
    #[error("the snapshot has no signature that can be checked: {0}")]
    Unsigned(&'static str),
    /// The certificate is not ours.
    #[error("the certificate that signed the snapshot was not issued by this collector's authority")]
    ForeignCertificate,
    /// The certificate or the content names another endpoint.
    #[error("the snapshot was made by another endpoint")]
    OtherEndpoint,
    /// The signature does not fit the content.
    #[error("the signature does not fit the snapshot: it was changed after it was signed, or signed with another key")]
    Signature,
}

/// The snapshot in `document`, when endpoint `endpoint_id` made it.
pub(super) fn verify(authority: &Authority, endpoint_id: &str, document: &[u8]) -> Result<Snapshot, Refused> {
    let snapshot: Snapshot = serde_json::from_slice(document).map_err(|error| Refused::Form(error.to_string()))?;
    within_bounds(&snapshot)?;
    let signature = snapshot.signature.as_ref().ok_or(Refused::Unsigned("it has none"))?;
    let certificate = certificate_of(authority, endpoint_id, signature)?;
    check(&certificate, signature, &snapshot, document)?;
    if snapshot.endpoint.id != endpoint_id {
        return Err(Refused::OtherEndpoint);
    }
    Ok(snapshot)
}

fn within_bounds(snapshot: &Snapshot) -> Result<(), Refused> {
    let rows = [
        ("readings", snapshot.readings.len()),
        ("events", snapshot.events.len()),
        ("changes", snapshot.changes.len()),
        ("marks", snapshot.marks.len()),
    ];
    if let Some((what, _)) = rows.into_iter().find(|&(_, count)| count > ROWS) {
        return Err(Refused::TooMany(what));
    }
    if snapshot.series.len() > SERIES {
        return Err(Refused::TooMany("series"));
    }
    if snapshot.series.iter().any(|series| series.values.len() > VALUES || series.step_seconds == 0) {
        return Err(Refused::TooMany("values in a series"));
    }
    if snapshot.schema > SCHEMA {
        return Err(Refused::Form(format!("form {} is newer than this collector", snapshot.schema)));
    }
    Ok(())
}

/// The certificate (DER) that the signature comes with, when it is this endpoint's.
fn certificate_of(authority: &Authority, endpoint_id: &str, signature: &Signature) -> Result<Vec<u8>, Refused> {
    let certificate = CertificateDer::from_pem_slice(signature.certificate.as_bytes())
        .map_err(|_| Refused::Unsigned("its certificate does not read"))?;
    let owner = authority.recognise(&certificate).map_err(|_| Refused::ForeignCertificate)?;
    if owner.endpoint_id != endpoint_id {
        return Err(Refused::OtherEndpoint);
    }
    Ok(certificate.to_vec())
}

fn check(certificate: &[u8], signature: &Signature, snapshot: &Snapshot, document: &[u8]) -> Result<(), Refused> {
    if signature.algorithm != ALGORITHM {
        return Err(Refused::Unsigned("its algorithm is not known"));
    }
    let value = base64::engine::general_purpose::STANDARD
        .decode(&signature.value)
        .map_err(|_| Refused::Unsigned("its value is not base64"))?;
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| Refused::Unsigned("its certificate does not read"))?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &certificate.public_key().subject_public_key.data);
    let fits = |bytes: Vec<u8>| key.verify(&bytes, &value).is_ok();
    // A newer agent's document may hold fields that we do not know: then the document as it stands is what was signed.
    let known = snapshot.signed_bytes().is_ok_and(fits);
    if known || as_it_stands(document).is_some_and(fits) { Ok(()) } else { Err(Refused::Signature) }
}

/// What a signature covers, without knowing the fields.
fn as_it_stands(document: &[u8]) -> Option<Vec<u8>> {
    let mut value: serde_json::Value = serde_json::from_slice(document).ok()?;
    value.as_object_mut()?.remove("signature");
    serde_json::to_vec(&value).ok()
}
