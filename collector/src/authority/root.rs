use std::path::Path;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};

use super::endpoint::{random_serial, set_validity};
use super::files::{self, AuthorityError};

/// How long the root is good.
const LIFETIME: Duration = Duration::from_hours(3653 * 24);

/// Clocks of endpoints may be a little behind ours.
pub(super) const BACKDATED: Duration = Duration::from_hours(1);

/// Makes key and certificate.
pub(super) fn create(folder: &Path, now: Timestamp) -> Result<(), AuthorityError> {
    let (certificate_path, key_path) = (folder.join("root.pem"), folder.join("root.key"));
    if let Some(path) = [&certificate_path, &key_path].into_iter().find(|path| path.exists()) {
        return Err(AuthorityError::Exists(path.clone()));
    }
    files::make_folder(folder)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let serial = random_serial();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Firstline");
    // Two collectors' roots must not share a name, or a machine that knows both cannot tell them apart.
    name.push(DnType::CommonName, format!("Firstline root {:02x}{:02x}{:02x}", serial[1], serial[2], serial[3]));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(rcgen::SerialNumber::from_slice(&serial));
    set_validity(&mut params, now - BACKDATED, now + LIFETIME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    files::write_secret(&key_path, &key.serialize_pem())?;
    files::write_secret(&certificate_path, &certificate.pem())
}

/// Reads key and certificate.
pub(super) fn open(folder: &Path) -> Result<(String, Issuer<'static, KeyPair>), AuthorityError> {
    let certificate = files::read(&folder.join("root.pem"))?;
    let key = KeyPair::from_pem(&files::read(&folder.join("root.key"))?)?;
    let issuer = Issuer::from_ca_cert_pem(&certificate, key)?;
    Ok((certificate, issuer))
}
