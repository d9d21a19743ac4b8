//! The roots in force: one signs; while endpoints get to know it, the one before is trusted as well.
//!
//! A change of roots is one step of one file: `root.pem` holds the new root, the same key certified by the root before
//! (for those who know only that), and the root before. The new key waits beside the old one's place until that file is
//! there, and then takes the place; the old key is gone from then on. A crash at any moment leaves one or the other.

use std::fs;
use std::path::Path;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData as _,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Place;
use super::endpoint::{random_serial, set_validity};
use super::files::{self, AuthorityError};
use crate::app::owner;

/// How long the root is good.
const LIFETIME: Duration = Duration::from_hours(3653 * 24);

/// Clocks of endpoints may be a little behind ours.
pub(super) const BACKDATED: Duration = Duration::from_hours(1);

/// SHA-256 of a root's certificate.
pub type Fingerprint = [u8; 32];

/// A root's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// DER.
    pub der: CertificateDer<'static>,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The roots in force.
pub(super) struct Roots {
    pub(super) current: Root,
    /// The one before, and the present one as that certified it.
    pub(super) before: Option<(Root, CertificateDer<'static>)>,
    /// Signs; absent while the key is not in its place.
    pub(super) issuer: Option<Issuer<'static, KeyPair>>,
}

/// Makes key and certificate.
pub(super) fn create(place: &Place, now: Timestamp) -> Result<(), AuthorityError> {
    if let Some(path) = [&place.certificates(), &place.key].into_iter().find(|path| path.exists()) {
        return Err(AuthorityError::Exists(path.clone()));
    }
    files::make_folder(&place.folder)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = new_params(now).self_signed(&key)?;
    files::write_secret(&place.key, &key.serialize_pem())?;
    files::write_secret(&place.certificates(), &certificate.pem())
}

/// A root of its own name: a machine that knows two must be able to tell them apart.
fn new_params(now: Timestamp) -> CertificateParams {
    let serial = random_serial();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Firstline");
    name.push(DnType::CommonName, format!("Firstline root {:02x}{:02x}{:02x}", serial[1], serial[2], serial[3]));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(rcgen::SerialNumber::from_slice(&serial));
    set_validity(&mut params, now - BACKDATED, now + LIFETIME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// The root that signs; and the one before, with the present one as that certified it.
type Certificates = (Root, Option<(Root, CertificateDer<'static>)>);

/// Reads what the certificates' file holds.
fn certificates(place: &Place) -> Result<Certificates, AuthorityError> {
    let mut certificates = files::certificates(&files::read(&place.certificates())?, "the root")?.into_iter();
    let current = certificates.next().ok_or(AuthorityError::Foreign("the root's file holds no certificate"))?;
    let before = match (certificates.next(), certificates.next()) {
        (Some(cross), Some(before)) => Some((Root::of(before)?, cross)),
        _ => None,
    };
    Ok((Root::of(current)?, before))
}

/// The roots that an authority's files say are trusted, whether its key is there or not.
///
/// # Errors
/// When the file is missing or damaged.
pub fn trusted(place: &Place) -> Result<Vec<Fingerprint>, AuthorityError> {
    let (current, before) = certificates(place)?;
    Ok([Some(current), before.map(|(root, _)| root)].into_iter().flatten().map(|root| root.fingerprint).collect())
}

impl Roots {
    /// Reads certificates and key.
    pub(super) fn open(place: &Place) -> Result<Self, AuthorityError> {
        let (current, before) = certificates(place)?;
        let issuer = match key_of(place, &current, before.as_ref().map(|(root, _)| root))? {
            Some(key) => Some(Issuer::from_ca_cert_der(&current.der, key)?),
            None => None,
        };
        Ok(Self { current, before, issuer })
    }

    /// What signs.
    ///
    /// # Errors
    /// When the key is not in its place.
    pub(super) fn issuer(&self, place: &Place) -> Result<&Issuer<'static, KeyPair>, AuthorityError> {
        self.issuer.as_ref().ok_or_else(|| AuthorityError::KeyAway(place.key.clone()))
    }

    /// The roots that are trusted, the older first: what an endpoint of an older version hashes with is the first.
    pub(super) fn trusted(&self) -> impl Iterator<Item = &Root> {
        self.before.iter().map(|(root, _)| root).chain([&self.current])
    }

    /// What follows the server's own certificate in a handshake: whoever knows one of the roots, and be it by its
    /// fingerprint only, finds the way from the server's certificate to it.
    pub(super) fn shown(&self) -> Vec<CertificateDer<'static>> {
        let current = self.current.der.clone();
        match &self.before {
            Some((before, cross)) => vec![cross.clone(), current, before.der.clone()],
            None => vec![current],
        }
    }

    /// Whether there may be a new root.
    pub(super) fn refuse_third(&self) -> Result<(), AuthorityError> {
        match &self.before {
            Some((before, _)) => Err(AuthorityError::Rotating(before.name.clone())),
            None => Ok(()),
        }
    }

    /// Makes a new root, certified by this one, which is trusted on.
    pub(super) fn rotate(&self, place: &Place, now: Timestamp) -> Result<(), AuthorityError> {
        let issuer = self.issuer(place)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = new_params(now);
        let new = params.self_signed(&key)?;
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&random_serial()));
        set_validity(&mut params, now - BACKDATED, (now + LIFETIME).min(self.current.expires_at));
        let cross = params.signed_by(&key, issuer)?;
        files::write_secret(&place.next_key(), &key.serialize_pem())?;
        let certificates = [new.der(), cross.der(), &self.current.der].map(|der| files::pem(der)).concat();
        files::write_secret(&place.certificates(), &certificates)
    }

    /// Ends the trust in the root before.
    pub(super) fn retire(&self, place: &Place) -> Result<(), AuthorityError> {
        if self.before.is_none() {
            return Err(AuthorityError::NotRotating);
        }
        files::write_secret(&place.certificates(), &files::pem(&self.current.der))
    }
}

impl Root {
    fn of(der: CertificateDer<'static>) -> Result<Self, AuthorityError> {
        let (_, parsed) =
            X509Certificate::from_der(&der).map_err(|_| AuthorityError::Foreign("the root is not readable"))?;
        let name = parsed.subject().iter_common_name().find_map(|name| name.as_str().ok()).unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            made_at: Timestamp::from_unix_seconds(parsed.validity().not_before.timestamp()) + BACKDATED,
            expires_at: Timestamp::from_unix_seconds(parsed.validity().not_after.timestamp()),
            fingerprint: Sha256::digest(&der).into(),
            der,
        })
    }

    /// Whether this is the root of `key`.
    pub(super) fn has(&self, key: &KeyPair) -> bool {
        X509Certificate::from_der(&self.der).is_ok_and(|(_, own)| own.public_key().raw == key.subject_public_key_info())
    }
}

