use std::fmt::Write as _;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rand::Rng as _;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer,
    KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateSigningRequestDer;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::AuthorityError;
use super::root::{BACKDATED, Fingerprint, Root};

/// How long an endpoint's certificate is good unless somebody says otherwise. Agents renew it at two thirds of that.
pub const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// Scheme of the name in an endpoint's certificate.
const URI_PREFIX: &str = "urn:uuid:";

/// A certificate that was just signed.
#[derive(Debug, Clone)]
pub struct Issued {
    /// DER, the endpoint's own first.
    pub chain: Vec<Vec<u8>>,
    /// Serial, hexadecimal.
    pub serial: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The root that signed it.
    pub root: Fingerprint,
}

/// Whose a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateOf {
    /// The endpoint's id.
    pub endpoint_id: String,
    /// Serial, hexadecimal.
    pub serial: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The root that signed it.
    pub root: Fingerprint,
}

/// Signs a certificate. Of the request only the key is taken; subject, names, usages and validity are ours.
pub(super) fn issue(
    issuer: &Issuer<'static, KeyPair>,
    root: &Root,
    request: &[u8],
    id: &str,
    (now, lifetime): (Timestamp, Duration),
) -> Result<Issued, AuthorityError> {
    let wished = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request))
        .map_err(|cause| AuthorityError::Request(cause.to_string()))?;
    let serial = random_serial();
    let expires_at = now + lifetime;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, id);
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = name;
    params.subject_alt_names = vec![SanType::URI(format!("{URI_PREFIX}{id}").try_into()?)];
    // A certificate of minutes is not back-dated by an hour: it would be old when it is made.
    set_validity(&mut params, now - BACKDATED.min(lifetime / 10), expires_at);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = CertificateSigningRequestParams { params, public_key: wished.public_key }.signed_by(issuer)?;
    let chain = vec![certificate.der().to_vec(), root.der.to_vec()];
    Ok(Issued { chain, serial: hexadecimal(&serial), expires_at, root: root.fingerprint })
}

/// Whose a certificate is, after checking that one of `roots` signed it.
pub(super) fn recognise<'r>(
    roots: impl Iterator<Item = &'r Root>,
    certificate: &[u8],
) -> Result<CertificateOf, AuthorityError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| AuthorityError::Foreign("not readable"))?;
    let mut roots = roots;
    let signer = roots.find(|root| is_signed(&parsed, &root.der));
    let signer = signer.ok_or(AuthorityError::Foreign("it was signed by somebody else"))?;
    let client = parsed.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.client_auth);
    if !client {
        return Err(AuthorityError::Foreign("it does not name a client"));
    }
    named(&parsed, signer.fingerprint).ok_or(AuthorityError::Foreign("it names no endpoint"))
}

/// Whether `root` signed this.
fn is_signed(certificate: &X509Certificate<'_>, root: &[u8]) -> bool {
    let Ok((_, root)) = X509Certificate::from_der(root) else { return false };
    certificate.issuer().as_raw() == root.subject().as_raw()
        && certificate.verify_signature(Some(root.public_key())).is_ok()
}

/// Whether `root` signed this certificate (DER).
pub(super) fn is_issued_by(certificate: &[u8], root: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| is_signed(&parsed, root))
}

/// The endpoint that a certificate names.
fn named(certificate: &X509Certificate<'_>, root: Fingerprint) -> Option<CertificateOf> {
    let names = certificate.subject_alternative_name().ok().flatten()?;
    let endpoint_id = names.value.general_names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix(URI_PREFIX).map(str::to_owned),
        _ => None,
    })?;
    let expires_at = Timestamp::from_unix_seconds(certificate.validity().not_after.timestamp());
    Some(CertificateOf { endpoint_id, serial: hexadecimal(certificate.raw_serial()), expires_at, root })
}

/// Sixteen random bytes, the first neither zero nor with its top bit set, so that DER keeps them as they are.
pub(super) fn random_serial() -> [u8; 16] {
    let mut serial = [0; 16];
    rand::rng().fill_bytes(&mut serial);
    serial[0] = (serial[0] & 0x7f) | 0x40;
    serial
}

/// Bytes in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Sets from when until when a certificate is good.
pub(super) fn set_validity(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_1970(until);
}

/// A moment as certificates hold it: whole seconds after 1970.
pub(super) fn since_1970(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.unix_ms() / 1000).unwrap_or(0))
}
