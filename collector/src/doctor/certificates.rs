//! Certificates and keys: whether they are there, fit, and last.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::time::ASN1Time;

use super::{Patient, Report};
use crate::config::Config;

/// From when to when a certificate is good.
type Span = (Timestamp, Timestamp);

/// What is left of a certificate when it is time to say so.
const ROOT_LEFT: Duration = Duration::from_hours(180 * 24);
const SERVER_LEFT: Duration = Duration::from_hours(25 * 24);
const OWN_LEFT: Duration = Duration::from_hours(21 * 24);

const ROOT: &str = "The authority's root";

/// Looks at the authority and at the servers' certificates.
pub(super) fn look(patient: &Patient<'_>, report: &mut Report) {
    let elsewhere = &patient.config.authority.key_file;
    for pair in pairs(patient.data, patient.config) {
        if pair.what == ROOT && !elsewhere.as_os_str().is_empty() && !pair.key.exists() {
            let why =
                "While it is away nothing is signed: nobody enrols, and certificates of endpoints are not renewed.";
            report.advice(
                "key_away",
                "The authority's root: its key is not in its place",
                &pair.key.display(),
                why,
                "Bring it back in time.",
            );
            continue;
        }
        // Made at the next start.
        if pair.remedy == OURS && !pair.chain.exists() && !pair.key.exists() {
            continue;
        }
        match pair.read() {
            Ok(span) => lasts(patient, report, &pair, span),
            Err((path, reason)) => {
                let what = format!("{}: {reason}", pair.what);
                report.fault("certificate", what, &path.display(), pair.why, pair.remedy);
            }
        }
    }
    naming(&patient.data.join("authority").join("naming.key"), report);
}

/// What certificates there are, as a label, and when each ends.
pub(crate) fn ends(data: &Path, config: &Config) -> Vec<(&'static str, Timestamp)> {
    pairs(data, config).iter().filter_map(|pair| Some((pair.label, pair.validity().ok()?.1))).collect()
}

/// The root, and the certificates of both ports.
fn pairs(data: &Path, config: &Config) -> [Pair; 3] {
    let authority = data.join("authority");
    let elsewhere = &config.authority.key_file;
    let key = if elsewhere.as_os_str().is_empty() { authority.join("root.key") } else { data.join(elsewhere) };
    let root = Pair {
        what: ROOT,
        label: "root",
        left: ROOT_LEFT,
        why: "Without the root's certificate and key no endpoint is let in and none can enrol.",
        remedy: "One that ends is replaced in time (docs/operations.md). One that is lost comes from a backup, with \
                 `firstline-collector restore`; a new authority means enrolling every endpoint again.",
        chain: authority.join("root.pem"),
        key,
    };
    let why = "Nobody can connect to that port.";
    let port = |what, label: &'static str| {
        let (chain, key) = (authority.join(format!("{label}.pem")), authority.join(format!("{label}.key")));
        Pair { what, label, left: SERVER_LEFT, why, remedy: OURS, chain, key }
    };
    let people = match config.listen.people_files(data) {
        Some((chain, key)) => Pair {
            left: OWN_LEFT,
            remedy: "Get a new one from whoever issued it; a restart takes it over.",
            chain,
            key,
            ..port("The people's port", "people")
        },
        None => port("The people's port", "people"),
    };
    [root, port("The agents' port", "agents"), people]
}

/// What to do about a certificate that the collector makes.
const OURS: &str =
    "The collector makes a new one when it starts, and looks every hour whether it must: start it, or see its log.";

/// A certificate and its key.
struct Pair {
    what: &'static str,
    label: &'static str,
    /// What is left of it when it is time to say so.
    left: Duration,
    why: &'static str,
    remedy: &'static str,
    chain: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// From when to when the certificate is good, when its key can be read and fits.
    fn read(&self) -> Result<Span, (&Path, String)> {
        let der = self.certificate()?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| self.damaged())?;
        let key = text(&self.key, "key").map_err(|reason| (self.key.as_path(), reason))?;
        // Keys of other kinds than ours are the administrator's, and TLS says whether they fit.
        let is_ours = self.key.parent().is_some_and(|folder| folder.ends_with("authority"));
        match KeyPair::from_pem(&key) {
            Err(_) if is_ours => return Err((&self.key, "the file holds no key".to_owned())),
            Ok(pair) if pair.subject_public_key_info() != certificate.public_key().raw => {
                return Err((&self.key, "the key is not that of the certificate".to_owned()));
            }
            _ => {}
        }
        self.validity()
    }

    fn validity(&self) -> Result<Span, (&Path, String)> {
        let der = self.certificate()?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| self.damaged())?;
        let at = |time: ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
        let span = certificate.validity();
        Ok((at(span.not_before), at(span.not_after)))
    }

    /// The first certificate of the file.
    fn certificate(&self) -> Result<CertificateDer<'static>, (&Path, String)> {
        let chain = text(&self.chain, "certificate").map_err(|reason| (self.chain.as_path(), reason))?;
        CertificateDer::from_pem_slice(chain.as_bytes()).map_err(|_| self.damaged())
    }

    fn damaged(&self) -> (&Path, String) {
        (&self.chain, "the file holds no certificate".to_owned())
    }
}

fn text(path: &Path, what: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => format!("its {what} is missing"),
        _ => format!("its {what} cannot be read ({cause})"),
    })
}

/// Says when a certificate has ended, is about to, or begins in the future.
fn lasts(patient: &Patient<'_>, report: &mut Report, pair: &Pair, (from, until): Span) {
    let at = pair.chain.display();
    if pair.what == ROOT && from > patient.now {
        let why = "Every certificate is in the future for this clock: no handshake succeeds.";
        let what = format!("The clock says {}, and the root was made at {from}", patient.now);
        report.fault("clock", what, &at, why, "Set the clock; let the system keep it (NTP).");
    }
    if until <= patient.now {
        let what = format!("{}: its certificate ended at {until}", pair.what);
        report.fault("certificate_ended", what, &at, pair.why, pair.remedy);
    } else if until < patient.now + pair.left {
        let days = until.since(patient.now).as_secs() / 86_400;
        let what = format!("{}: its certificate ends in {days} days", pair.what);
        report.advice("certificate_ends", what, &at, pair.why, pair.remedy);
    }
}

fn naming(path: &Path, report: &mut Report) {
    use base64::Engine as _;
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).unwrap_or_default();
    if bytes.len() != 32 {
        let why = "Names of people, networks and printers are hashed with it; with another key every hash is another.";
        let remedy =
            "Put it back from a backup. Without one, remove it: the collector makes a new key at its next start.";
        report.fault("naming_key", "The key of pseudonyms is missing or damaged", &path.display(), why, remedy);
    }
}
