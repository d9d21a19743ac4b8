//! A change of roots that another collector made: certificates that were certified by the root that this one trusts.

use std::fs;

use firstline_diagnosis::vocabulary::Timestamp;
use rustls::pki_types::CertificateDer;
use tracing::info;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::endpoint::is_issued_by;
use super::files::{self, AuthorityError};
use super::root::{Root, Roots};
use super::{Authority, Place, root, server};
use crate::config::Listen;

/// The roots in force, as collectors tell each other: certificates (DER), no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedRoots {
    /// The root that signs.
    pub root: Vec<u8>,
    /// The same key, certified by the root before.
    pub crossed: Option<Vec<u8>>,
    /// The root before, while it is trusted.
    pub before: Option<Vec<u8>>,
}

/// What became of what another collector told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It is as here.
    Same,
    /// It was taken over; in force with the next refresh.
    Taken,
    /// This authority has gone further, and the others do not know.
    Ahead,
}

impl Authority {
    /// The roots in the files.
    ///
    /// # Errors
    /// As [`Authority::open`].
    pub fn shared(&self) -> Result<SharedRoots, AuthorityError> {
        let Roots { current, before, .. } = Roots::open(&self.place)?;
        let (before, crossed) = before.map(|(root, crossed)| (root.der.to_vec(), crossed.to_vec())).unzip();
        Ok(SharedRoots { root: current.der.to_vec(), crossed, before })
    }

    /// Takes over a change of roots that another collector made. The key of the root before ends.
    ///
    /// # Errors
    /// [`AuthorityError::OtherRoots`] when the root that is trusted here did not certify the other; or a file's.
    pub fn adopt(&self, theirs: &SharedRoots, listen: &Listen, now: Timestamp) -> Result<Adopted, AuthorityError> {
        let _one = self.alone();
        let ours = Roots::open(&self.place)?;
        if *ours.current.der == *theirs.root {
            return match (&ours.before, &theirs.before) {
                (Some(_), None) => ours.retire(&self.place).map(|()| Adopted::Taken),
                (None, Some(_)) => Ok(Adopted::Ahead),
                _ => Ok(Adopted::Same),
            };
        }
        if ours.before.as_ref().is_some_and(|(before, _)| *before.der == *theirs.root) {
            return Ok(Adopted::Ahead);
        }
        let new = certified(&ours.current, theirs)?;
        if ours.issuer.is_some() {
            server::renew_people(&self.place, &ours, listen, now)?;
        }
        self.take(&ours.current, new, theirs)?;
        Ok(Adopted::Taken)
    }

    fn take(&self, ours: &Root, new: CertificateDer<'static>, theirs: &SharedRoots) -> Result<(), AuthorityError> {
        let mut certificates = vec![new];
        if let (Some(crossed), Some(_)) = (&theirs.crossed, &theirs.before) {
            certificates.extend([CertificateDer::from(crossed.clone()), ours.der.clone()]);
        }
        let text: String = certificates.iter().map(files::pem).collect();
        files::write_secret(&self.place.certificates(), &text)?;
        end_key(&self.place, ours)
    }
}

/// The others' root, when ours has certified its key.
fn certified(ours: &Root, theirs: &SharedRoots) -> Result<CertificateDer<'static>, AuthorityError> {
    let stranger = || AuthorityError::OtherRoots(ours.name.clone());
    let crossed = theirs.crossed.as_ref().ok_or_else(stranger)?;
    let is_ours = theirs.before.as_ref().is_none_or(|before| *before == *ours.der);
    let same_key = key_of(crossed).is_some_and(|key| Some(key) == key_of(&theirs.root));
    let own = is_issued_by(&theirs.root, &theirs.root) && is_authority(&theirs.root);
    if is_ours && same_key && own && is_issued_by(crossed, &ours.der) && is_authority(crossed) {
        return Ok(CertificateDer::from(theirs.root.clone()));
    }
    Err(stranger())
}

/// The public key of a certificate.
fn key_of(certificate: &[u8]) -> Option<Vec<u8>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed.public_key().raw.to_vec())
}

/// Whether a certificate may certify others.
fn is_authority(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

/// Removes the key of a root that signs no more. Another key in its place stays: it may be the new root's already.
fn end_key(place: &Place, root: &Root) -> Result<(), AuthorityError> {
    if root::read_key(&place.key)?.is_some_and(|key| root.has(&key)) {
        let failed = |cause| AuthorityError::File { attempt: "removing", path: place.key.clone(), cause };
        fs::remove_file(&place.key).map_err(failed)?;
        info!("The key of {} is gone: it signs no more", root.name);
    }
    Ok(())
}
