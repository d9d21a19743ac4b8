use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firstline_diagnosis::document::Signature;
use firstline_diagnosis::vocabulary::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::certificate::parts;
use super::crypto::{Key, NotAKey, provider};
use super::pin::{Fingerprint, fingerprint};
use super::witness::Witness;
use crate::config::Address;
use crate::state;

/// Who this endpoint is, and whom it trusts.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    key: Key,
    /// The endpoint's name for life.
    pub endpoint_id: String,
    /// Where it was enrolled.
    pub collector: Address,
    chain: Vec<CertificateDer<'static>>,
    authorities: Arc<[CertificateDer<'static>]>,
    fork: Option<ForkNote>,
    naming_key: Option<[u8; 32]>,
    /// Keys the evidence of this endpoint's hardware: the authority that it was enrolled under. Absent when it was
    /// enrolled by a version that did not keep it: then it is the first of the authorities.
    enrolled_under: Option<Fingerprint>,
}

/// Why there is no usable identity.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// Nothing was enrolled here.
    #[error("this machine is not enrolled yet; run `firstline-agent enroll --collector HOST:PORT --token TOKEN` first")]
    NotEnrolled,
    /// A file is there and cannot be read or written.
    #[error("the identity file {} cannot be read or written", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("the identity file {} is damaged ({problem}); enrol this machine again with a new token", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Others than the agent's account have a right to the key.
    #[error(
        "{} can be reached by other accounts (mode {mode}); make it owner-only (chmod {} {}), and enrol this machine \
         again with a new token if anybody may have copied the key",
        path.display(), if *is_dir { "700" } else { "600" }, path.display()
    )]
    Shared {
        /// Which file or directory.
        path: PathBuf,
        /// Its access rights.
        mode: String,
        /// Whether it is a directory.
        is_dir: bool,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] NotAKey),
    /// The collector gave certificates that do not belong to this endpoint's key.
    #[error("the collector gave a certificate that does not belong to this endpoint's key")]
    Foreign,
    /// TLS cannot be set up with them.
    #[error("the endpoint's certificates cannot be used for TLS")]
    Tls(#[from] rustls::Error),
}

/// What stands in `endpoint.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Enrolment {
    endpoint_id: String,
    collector: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fork: Option<ForkNote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enrolled_under: Option<Fingerprint>,
}

/// How this endpoint came to be, when it was not by a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForkNote {
    /// The endpoint whose identity this machine had.
    pub(super) of: String,
    /// Records from this number on were made by this machine. Absent once the others are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep_from: Option<u64>,
}

/// The files of an identity, the one that makes the rest count last.
const FILES: [&str; 5] = ["key.pem", NAMING_KEY, "authorities.pem", "certificate.pem", "endpoint.json"];

/// The collector's key of pseudonyms.
const NAMING_KEY: &str = "naming.key";

/// Where the next identity is put together.
const NEXT: &str = "next";

/// Certificates as the collector gave them, and its key of pseudonyms when it has one.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) naming_key: Option<[u8; 32]>,
}

impl Certificates {
    pub(super) fn from_wire(chain: Vec<Vec<u8>>, authorities: Vec<Vec<u8>>, naming_key: &[u8]) -> Self {
        let all = |ders: Vec<Vec<u8>>| ders.into_iter().map(CertificateDer::from).collect();
        Self { chain: all(chain), authorities: all(authorities), naming_key: naming_key.try_into().ok() }
    }
}

