//! The only place that names the provider of cryptography.
//!
//! Keys of its own are ECDSA P-256 and nothing else: what could sign with other kinds is not even in the program.

use std::sync::Arc;

use rcgen::{CertificateParams, PublicKeyData, SigningKey};
use ring::error::{KeyRejected, Unspecified};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::crypto::ring::{default_provider, sign::any_ecdsa_type};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::store::pem;

/// The provider that every TLS configuration of the agent is built with.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { key_provider: &OwnKeys, ..default_provider() })
}

/// Makes it the process's default, for libraries that build their own configurations. Only the first call counts.
pub fn install_provider() {
    let _ = CryptoProvider::clone(&provider()).install_default();
}

/// Takes the kind of key that an endpoint has.
#[derive(Debug)]
struct OwnKeys;

impl KeyProvider for OwnKeys {
    fn load_private_key(
        &self,
        der: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn rustls::sign::SigningKey>, rustls::Error> {
        any_ecdsa_type(&der)
    }
}

/// A key that cannot be read or used.
#[derive(Debug, Error)]
#[error("the endpoint's key is not usable")]
pub struct NotAKey(#[from] rcgen::Error);

impl From<Unspecified> for NotAKey {
    fn from(_: Unspecified) -> Self {
        Self(rcgen::Error::RingUnspecified)
    }
}

impl From<KeyRejected> for NotAKey {
    fn from(why: KeyRejected) -> Self {
        Self(rcgen::Error::RingKeyRejected(why.to_string()))
    }
}

/// The endpoint's key.
#[derive(Debug)]
pub(super) struct Key {
    pair: EcdsaKeyPair,
    /// As it lies in its file.
    der: PrivatePkcs8KeyDer<'static>,
}

impl Key {
    /// Makes a new one.
    pub(super) fn generate() -> Result<Self, NotAKey> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
        Self::of(made.as_ref().to_vec().into())
    }

    pub(super) fn from_pem(text: &str) -> Result<Self, NotAKey> {
        Self::of(PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?)
    }

    fn of(der: PrivatePkcs8KeyDer<'static>) -> Result<Self, NotAKey> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.secret_pkcs8_der(), &SystemRandom::new())?;
        Ok(Self { pair, der })
    }

    /// For the owner-only file, and for nothing else.
    pub(super) fn to_pem(&self) -> String {
        pem("PRIVATE KEY", self.der.secret_pkcs8_der())
    }

    /// For TLS.
    pub(super) fn to_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.der.clone_key())
    }

    /// The public half, as certificates carry it.
    pub(super) fn public(&self) -> Vec<u8> {
        self.subject_public_key_info()
    }

    /// A certificate request in DER. It carries no wishes: names, validity and usages are the authority's business.
    pub(super) fn certificate_request(&self) -> Result<Vec<u8>, NotAKey> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        Ok(params.serialize_request(self)?.der().to_vec())
    }

    /// An ECDSA P-256 SHA-256 signature in ASN.1.
    pub(super) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, NotAKey> {
        Ok(self.pair.sign(&SystemRandom::new(), bytes)?.as_ref().to_vec())
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.sign(bytes).map_err(|NotAKey(why)| why)
    }
}
