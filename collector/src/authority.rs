//! The certificate authority: issues, renews, revokes.
//!
//! One P-256 root for ten years, made by `init`, whose key is readable by its owner only: in the data folder, or in a file
//! elsewhere ([`Place`]). It signs the collector's server certificates and every endpoint's certificate. An endpoint's
//! certificate names its id, is good for 30 days and for nothing but being a client; whatever a request wishes beyond its
//! key is ignored. Revocation is in the database; this room turns it into a list that the TLS edge checks at every
//! handshake.
//!
//! The key is looked for at the start, at every refresh, and when something is to be signed. While it is away nothing is
//! signed: no enrolment, no renewal, no fork. Handshakes, streams and revocation do without it.
//!
//! The root can be replaced ([`Authority::rotate`], [`Authority::retire`]). In between both are trusted; the new one signs,
//! and the chain that agents are shown leads to either, so that an endpoint that knows only one of them comes in, and so
//! does a token that pins one. Whoever shows a certificate under the new root knows it: the reply that brought the one
//! brought the other.

mod endpoint;
mod files;
mod naming;
mod place;
mod root;
mod server;
mod shared;
mod tls;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use firstline_diagnosis::vocabulary::Timestamp;
use rustls::ServerConfig;
use tracing::warn;

use crate::config::Listen;

pub(crate) use endpoint::hexadecimal;
pub use endpoint::{CERTIFICATE_LIFETIME, CertificateOf, Issued};
pub use files::AuthorityError;
pub use place::Place;
use root::Roots;
pub use root::{Fingerprint, Root, trusted};
pub use shared::{Adopted, SharedRoots};
pub use tls::RevokedSerial;

/// A TLS configuration that can be replaced while it is in use.
pub type LiveTls = Arc<ArcSwap<ServerConfig>>;

/// The authority of one collector.
pub struct Authority {
    place: Place,
    roots: ArcSwap<Roots>,
    agents: LiveTls,
    people: LiveTls,
    naming_key: [u8; 32],
    lifetime: Duration,
    /// One at a time reads or changes the files.
    files: Mutex<()>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority; refuses to replace one.
    ///
    /// # Errors
    /// When there is one already, or the folder cannot be written.
    pub fn create(place: &Place, now: Timestamp) -> Result<(), AuthorityError> {
        root::create(place, now)
    }

    /// Takes over the authority of another collector, whose files are in `from`: its data folder, the folder `authority` in
    /// there, or a copy of that. The certificates of its ports are not taken. Refuses to replace one.
    ///
    /// # Errors
    /// When there is one already, `from` holds none, or the folder cannot be written.
    pub fn copy(from: &Path, place: &Place) -> Result<(), AuthorityError> {
        files::copy(from, &place.folder, &place.key)
    }

    /// Opens the authority, and makes or renews the server certificates for `listen`.
    ///
    /// # Errors
    /// When a file is missing, damaged, or cannot be written. A root's key that is away is no error.
    pub fn open(place: Place, listen: &Listen, now: Timestamp) -> Result<Self, AuthorityError> {
        let roots = Roots::open(&place)?;
        let servers = server::open_or_renew(&place, &roots, listen, now)?;
        let agents = tls::agents(&roots, &servers.agents, &[])?;
        let people = tls::people(&roots, &servers.people)?;
        let naming_key = naming::open(&place.folder)?;
        Ok(Self {
            place,
            roots: ArcSwap::from_pointee(roots),
            agents: Arc::new(ArcSwap::from_pointee(agents)),
            people: Arc::new(ArcSwap::from_pointee(people)),
            naming_key,
            lifetime: CERTIFICATE_LIFETIME,
            files: Mutex::new(()),
        })
    }

