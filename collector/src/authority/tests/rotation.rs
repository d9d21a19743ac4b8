//! A change of roots, and a key that is not in its place.

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::*;

/// Whether somebody who knows only `root` believes the server whose certificates are in `chain`.
fn is_believed(root: &Root, chain: &[CertificateDer<'static>], now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(root.der.clone()).expect("a root");
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build();
    let name = ServerName::try_from("localhost").expect("a name");
    let now = UnixTime::since_unix_epoch(endpoint::since_1970(now));
    verifier.expect("built").verify_server_cert(&chain[0], &chain[1..], &name, &[], now).is_ok()
}

/// The chain that agents are shown.
fn shown(folder: &Path, authority: &Authority) -> Vec<CertificateDer<'static>> {
    let own = std::fs::read_to_string(folder.join("authority/agents.pem")).expect("chain");
    let own = files::certificates(&own, "agents").expect("certificates").remove(0);
    [own].into_iter().chain(authority.roots.load().shown()).collect()
}

fn refresh(authority: &Authority) {
    authority.refresh(&Listen::default(), &[], NOW).expect("refreshed");
}

#[test]
fn both_roots_let_in_and_are_led_to_until_the_old_one_is_retired() {
    let folder = tempfile::tempdir().expect("folder");
    let authority = authority(folder.path());
    let (old, under_old) = (authority.root(), authority.issue(&greedy_request(), ID, NOW).expect("issued"));
    let people = || std::fs::read(folder.path().join("authority/people.pem")).expect("chain");
    authority.rotate(&Listen::default(), NOW).expect("rotated");
    let shown_to_people = people();
    refresh(&authority);
    let (new, under_new) = (authority.root(), authority.issue(&greedy_request(), ID, NOW).expect("issued"));
    assert_ne!((&new.name, new.fingerprint), (&old.name, old.fingerprint));
    assert_eq!(authority.trusted(), [old.der.to_vec(), new.der.to_vec()], "the older first");
    for (issued, root) in [(&under_old, &old), (&under_new, &new)] {
        assert_eq!(authority.recognise(&issued.chain[0]).expect("ours").root, root.fingerprint);
        assert!(is_believed(root, &shown(folder.path(), &authority), NOW), "by who knows only {}", root.name);
    }
    assert!(matches!(authority.rotate(&Listen::default(), NOW), Err(AuthorityError::Rotating(_))));
    refresh(&authority);
    assert_eq!(people(), shown_to_people, "people are shown what they know");
    authority.retire().expect("retired");
    refresh(&authority);
    assert!(authority.recognise(&under_new.chain[0]).is_ok() && authority.recognise(&under_old.chain[0]).is_err());
    let chain = shown(folder.path(), &authority);
    assert!(is_believed(&new, &chain, NOW) && !is_believed(&old, &chain, NOW));
    assert_ne!(people(), shown_to_people);
    assert!(matches!(authority.retire(), Err(AuthorityError::NotRotating)));
}

#[test]
fn a_change_of_roots_that_is_cut_short_is_one_or_the_other() {
    let folder = tempfile::tempdir().expect("folder");
    let place = Place::within(folder.path());
    let old = authority(folder.path()).root();
    let read = |path: &Path| std::fs::read_to_string(path).expect("there");
    let (old_key, old_certificate) = (read(&place.key), read(&place.certificates()));
    Roots::open(&place).expect("roots").rotate(&place, NOW).expect("rotated");
    let (next_key, new_certificates) = (read(&place.next_key()), read(&place.certificates()));
    // Killed before the certificates were there.
    files::write_secret(&place.certificates(), &old_certificate).expect("written");
    assert_eq!(open(folder.path(), NOW).root(), old);
    assert_eq!((read(&place.key), place.next_key().exists()), (old_key, false));
    // Killed before the key was in its place.
    files::write_secret(&place.next_key(), &next_key).expect("written");
    files::write_secret(&place.certificates(), &new_certificates).expect("written");
    let authority = open(folder.path(), NOW);
    assert_eq!(authority.root_before(), Some(old));
    authority.issue(&greedy_request(), ID, NOW).expect("the new key signs");
    assert_eq!((read(&place.key), place.next_key().exists()), (next_key, false));
}

#[test]
fn without_its_key_the_rest_goes_on_and_signing_waits() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let file = elsewhere.path().join("root.key");
    let place = || Place::with_key(folder.path(), &file);
    Authority::create(&place(), NOW).expect("made");
    assert!(file.exists() && !folder.path().join("authority/root.key").exists());
    let open = |now| Authority::open(place(), &Listen::default(), now);
    open(NOW).expect("with its key");
    let away = elsewhere.path().join("away");
    std::fs::rename(&file, &away).expect("moved");
    let authority = open(NOW).expect("without its key");
    let refused = authority.issue(&greedy_request(), ID, NOW).expect_err("nothing to sign with");
    assert!(matches!(&refused, AuthorityError::KeyAway(path) if *path == file), "{refused}");
    authority.refresh(&Listen::default(), &[], NOW).expect("revocation goes on");
    assert!(matches!(authority.rotate(&Listen::default(), NOW), Err(AuthorityError::KeyAway(_))));
    open(NOW + std::time::Duration::from_hours(80 * 24)).expect("with the server certificates that are there");
    std::fs::rename(&away, &file).expect("back");
    authority.issue(&greedy_request(), ID, NOW).expect("signs as soon as the key is there");
    assert!(authority.key().1);
}

