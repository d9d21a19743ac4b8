//! The only place that names the provider of cryptography.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PublicKeyData, SigningKey};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use thiserror::Error;

/// The provider that every TLS configuration of the agent is built with.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Makes it the process's default, for libraries that build their own configurations. Only the first call counts.
pub fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A key that cannot be read or used.
#[derive(Debug, Error)]
#[error("the endpoint's key is not usable")]
pub struct NotAKey(#[from] rcgen::Error);

/// The endpoint's key.
#[derive(Debug)]
pub(super) struct Key(KeyPair);

impl Key {
    /// Makes a new one.
    pub(super) fn generate() -> Result<Self, NotAKey> {
        Ok(Self(KeyPair::generate()?))
    }

    pub(super) fn from_pem(text: &str) -> Result<Self, NotAKey> {
        Ok(Self(KeyPair::from_pem(text)?))
    }

    /// For the owner-only file, and for nothing else.
    pub(super) fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// For TLS.
    pub(super) fn to_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.0.serialize_der().into())
    }

    /// The public half, as certificates carry it.
    pub(super) fn public(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }

    /// A certificate request in DER. It carries no wishes: names, validity and usages are the authority's business.
    pub(super) fn certificate_request(&self) -> Result<Vec<u8>, NotAKey> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        Ok(params.serialize_request(&self.0)?.der().to_vec())
    }

    /// An ECDSA P-256 SHA-256 signature in ASN.1.
    pub(super) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, NotAKey> {
        Ok(self.0.sign(bytes)?)
    }
}
