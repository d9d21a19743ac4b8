use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData as _, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{info, warn};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Place;
use super::endpoint::{is_issued_by, random_serial, set_validity};
use super::files::{self, AuthorityError};
use super::root::{BACKDATED, Roots};
use crate::config::Listen;

/// How long a server certificate is good.
const LIFETIME: Duration = Duration::from_hours(90 * 24);

/// When less than this is left, a new one is made.
const RENEW_WITHIN: Duration = Duration::from_hours(30 * 24);

/// Chain and key of a server.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Identities of both ports.
pub(super) struct Servers {
    pub(super) agents: Identity,
    pub(super) people: Identity,
}

/// Reads the server certificates; makes those that are missing, about to expire, or do not name what they must.
pub(super) fn open_or_renew(
    place: &Place,
    roots: &Roots,
    listen: &Listen,
    now: Timestamp,
) -> Result<Servers, AuthorityError> {
    let maker = Maker { place, roots, names: names(listen), now };
    let agents = maker.one("agents", |chain| is_issued_by(chain, &roots.current.der))?;
    let people = match listen.people_files(&place.data) {
        Some((chain, key)) => {
            let (chain, key) = files::chain_and_key(&files::read(&chain)?, &files::read(&key)?, "the people's port")?;
            Identity { chain, key }
        }
        // People trust what they were given by hand: they are shown the root that they know until it is retired.
        None => maker.one("people", |chain| roots.trusted().any(|root| is_issued_by(chain, &root.der)))?,
    };
    Ok(Servers { agents, people })
}

/// Makes the people's certificate once more under the root that is about to stop signing, to last through the change.
pub(super) fn renew_people(
    place: &Place,
    roots: &Roots,
    listen: &Listen,
    now: Timestamp,
) -> Result<(), AuthorityError> {
    if listen.people_files(&place.data).is_none() {
        Maker { place, roots, names: names(listen), now }.make("people")?;
    }
    Ok(())
}

/// Whether a key is that of a certificate.
fn fits(certificate: &[u8], key: &str) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    KeyPair::from_pem(key).is_ok_and(|key| key.subject_public_key_info() == certificate.public_key().raw)
}

/// What every server certificate needs.
struct Maker<'a> {
    place: &'a Place,
    roots: &'a Roots,
    names: BTreeSet<String>,
    now: Timestamp,
}

impl Maker<'_> {
    /// The identity of a port: as it is on disk when that is good, else a new one. While the root's key is away, what is
    /// there serves for as long as it lasts.
    fn one(&self, port: &str, is_ours: impl Fn(&[u8]) -> bool) -> Result<Identity, AuthorityError> {
        let (chain_path, key_path) = self.paths(port);
        if !chain_path.exists() || !key_path.exists() {
            return self.make(port);
        }
        let pem = files::read(&key_path)?;
        let (chain, key) = files::chain_and_key(&files::read(&chain_path)?, &pem, port)?;
        let fits = chain.first().is_some_and(|first| fits(first, &pem));
        if fits && chain.len() == 2 && is_ours(&chain[0]) && is_good(&chain[0], &self.names, self.now) {
            return Ok(Identity { chain, key });
        }
        match self.make(port) {
            Err(away @ AuthorityError::KeyAway(_)) if fits => {
                warn!(port, "The server certificate for the port of {port} should be renewed and cannot be: {away}");
                Ok(Identity { chain, key })
            }
            made => made,
        }
    }

    /// A new identity. The chain ends with the root: an agent that has nothing but a token knows the root by its
    /// fingerprint only, and must be shown it.
    fn make(&self, port: &str) -> Result<Identity, AuthorityError> {
        let (chain_path, key_path) = self.paths(port);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params(&self.names, self.now)?.signed_by(&key, self.roots.issuer(self.place)?)?;
        let chain_pem = certificate.pem() + &files::pem(&self.roots.current.der);
        files::write_secret(&key_path, &key.serialize_pem())?;
        files::write_secret(&chain_path, &chain_pem)?;
        info!(port, "Made a new server certificate for the port of {port}");
        let (chain, key) = files::chain_and_key(&chain_pem, &key.serialize_pem(), port)?;
        Ok(Identity { chain, key })
    }

    fn paths(&self, port: &str) -> (PathBuf, PathBuf) {
        (self.place.folder.join(format!("{port}.pem")), self.place.folder.join(format!("{port}.key")))
    }
}

fn params(names: &BTreeSet<String>, now: Timestamp) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Firstline collector");
    params.serial_number = Some(SerialNumber::from_slice(&random_serial()));
    set_validity(&mut params, now - BACKDATED, now + LIFETIME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Under which names and addresses this collector can be reached.
fn names(listen: &Listen) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    names.extend(listen.public_names.iter().cloned());
    names.extend(
        [listen.agents.ip(), listen.people.ip()].iter().filter(|ip| !ip.is_unspecified()).map(IpAddr::to_string),
    );
    names.extend(host_name());
    names
}

/// The host's own name, when it can stand in a certificate.
fn host_name() -> Option<String> {
    let name =
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("COMPUTERNAME").ok())?;
    let name = name.trim().to_ascii_lowercase();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    (!name.is_empty() && name.len() < 254 && name.chars().all(plain)).then_some(name)
}

/// Whether a certificate is good by now, lasts, and names exactly what it must. One that begins in the future was made while
/// the clock was wrong.
fn is_good(certificate: &[u8], names: &BTreeSet<String>, now: Timestamp) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let [from, until] = [certificate.validity().not_before, certificate.validity().not_after]
        .map(|at| Timestamp::from_unix_seconds(at.timestamp()));
    let Some(found) = certificate.subject_alternative_name().ok().flatten() else { return false };
    let found: BTreeSet<String> = found.value.general_names.iter().filter_map(text_of).collect();
    from <= now && until > now + RENEW_WITHIN && found == *names
}

fn text_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
    }
}