impl Identity {
    /// Reads what enrolment left in `dir`.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        finish(dir).map_err(|source| IdentityError::File { path: dir.join(NEXT), source })?;
        let enrolment = match fs::read(dir.join("endpoint.json")) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Err(IdentityError::NotEnrolled),
            Err(source) => return Err(IdentityError::File { path: dir.join("endpoint.json"), source }),
        };
        let damaged = |name: &str, problem: String| IdentityError::Damaged { path: dir.join(name), problem };
        let enrolment: Enrolment =
            serde_json::from_slice(&enrolment).map_err(|error| damaged("endpoint.json", error.to_string()))?;
        let collector = enrolment.collector.parse().map_err(|problem| damaged("endpoint.json", problem))?;
        refuse_shared(dir, true)?;
        refuse_shared(&dir.join("key.pem"), false)?;
        let key = read_text(&dir.join("key.pem"))?;
        Ok(Self {
            key: Key::from_pem(&key).map_err(|error| damaged("key.pem", error.to_string()))?,
            endpoint_id: enrolment.endpoint_id,
            collector,
            chain: certificates(&dir.join("certificate.pem"))?,
            authorities: certificates(&dir.join("authorities.pem"))?.into(),
            fork: enrolment.fork,
            enrolled_under: enrolment.enrolled_under,
            naming_key: fs::read(dir.join(NAMING_KEY)).ok().and_then(|key| key.try_into().ok()),
            dir: dir.to_owned(),
        })
    }

    /// Keeps a new identity in `dir`. The key is written first and `endpoint.json` last: it is what makes the rest count.
    pub(super) fn create(
        dir: &Path,
        key: Key,
        endpoint_id: String,
        collector: Address,
        enrolled_under: Fingerprint,
        certificates: Certificates,
    ) -> Result<Self, IdentityError> {
        let mut identity = Self {
            dir: dir.to_owned(),
            key,
            endpoint_id,
            collector,
            chain: Vec::new(),
            authorities: Arc::default(),
            fork: None,
            naming_key: None,
            enrolled_under: Some(enrolled_under),
        };
        state::private_dir(dir).map_err(|source| IdentityError::File { path: dir.to_owned(), source })?;
        identity.write("key.pem", identity.key.to_pem().as_bytes())?;
        identity.adopt(certificates)?;
        identity.write_enrolment()?;
        Ok(identity)
    }

    /// Replaces this identity by one of another endpoint. After a crash there is the old or the new one, whole.
    pub(super) fn become_other(
        &mut self,
        key: Key,
        endpoint_id: String,
        certificates: Certificates,
        keep_from: u64,
    ) -> Result<(), IdentityError> {
        let next = self.dir.join(NEXT);
        let failed = |source| IdentityError::File { path: next.clone(), source };
        state::private_dir(&next).map_err(failed)?;
        let mut other = Self {
            dir: next.clone(),
            key,
            endpoint_id,
            collector: self.collector.clone(),
            chain: Vec::new(),
            authorities: Arc::default(),
            fork: Some(ForkNote { of: self.endpoint_id.clone(), keep_from: Some(keep_from) }),
            naming_key: None,
            enrolled_under: Some(self.evidence_key()),
        };
        other.write("key.pem", other.key.to_pem().as_bytes())?;
        other.adopt(certificates)?;
        other.write_enrolment()?;
        finish(&self.dir).map_err(failed)?;
        other.dir.clone_from(&self.dir);
        *self = other;
        Ok(())
    }

    /// The number from which on records are this machine's own, when it has just become an endpoint of its own.
    pub fn keep_from(&self) -> Option<u64> {
        self.fork.as_ref().and_then(|fork| fork.keep_from)
    }

    /// What other machines recorded is gone.
    pub fn settle(&mut self) -> Result<(), IdentityError> {
        if let Some(fork) = &mut self.fork {
            fork.keep_from = None;
        }
        self.write_enrolment()
    }

    fn write_enrolment(&self) -> Result<(), IdentityError> {
        let enrolment = Enrolment {
            endpoint_id: self.endpoint_id.clone(),
            collector: self.collector.to_string(),
            fork: self.fork.clone(),
            enrolled_under: self.enrolled_under,
        };
        let text = serde_json::to_vec_pretty(&enrolment).expect("texts and numbers always have a JSON form");
        self.write("endpoint.json", &text)
    }

    /// Takes new certificates into use, after checking that they are this key's.
    pub(super) fn adopt(&mut self, new: Certificates) -> Result<(), IdentityError> {
        let leaf = new.chain.first().ok_or(IdentityError::Foreign)?;
        let parts = parts(leaf).ok_or(IdentityError::Foreign)?;
        if parts.public_key != self.key.public() || new.authorities.is_empty() {
            return Err(IdentityError::Foreign);
        }
        if self.enrolled_under.is_none() {
            // The first of the authorities may be another one from now on.
            self.enrolled_under = Some(self.evidence_key());
            self.write_enrolment()?;
        }
        // Trust before identity: a crash in between leaves the old certificate, which the new authorities still know.
        self.write("authorities.pem", pems(&new.authorities).as_bytes())?;
        self.write("certificate.pem", pems(&new.chain).as_bytes())?;
        if let Some(key) = new.naming_key.filter(|key| self.naming_key != Some(*key)) {
            self.write(NAMING_KEY, &key)?;
            self.naming_key = Some(key);
        }
        self.chain = new.chain;
        self.authorities = new.authorities.into();
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), IdentityError> {
        let path = self.dir.join(name);
        state::replace(&path, bytes).map_err(|source| IdentityError::File { path, source })
    }

    /// What keys the evidence of this endpoint's hardware. It stays when the collector's authority gets a new root: the
    /// same machine is to say the same of itself.
    pub fn evidence_key(&self) -> Fingerprint {
        let first = || self.authorities.first().map(fingerprint).unwrap_or_default();
        self.enrolled_under.unwrap_or_else(first)
    }

    /// The collector's key of pseudonyms; an older collector has none.
    pub fn naming_key(&self) -> Option<[u8; 32]> {
        self.naming_key
    }

    /// The authorities whose collectors this endpoint trusts.
    pub fn authorities(&self) -> Arc<[CertificateDer<'static>]> {
        Arc::clone(&self.authorities)
    }

    /// TLS 1.3 with this endpoint's certificate, to a collector of its authorities.
    pub fn tls(&self) -> Result<ClientConfig, IdentityError> {
        let mut roots = RootCertStore::empty();
        for authority in self.authorities.iter() {
            roots.add(authority.clone())?;
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let authorities = authorities.map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Witness::over(authorities))
            .with_client_auth_cert(self.chain.clone(), self.key.to_der())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    /// From when to when the certificate is valid.
    pub fn validity(&self) -> Option<(Timestamp, Timestamp)> {
        let parts = parts(self.chain.first()?)?;
        Some((parts.valid_from, parts.valid_to))
    }

    pub(super) fn certificate_request(&self) -> Result<Vec<u8>, IdentityError> {
        Ok(self.key.certificate_request()?)
    }

    /// Signs `bytes`, for a snapshot.
    pub fn sign(&self, bytes: &[u8]) -> Result<Signature, IdentityError> {
        Ok(Signature {
            algorithm: "ECDSA_P256_SHA256_ASN1".to_owned(),
            certificate: pems(&self.chain[..1.min(self.chain.len())]),
            value: STANDARD.encode(self.key.sign(bytes)?),
        })
    }
}

