use std::path::Path;
use std::{fs, io};

use crate::os::child::Child;
use crate::os::proc::ini;
use crate::os::{exists, list, read};
use crate::probe::ProbeError;
use crate::probe::domain::{Certificate, Membership};

const SSSD: &str = "etc/sssd/sssd.conf";
const KRB5: &str = "etc/krb5.conf";
const SAMBA: &str = "etc/samba/smb.conf";
const KEYTAB: &str = "etc/krb5.keytab";
const CONNECTIONS: [&str; 2] = ["etc/NetworkManager/system-connections", "run/NetworkManager/system-connections"];
const OPENVPN: [&str; 2] = ["etc/openvpn/client", "etc/openvpn"];
/// No certificate is longer.
const CERTIFICATE_BYTES_MAX: u64 = 256 * 1024;

/// Whether this machine belongs to a domain, and where that answers. A machine that belongs to one has a key in a file
/// whose being there everybody may see.
pub(crate) fn membership(root: &Path) -> Result<Membership, ProbeError> {
    if !exists(root, "etc") {
        return Err(ProbeError::Missing("/etc".to_owned()));
    }
    let sssd = read(root, SSSD).unwrap_or_default();
    let samba = read(root, SAMBA).unwrap_or_default();
    let krb5 = read(root, KRB5).unwrap_or_default();
    let provider = ini::values(&sssd, |section| section.starts_with("domain/"), "id_provider");
    let is_samba = ini::values(&samba, |section| section == "global", "security")
        .iter()
        .any(|way| way.eq_ignore_ascii_case("ads"));
    let is_sssd =
        provider.iter().any(|provider| ["ad", "ipa"].contains(provider)) || (sssd.is_empty() && exists(root, SSSD));
    let is_joined = exists(root, KEYTAB) && (is_sssd || is_samba);
    let mut servers = Vec::new();
    for key in ["ad_server", "ipa_server", "krb5_server"] {
        for value in ini::values(&sssd, |section| section.starts_with("domain/"), key) {
            servers
                .extend(value.split(',').map(str::trim).filter(|server| !server.starts_with('_')).map(str::to_owned));
        }
    }
    servers
        .extend(ini::values(&krb5, |_| true, "kdc").iter().filter_map(|kdc| kdc.split(':').next()).map(str::to_owned));
    // The name of a domain of Active Directory leads to its controllers.
    for key in ["ad_domain", "ipa_domain", "krb5_realm"] {
        servers.extend(
            ini::values(&sssd, |section| section.starts_with("domain/"), key).iter().map(|name| name.to_lowercase()),
        );
    }
    let realm = ini::values(&krb5, |section| section == "libdefaults", "default_realm");
    servers.extend(realm.iter().map(|realm| realm.to_lowercase()));
    servers.retain(|server| !server.is_empty());
    Ok(Membership { is_joined, servers })
}

/// Whether the domain still accepts this machine's password. Only the tool that joined it speaks to that end, and it asks
/// the domain, so it is asked for a ticket only.
pub(crate) fn secure_channel(root: &Path) -> Result<bool, ProbeError> {
    if root != Path::new("/") {
        return Err(ProbeError::NotPresent("domain of a directory"));
    }
    let output = Child::new("adcli").args(["testjoin"]).run()?;
    Ok(output.status == Some(0))
}