#[test]
fn another_roots_key_is_refused() {
    let (ours, theirs) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    authority(ours.path());
    authority(theirs.path());
    let key = |folder: &Path| Place::within(folder).key;
    std::fs::copy(key(theirs.path()), key(ours.path())).expect("copied");
    let refused = Authority::open(Place::within(ours.path()), &Listen::default(), NOW).expect_err("not its key");
    assert!(matches!(refused, AuthorityError::OtherKey(_)), "{refused}");
}

/// A second collector with the authority of the first.
fn companion(first: &Path, second: &Path) -> Authority {
    Authority::copy(first, &Place::within(second)).expect("copied");
    open(second, NOW)
}

fn adopt(authority: &Authority, theirs: &SharedRoots) -> Result<Adopted, AuthorityError> {
    let adopted = authority.adopt(theirs, &Listen::default(), NOW)?;
    refresh(authority);
    Ok(adopted)
}

#[test]
fn a_companion_takes_over_certificates_loses_the_old_key_and_signs_when_it_is_given_the_new_one() {
    let (first, second) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let rotating = authority(first.path());
    let following = companion(first.path(), second.path());
    let old = rotating.root();
    let key = |folder: &Path| Place::within(folder).key;
    assert_eq!(adopt(&following, &rotating.shared().expect("read")).expect("the same"), Adopted::Same);
    rotating.rotate(&Listen::default(), NOW).expect("rotated");
    refresh(&rotating);
    let told = rotating.shared().expect("read");
    assert_eq!(adopt(&following, &told).expect("taken"), Adopted::Taken);
    assert_eq!((following.root(), following.root_before()), (rotating.root(), Some(old.clone())));
    assert!(!key(second.path()).exists(), "the old key is gone, and the new one did not come");
    assert!(matches!(following.issue(&greedy_request(), ID, NOW), Err(AuthorityError::KeyAway(_))));
    assert!(is_believed(&old, &shown(second.path(), &following), NOW), "by who knows the old root only");
    let issued = rotating.issue(&greedy_request(), ID, NOW).expect("issued");
    assert!(following.recognise(&issued.chain[0]).is_ok(), "what the other signs is let in");
    std::fs::copy(key(first.path()), key(second.path())).expect("carried over");
    refresh(&following);
    following.issue(&greedy_request(), ID, NOW).expect("it signs");
    for root in [&old, &rotating.root()] {
        assert!(is_believed(root, &shown(second.path(), &following), NOW), "by who knows only {}", root.name);
    }
    rotating.retire().expect("retired");
    assert_eq!(adopt(&following, &rotating.shared().expect("read")).expect("taken"), Adopted::Taken);
    assert_eq!(following.root_before(), None);
}

#[test]
fn a_companion_that_was_away_for_all_of_a_change_follows_by_what_its_root_certified() {
    let (first, second) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let rotating = authority(first.path());
    let following = companion(first.path(), second.path());
    rotating.rotate(&Listen::default(), NOW).expect("rotated");
    let SharedRoots { crossed, .. } = rotating.shared().expect("read");
    rotating.retire().expect("retired");
    let told = SharedRoots { crossed, ..rotating.shared().expect("read") };
    assert_eq!(adopt(&following, &told).expect("taken"), Adopted::Taken);
    refresh(&rotating);
    assert_eq!((following.root(), following.root_before()), (rotating.root(), None));
}

#[test]
fn a_root_that_ours_did_not_certify_is_not_taken_over() {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("folder"));
    let ours = authority(folders[0].path());
    let stranger = authority(folders[1].path());
    stranger.rotate(&Listen::default(), NOW).expect("rotated");
    let planted = stranger.shared().expect("read");
    let rotating = companion(folders[0].path(), folders[2].path());
    rotating.rotate(&Listen::default(), NOW).expect("rotated");
    let good = rotating.shared().expect("read");
    let forgeries = [
        planted.clone(),
        SharedRoots { before: Some(ours.root().der.to_vec()), ..planted.clone() },
        SharedRoots { crossed: None, ..good.clone() },
        SharedRoots { root: planted.root.clone(), ..good.clone() },
        SharedRoots { crossed: planted.crossed.clone(), ..good.clone() },
        SharedRoots { root: good.crossed.clone().expect("there"), ..good.clone() },
        SharedRoots { root: b"no certificate".to_vec(), ..good.clone() },
    ];
    for forgery in &forgeries {
        let refused = adopt(&ours, forgery);
        assert!(matches!(refused, Err(AuthorityError::OtherRoots(_))), "{refused:?}");
    }
    assert!(ours.key().1, "its own key stays");
    assert_eq!(adopt(&ours, &good).expect("the true one"), Adopted::Taken);
    assert_eq!(
        adopt(
            &rotating,
            &SharedRoots { root: ours.root_before().expect("there").der.to_vec(), crossed: None, before: None }
        )
        .expect("an older state"),
        Adopted::Ahead
    );
}