/// The key of `root`; nothing when it is not in its place. Ends a change of roots that was cut short.
fn key_of(place: &Place, root: &Root, before: Option<&Root>) -> Result<Option<KeyPair>, AuthorityError> {
    let next = place.next_key();
    if let Some(key) = read_key(&next)? {
        let (attempt, done) = if root.has(&key) {
            ("putting the new key into", fs::rename(&next, &place.key))
        } else {
            ("removing a key that never came into use, beside", fs::remove_file(&next))
        };
        done.map_err(|cause| AuthorityError::File { attempt, path: place.key.clone(), cause })?;
    }
    match read_key(&place.key)? {
        Some(key) if root.has(&key) => Ok(Some(key)),
        // Another collector replaced the root, and this one was interrupted while it followed.
        Some(key) if before.is_some_and(|before| before.has(&key)) => Ok(None),
        Some(_) => Err(AuthorityError::OtherKey(place.key.clone())),
        None => Ok(None),
    }
}

pub(super) fn read_key(path: &Path) -> Result<Option<KeyPair>, AuthorityError> {
    if !path.exists() {
        return Ok(None);
    }
    let file = |cause| AuthorityError::File { attempt: "reading", path: path.to_owned(), cause };
    if let Some(mode) = owner::shared_mode(path).map_err(file)? {
        return Err(AuthorityError::KeyShared { path: path.to_owned(), mode });
    }
    Ok(Some(KeyPair::from_pem(&files::read(path)?)?))
}