/// Certificates that a network or VPN profile names as this machine's own.
pub(crate) fn certificates(root: &Path) -> Result<Vec<Result<Certificate, ProbeError>>, ProbeError> {
    if !exists(root, "etc") {
        return Err(ProbeError::Missing("/etc".to_owned()));
    }
    let mut found = Vec::new();
    for dir in CONNECTIONS {
        for name in files(root, dir)? {
            let profile = read(root, &format!("{dir}/{name}"))?;
            for (section, key, purpose) in [("802-1x", "client-cert", "802.1x"), ("vpn", "cert", "vpn")] {
                let key_file = if section == "vpn" { "key" } else { "private-key" };
                let has_key = !ini::values(&profile, |one| one == section, key_file).is_empty();
                let paths = ini::values(&profile, |one| one == section, key);
                found.extend(paths.into_iter().map(|path| certificate(root, path, purpose, has_key)));
            }
        }
    }
    for dir in OPENVPN {
        for name in files(root, dir)?.into_iter().filter(|name| name.rsplit('.').next() == Some("conf")) {
            let config = read(root, &format!("{dir}/{name}"))?;
            let value = |key: &str| config.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(' '));
            let absolute = |path: &str| if path.starts_with('/') { path.to_owned() } else { format!("/{dir}/{path}") };
            let Some(path) = value("cert") else { continue };
            found.push(certificate(root, &absolute(path.trim()), "vpn", value("key").is_some()));
        }
    }
    Ok(found)
}

/// Names in a folder; none when there is no such folder.
fn files(root: &Path, dir: &str) -> Result<Vec<String>, ProbeError> {
    match list(root, dir) {
        Err(ProbeError::Missing(_)) => Ok(Vec::new()),
        other => other,
    }
}

fn certificate(root: &Path, path: &str, purpose: &'static str, has_key: bool) -> Result<Certificate, ProbeError> {
    let path = path.strip_prefix("file://").unwrap_or(path).trim_end_matches('\0');
    let what = "a certificate that a profile names";
    let failed = |source: io::Error| match source.kind() {
        // The profile works with it, or would: that is a fault, and nothing that this machine does not offer.
        io::ErrorKind::NotFound => ProbeError::Failed(format!("{what} is not there")),
        _ => ProbeError::io(what, &source),
    };
    let file = root.join(path.trim_start_matches('/'));
    if fs::metadata(&file).map_err(failed)?.len() > CERTIFICATE_BYTES_MAX {
        return Err(ProbeError::Failed(format!("{what} is too large")));
    }
    let bytes = fs::read(&file).map_err(failed)?;
    Certificate::read(&bytes, purpose, has_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine;

    #[test]
    fn a_key_and_a_provider_make_a_member() {
        let sssd = b"[sssd]\ndomains = corp.example\n[domain/corp.example]\nid_provider = ad\nad_domain = corp.example\nad_server = dc1.corp.example, _srv_\n";
        let member = machine::<[u8]>(&[(SSSD, sssd), (KEYTAB, b"")]);
        let membership = membership(member.path()).expect("read");
        assert!(membership.is_joined);
        assert_eq!(membership.servers, ["dc1.corp.example", "corp.example"]);
    }

    #[test]
    fn a_machine_without_a_key_is_no_member() {
        let root = machine::<[u8]>(&[(KRB5, b"[libdefaults]\ndefault_realm = CORP.EXAMPLE\n")]);
        assert!(!membership(root.path()).expect("read").is_joined);
        assert!(membership(Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn reads_the_certificates_that_profiles_name() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut wish = rcgen::CertificateParams::new(vec!["laptop.corp".to_owned()]).expect("a name");
        wish.not_after = rcgen::date_time_ymd(2027, 1, 1);
        let pem = wish.self_signed(&key).expect("signed").pem();
        let profile = "[802-1x]\neap=tls\nclient-cert=/etc/pki/laptop.pem\nprivate-key=/etc/pki/laptop.key\n";
        let root = machine::<[u8]>(&[
            ("etc/NetworkManager/system-connections/corp.nmconnection", profile.as_bytes()),
            ("etc/pki/laptop.pem", pem.as_bytes()),
            ("etc/openvpn/client/corp.conf", b"client\ncert gone.crt\nkey gone.key\n"),
        ]);
        let found = certificates(root.path()).expect("read");
        assert_eq!(found.len(), 2);
        let own = found[0].as_ref().expect("a certificate");
        assert_eq!((own.purpose, own.has_key, own.not_after_seconds), ("802.1x", true, 1_798_761_600));
        assert!(matches!(found[1], Err(ProbeError::Failed(_))), "it is gone: a fault");
    }
}
