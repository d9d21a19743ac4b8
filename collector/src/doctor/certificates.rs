//! Certificates and keys: whether they are there, fit, and last.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Patient, Report};

/// What is left of a certificate when it is time to say so.
const ROOT_LEFT: Duration = Duration::from_hours(180 * 24);
const SERVER_LEFT: Duration = Duration::from_hours(25 * 24);
const OWN_LEFT: Duration = Duration::from_hours(21 * 24);

/// Looks at the authority and at the servers' certificates.
pub(super) fn look(patient: &Patient<'_>, report: &mut Report) {
    let authority = patient.data.join("authority");
    let root = Pair { what: "the root", chain: authority.join("root.pem"), key: authority.join("root.key") };
    let why = "Without the root's certificate and key no endpoint is let in and none can enrol.";
    let remedy = "Put the folder back from a backup with `firstline-collector restore`; a new authority means enrolling every endpoint again.";
    if let Some(span) = root.look(report, why, remedy) {
        lasts(
            patient,
            report,
            &root,
            span,
            ROOT_LEFT,
            "Enrolment ends, and then every endpoint's certificate.",
            "Replace the root in time, as docs/operations.md says.",
        );
        if span.0 > patient.now {
            let why = "Every certificate is in the future for this clock: no handshake succeeds.";
            let what = format!("The clock says {}, and the root was made at {}", patient.now, span.0);
            report.fault("clock", what, &root.chain.display(), why, "Set the clock; let the system keep it (NTP).");
        }
    }
    naming(&authority.join("naming.key"), report);
    for (what, name) in [("the agents' port", "agents"), ("the people's port", "people")] {
        let own = patient.config.listen.people_files().filter(|_| name == "people");
        let remedy = if own.is_some() {
            "Get a new one from whoever issued it; a restart takes it over."
        } else {
            "The collector makes a new one when it starts, and every hour looks whether it must: start it, or see its log."
        };
        let files = own.map(|(chain, key)| (patient.data.join(chain), patient.data.join(key)));
        let (chain, key) =
            files.unwrap_or_else(|| (authority.join(format!("{name}.pem")), authority.join(format!("{name}.key"))));
        if own.is_none() && !chain.exists() && !key.exists() {
            continue; // Made at the next start.
        }
        let pair = Pair { what, chain, key };
        let why = "Nobody can connect to that port.";
        if let Some(span) = pair.look(report, why, remedy) {
            lasts(patient, report, &pair, span, if own.is_some() { OWN_LEFT } else { SERVER_LEFT }, why, remedy);
        }
    }
}

/// A certificate and its key.
struct Pair {
    what: &'static str,
    chain: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// From when to when the certificate is good, when certificate and key can be read and fit.
    fn look(&self, report: &mut Report, why: &str, remedy: &str) -> Option<(Timestamp, Timestamp)> {
        match self.read() {
            Ok(span) => Some(span),
            Err((path, reason)) => {
                report.fault("certificate", format!("{} of {}", reason, self.what), &path.display(), why, remedy);
                None
            }
        }
    }

    fn read(&self) -> Result<(Timestamp, Timestamp), (&Path, String)> {
        let text = |path| std::fs::read_to_string(path).map_err(|cause| format!("Cannot read the file ({cause})"));
        let chain = text(&self.chain).map_err(|reason| (self.chain.as_path(), reason))?;
        let damaged = |_| (self.chain.as_path(), "The file holds no certificate".to_owned());
        let der = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(damaged)?;
        let (_, certificate) =
            X509Certificate::from_der(&der).map_err(|_| damaged(rustls::pki_types::pem::Error::NoItemsFound))?;
        let key = text(&self.key).map_err(|reason| (self.key.as_path(), reason))?;
        // Keys of other kinds than ours are the administrator's, and TLS says whether they fit.
        let ours = KeyPair::from_pem(&key);
        let is_ours = self.key.parent().is_some_and(|folder| folder.ends_with("authority"));
        match ours {
            Err(_) if is_ours => return Err((&self.key, "The file holds no key".to_owned())),
            Ok(pair) if pair.subject_public_key_info() != certificate.public_key().raw => {
                return Err((&self.key, "The key is not that of the certificate".to_owned()));
            }
            _ => {}
        }
        let span = certificate.validity();
        let at = |time: x509_parser::time::ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
        Ok((at(span.not_before), at(span.not_after)))
    }
}

/// Says when a certificate has ended, or is about to.
fn lasts(
    patient: &Patient<'_>,
    report: &mut Report,
    pair: &Pair,
    span: (Timestamp, Timestamp),
    left: Duration,
    why: &str,
    remedy: &str,
) {
    let (_, until) = span;
    if until <= patient.now {
        let what = format!("The certificate of {} ended at {until}", pair.what);
        report.fault("certificate_ended", what, &pair.chain.display(), why, remedy);
    } else if until < patient.now + left {
        let days = until.since(patient.now).as_secs() / 86_400;
        let what = format!("The certificate of {} ends in {days} days", pair.what);
        report.advice("certificate_ends", what, &pair.chain.display(), why, remedy);
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
