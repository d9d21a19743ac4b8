use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::info;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::endpoint::{random_serial, set_validity};
use super::files::{self, AuthorityError};
use super::root::BACKDATED;
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
    folder: &Path,
    issuer: &Issuer<'static, KeyPair>,
    root: &str,
    listen: &Listen,
    now: Timestamp,
) -> Result<Servers, AuthorityError> {
    let names = names(listen);
    let maker = Maker { folder, issuer, root, names: &names, now };
    let agents = maker.one("agents")?;
    let people = match listen.people_files() {
        Some((chain, key)) => {
            let (chain, key) = files::chain_and_key(&files::read(chain)?, &files::read(key)?, "the people's port")?;
            Identity { chain, key }
        }
        None => maker.one("people")?,
    };
    Ok(Servers { agents, people })
}

/// What every server certificate needs.
struct Maker<'a> {
    folder: &'a Path,
    issuer: &'a Issuer<'static, KeyPair>,
    root: &'a str,
    names: &'a BTreeSet<String>,
    now: Timestamp,
}

impl Maker<'_> {
    /// The identity of a port: as it is on disk when that is good, else a new one. The chain ends with the root: an
    /// agent that has nothing but a token knows the root by its fingerprint only, and must be shown it.
    fn one(&self, port: &str) -> Result<Identity, AuthorityError> {
        let (chain_path, key_path) = (self.folder.join(format!("{port}.pem")), self.folder.join(format!("{port}.key")));
        if chain_path.exists() && key_path.exists() {
            let (chain, key) = files::chain_and_key(&files::read(&chain_path)?, &files::read(&key_path)?, port)?;
            if chain.len() == 2 && is_good(&chain[0], self.names, self.now) {
                return Ok(Identity { chain, key });
            }
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let chain_pem = params(self.names, self.now)?.signed_by(&key, self.issuer)?.pem() + self.root;
        files::write_secret(&key_path, &key.serialize_pem())?;
        files::write_secret(&chain_path, &chain_pem)?;
        info!(port, "Made a new server certificate for the port of {port}");
        let (chain, key) = files::chain_and_key(&chain_pem, &key.serialize_pem(), port)?;
        Ok(Identity { chain, key })
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

/// Whether a certificate lasts, and names exactly what it must.
fn is_good(certificate: &[u8], names: &BTreeSet<String>, now: Timestamp) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let until = Timestamp::from_unix_seconds(certificate.validity().not_after.timestamp());
    let Some(found) = certificate.subject_alternative_name().ok().flatten() else { return false };
    let found: BTreeSet<String> = found.value.general_names.iter().filter_map(text_of).collect();
    until > now + RENEW_WITHIN && found == *names
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
