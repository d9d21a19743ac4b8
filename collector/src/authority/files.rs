use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::app::owner;

/// What the authority cannot do.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// There is an authority already.
    #[error("{} exists already; an authority is never replaced", .0.display())]
    Exists(PathBuf),
    /// A PEM text holds no certificate or key.
    #[error("{what} is not readable PEM")]
    Pem {
        /// Which.
        what: String,
        /// Why.
        #[source]
        cause: rustls::pki_types::pem::Error,
    },
    /// The key of pseudonyms is damaged.
    #[error(
        "{} does not hold the key of pseudonyms (32 bytes in base64); restore it from a backup, or remove it: a new one \
         gives every hashed name a new hash", .0.display()
    )]
    NamingKey(PathBuf),
    /// Making or signing a certificate failed.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// A request for a certificate is not acceptable.
    #[error("the certificate request is refused: {0}")]
    Request(String),
    /// A certificate was not issued here, or not to an endpoint.
    #[error("the certificate is not an endpoint's of this authority: {0}")]
    Foreign(&'static str),
    /// TLS cannot be set up with these certificates.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Where the authority's files are.
pub(super) fn folder(data: &Path) -> PathBuf {
    data.join("authority")
}

/// Reads a text file.
pub(super) fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|cause| AuthorityError::File { attempt: "reading", path: path.to_owned(), cause })
}

/// Writes a file that only its owner can read, in one step: it is there whole, or as before.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), AuthorityError> {
    let new = path.with_extension("new");
    let wrap = |cause| AuthorityError::File { attempt: "writing", path: path.to_owned(), cause };
    let _ = fs::remove_file(&new);
    let mut file = owner::create(&new).map_err(wrap)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrap)?;
    fs::rename(&new, path).map_err(wrap)
}

/// Makes a folder that only its owner can enter.
pub(super) fn make_folder(path: &Path) -> Result<(), AuthorityError> {
    owner::make_folder(path).map_err(|cause| AuthorityError::File { attempt: "making", path: path.to_owned(), cause })
}

/// The first certificate of a PEM text.
pub(super) fn first_certificate(pem: &str, what: &str) -> Result<CertificateDer<'static>, AuthorityError> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|cause| AuthorityError::Pem { what: format!("{what} certificate"), cause })
}

/// All certificates and the key of two PEM texts.
pub(super) fn chain_and_key(
    chain: &str,
    key: &str,
    what: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
    let wrap = |part: &str| {
        let what = format!("{what} {part}");
        move |cause| AuthorityError::Pem { what, cause }
    };
    let chain =
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(wrap("certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(wrap("key"))?;
    Ok((chain, key))
}