/// Takes a whole next identity into use, and clears away a part of one.
fn finish(dir: &Path) -> io::Result<()> {
    let next = dir.join(NEXT);
    if next.join("endpoint.json").exists() {
        for name in FILES.iter().filter(|name| next.join(name).exists()) {
            fs::rename(next.join(name), dir.join(name))?;
        }
        state::sync_dir(dir)?;
    }
    if next.exists() { fs::remove_dir_all(next) } else { Ok(()) }
}

fn refuse_shared(path: &Path, is_dir: bool) -> Result<(), IdentityError> {
    match state::shared_mode(path) {
        Ok(None) => Ok(()),
        Ok(Some(mode)) => Err(IdentityError::Shared { path: path.to_owned(), mode, is_dir }),
        Err(source) => Err(IdentityError::File { path: path.to_owned(), source }),
    }
}

fn read_text(path: &Path) -> Result<String, IdentityError> {
    fs::read_to_string(path).map_err(|source| IdentityError::File { path: path.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let text = read_text(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let damaged = |problem: String| IdentityError::Damaged { path: path.to_owned(), problem };
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(damaged("it holds no certificate".to_owned())),
        Err(error) => Err(damaged(error.to_string())),
    }
}

/// PEM of certificates, 64 letters a line.
/// What kind it is, and what it holds, as text.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn pems(ders: &[CertificateDer<'_>]) -> String {
    ders.iter().map(|der| pem("CERTIFICATE", der)).collect()
}
