use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    /// The root's key is not in its place.
    #[error(
        "the authority's key is not in its place ({}): nothing can be signed until it is; enrolment and renewal wait, \
         streams go on", .0.display()
    )]
    KeyAway(PathBuf),
    /// Others than the collector's account have a right to the root's key.
    #[error(
        "the authority's key {} can be reached by other accounts (mode {mode}); make it owner-only (chmod 600 {}), and \
         rotate the authority if anybody may have copied it", path.display(), path.display()
    )]
    KeyShared {
        /// Where it is.
        path: PathBuf,
        /// Its access rights.
        mode: String,
    },
    /// The key is another root's.
    #[error("{} is not the key of this collector's root; put the right one there", .0.display())]
    OtherKey(PathBuf),
    /// One change of roots is not over.
    #[error("the root before, {0}, is still trusted; retire it first")]
    Rotating(String),
    /// There is nothing to retire.
    #[error("there is one root only; rotate the authority before you retire its root")]
    NotRotating,
    /// Another collector changed the roots, and this one has not followed yet.
    #[error("another replica has just changed the authority's roots; try again in a minute")]
    Behind,
    /// The others' root was not made from the one that is here.
    #[error(
        "the authority of this collector has the root {0}, the database's another that it did not certify: copy the file \
         authority/root.pem of another replica here, and put that root's key into its place"
    )]
    OtherRoots(String),
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

/// What each collector has for itself: certificates and keys of its ports.
const OWN: [&str; 4] = ["agents.pem", "agents.key", "people.pem", "people.key"];

/// Copies an authority without what each collector has for itself. The root's key goes to `key`, unless it is there already
/// or kept elsewhere by the other collector, too.
pub(super) fn copy(from: &Path, to: &Path, key: &Path) -> Result<(), AuthorityError> {
    let inner = folder(from);
    let from = if inner.join("root.pem").exists() { &inner } else { from };
    if to.join("root.pem").exists() {
        return Err(AuthorityError::Exists(to.join("root.pem")));
    }
    let wrap = |cause| AuthorityError::File { attempt: "reading", path: from.to_owned(), cause };
    for name in ["root.pem", "naming.key"] {
        fs::metadata(from.join(name)).map_err(wrap)?;
    }
    make_folder(to)?;
    for entry in fs::read_dir(from).map_err(wrap)? {
        let entry = entry.map_err(wrap)?;
        let (path, name) = (entry.path(), entry.file_name());
        let own = OWN.iter().any(|own| name == *own) || path.extension().is_some_and(|end| end == "new");
        let target = if name == "root.key" { key.to_owned() } else { to.join(name) };
        if path.is_file() && !own && !target.exists() {
            write_secret(&target, &read(&path)?)?;
        }
    }
    Ok(())
}

/// Makes a folder that only its owner can enter.
pub(super) fn make_folder(path: &Path) -> Result<(), AuthorityError> {
    owner::make_folder(path).map_err(|cause| AuthorityError::File { attempt: "making", path: path.to_owned(), cause })
}

/// The certificates of a PEM text.
pub(super) fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, AuthorityError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|cause| AuthorityError::Pem { what: format!("{what} certificate"), cause })
}

/// PEM of a certificate, 64 letters a line.
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in STANDARD.encode(certificate).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

/// All certificates and the key of two PEM texts.
pub(super) fn chain_and_key(
    chain: &str,
    key: &str,
    what: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
    let chain = certificates(chain, what)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|cause| AuthorityError::Pem { what: format!("{what} key"), cause })?;
    Ok((chain, key))
}
