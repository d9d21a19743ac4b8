use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const ID: &str = "0197c1a0-0000-7000-8000-000000000001";

fn authority(folder: &Path) -> Authority {
    Authority::create(&Place::within(folder), NOW).expect("create");
    open(folder, NOW)
}

fn open(folder: &Path, now: Timestamp) -> Authority {
    Authority::open(Place::within(folder), &Listen::default(), now).expect("open")
}

fn greedy_request() -> Vec<u8> {
    let mut wishes = CertificateParams::new(vec!["collector.example".to_owned()]).expect("names");
    wishes.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wishes.distinguished_name.push(rcgen::DnType::CommonName, "somebody else");
    wishes.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    wishes.serialize_request(&KeyPair::generate().expect("key")).expect("request").der().to_vec()
}

#[test]
fn ignores_every_wish_of_a_request() {
    let folder = tempfile::tempdir().expect("folder");
    let issued = authority(folder.path()).issue(&greedy_request(), ID, NOW).expect("issue");
    let (_, certificate) = X509Certificate::from_der(&issued.chain[0]).expect("certificate");
    assert!(!certificate.is_ca());
    let subject: Vec<_> = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).collect();
    assert_eq!(subject, [ID]);
    let names = certificate.subject_alternative_name().expect("well formed").expect("names");
    assert_eq!(format!("{:?}", names.value.general_names), format!("[URI(\"urn:uuid:{ID}\")]"));
    let usage = certificate.extended_key_usage().expect("well formed").expect("usage").value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    let days = (certificate.validity().not_after.timestamp() - NOW.unix_ms() / 1000) / 86_400;
    assert_eq!(days, 30);
}

#[test]
fn refuses_a_request_that_is_not_signed_by_its_key() {
    let folder = tempfile::tempdir().expect("folder");
    let mut request = greedy_request();
    let last = request.len() - 1;
    request[last] ^= 1;
    let refused = authority(folder.path()).issue(&request, ID, NOW);
    assert!(matches!(refused, Err(AuthorityError::Request(_))));
}

#[test]
fn recognises_its_own_endpoints_and_nobody_elses() {
    let (ours, theirs) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let (ours, theirs) = (authority(ours.path()), authority(theirs.path()));
    let issued = ours.issue(&greedy_request(), ID, NOW).expect("issue");
    let expected = CertificateOf {
        endpoint_id: ID.to_owned(),
        serial: issued.serial,
        expires_at: NOW + CERTIFICATE_LIFETIME,
        root: ours.fingerprint(),
    };
    assert_eq!(ours.recognise(&issued.chain[0]).expect("ours"), expected);
    assert!(matches!(theirs.recognise(&issued.chain[0]), Err(AuthorityError::Foreign(_))));
    assert!(matches!(ours.recognise(&ours.root().der), Err(AuthorityError::Foreign(_))));
}

#[test]
fn never_replaces_an_authority() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    assert!(matches!(Authority::create(&Place::within(folder.path()), NOW), Err(AuthorityError::Exists(_))));
}

#[test]
fn shows_the_root_to_who_knows_only_its_fingerprint() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    let read = |name: &str| std::fs::read_to_string(folder.path().join("authority").join(name)).expect(name);
    let chain = read("agents.pem");
    assert!(chain.ends_with(&read("root.pem")));
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
}

#[test]
fn makes_a_new_server_certificate_only_when_it_must() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    let read = || std::fs::read_to_string(folder.path().join("authority/agents.pem")).expect("certificate");
    let first = read();
    let month = std::time::Duration::from_hours(31 * 24);
    open(folder.path(), NOW + month);
    assert_eq!(read(), first);
    open(folder.path(), NOW + month * 2);
    let second = read();
    assert_ne!(second, first);
    let renamed = Listen { public_names: vec!["fl.example".to_owned()], ..Listen::default() };
    Authority::open(Place::within(folder.path()), &renamed, NOW + month * 2).expect("another name");
    assert_ne!(read(), second);
}

#[test]
fn an_administrators_certificate_lies_below_the_data_folder_when_its_path_is_relative() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    for ending in ["pem", "key"] {
        let made = folder.path().join("authority/people").with_extension(ending);
        std::fs::rename(made, folder.path().join("own").with_extension(ending)).expect("moved");
    }
    let [people_certificate_file, people_key_file] = ["own.pem", "own.key"].map(std::path::PathBuf::from);
    let listen = Listen { people_certificate_file, people_key_file, ..Listen::default() };
    Authority::open(Place::within(folder.path()), &listen, NOW).expect("wherever the program was started");
    assert!(!folder.path().join("authority/people.pem").exists(), "nothing else is made");
}

#[test]
fn a_server_certificate_of_a_clock_that_was_ahead_is_made_again() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    let read = || std::fs::read_to_string(folder.path().join("authority/people.pem")).expect("certificate");
    open(folder.path(), NOW + std::time::Duration::from_hours(24 * 365));
    let ahead = read();
    open(folder.path(), NOW);
    assert_ne!(read(), ahead, "nobody else takes it for a year");
}

#[cfg(unix)]
mod permissions;
mod rotation;

#[test]
fn the_key_of_pseudonyms_is_made_once_and_never_guessed() {
    let folder = tempfile::tempdir().expect("folder");
    let made = *authority(folder.path()).naming_key();
    let reopen = || Authority::open(Place::within(folder.path()), &Listen::default(), NOW);
    assert_eq!(reopen().expect("open").naming_key(), &made);
    let path = folder.path().join("authority").join("naming.key");
    std::fs::write(&path, "half a k").expect("damaged");
    assert!(reopen().expect_err("damaged").to_string().contains("does not hold the key of pseudonyms"));
    std::fs::remove_file(path).expect("a folder of an earlier version");
    assert_ne!(reopen().expect("open").naming_key(), &made);
}

#[test]
fn a_key_that_is_not_its_certificates_is_replaced_with_it() {
    let folder = tempfile::tempdir().expect("folder");
    authority(folder.path());
    let key = folder.path().join("authority/agents.key");
    std::fs::write(&key, KeyPair::generate().expect("a key").serialize_pem()).expect("written");
    let before = std::fs::read(folder.path().join("authority/agents.pem")).expect("read");
    open(folder.path(), NOW);
    assert_ne!(std::fs::read(folder.path().join("authority/agents.pem")).expect("read"), before);
}