    /// Signs endpoints' certificates for `lifetime` from now on.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Renews what is about to expire, and makes every later handshake see `revoked`. Open connections stay.
    ///
    /// # Errors
    /// As [`Authority::open`]; what was in force stays in force then.
    pub fn refresh(&self, listen: &Listen, revoked: &[RevokedSerial], now: Timestamp) -> Result<(), AuthorityError> {
        let _one = self.alone();
        let roots = Roots::open(&self.place)?;
        if let Err(away) = roots.issuer(&self.place) {
            warn!("{away}");
        }
        let servers = server::open_or_renew(&self.place, &roots, listen, now)?;
        let agents = tls::agents(&roots, &servers.agents, revoked)?;
        let people = tls::people(&roots, &servers.people)?;
        self.roots.store(Arc::new(roots));
        self.agents.store(Arc::new(agents));
        self.people.store(Arc::new(people));
        Ok(())
    }

    /// Makes a new root that signs from now on; the present one is trusted until [`Authority::retire`]. It is in force
    /// with the next [`Authority::refresh`].
    ///
    /// # Errors
    /// When the root before the present one is still trusted, the key is away, or a file cannot be written.
    pub fn rotate(&self, listen: &Listen, now: Timestamp) -> Result<(), AuthorityError> {
        let _one = self.alone();
        let roots = Roots::open(&self.place)?;
        roots.refuse_third()?;
        server::renew_people(&self.place, &roots, listen, now)?;
        roots.rotate(&self.place, now)
    }

    /// Ends the trust in the root before the present one. It is in force with the next [`Authority::refresh`].
    ///
    /// # Errors
    /// When there is none, or a file cannot be written.
    pub fn retire(&self) -> Result<(), AuthorityError> {
        let _one = self.alone();
        Roots::open(&self.place)?.retire(&self.place)
    }

    /// Signs a certificate for endpoint `id` over the key of a request (PKCS #10, DER).
    ///
    /// # Errors
    /// When the request is not one, or is not signed by its own key; or the root's key is away.
    pub fn issue(&self, request: &[u8], id: &str, now: Timestamp) -> Result<Issued, AuthorityError> {
        let mut roots = self.roots.load_full();
        if roots.issuer.is_none() {
            let _one = self.alone();
            roots = Arc::new(Roots::open(&self.place)?);
            self.roots.store(Arc::clone(&roots));
        }
        let issuer = roots.issuer(&self.place)?;
        endpoint::issue(issuer, &roots.current, request, id, (now, self.lifetime))
    }

    /// Reads a certificate (DER) that this authority signed for an endpoint: whose it is. Does not look at its age or
    /// at revocation, since a document stays signed when a certificate ends.
    ///
    /// # Errors
    /// When somebody else signed it, or it is not an endpoint's.
    pub fn recognise(&self, certificate: &[u8]) -> Result<CertificateOf, AuthorityError> {
        endpoint::recognise(self.roots.load().trusted(), certificate)
    }

    fn alone(&self) -> std::sync::MutexGuard<'_, ()> {
        // It guards nothing in memory.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// TLS for the agents' port.
    pub fn agents_tls(&self) -> LiveTls {
        Arc::clone(&self.agents)
    }

    /// TLS for the people's port.
    pub fn people_tls(&self) -> LiveTls {
        Arc::clone(&self.people)
    }

    /// Keys the hashes that stand for names of people, networks and printers, so that the same name is the same hash on
    /// every endpoint, and nobody outside can try names.
    pub fn naming_key(&self) -> &[u8; 32] {
        &self.naming_key
    }

    /// The root that signs.
    pub fn root(&self) -> Root {
        self.roots.load().current.clone()
    }

    /// The root before, while it is trusted.
    pub fn root_before(&self) -> Option<Root> {
        self.roots.load().before.as_ref().map(|(root, _)| root.clone())
    }

    /// The roots that endpoints must trust, DER.
    pub fn trusted(&self) -> Vec<Vec<u8>> {
        self.roots.load().trusted().map(|root| root.der.to_vec()).collect()
    }

    /// Where the root's key is to be, and whether it is there.
    pub fn key(&self) -> (&Path, bool) {
        (&self.place.key, self.roots.load().issuer.is_some())
    }

    /// SHA-256 of the root that signs: what a token pins.
    pub fn fingerprint(&self) -> Fingerprint {
        self.roots.load().current.fingerprint
    }
}

#[cfg(test)]
mod tests;
