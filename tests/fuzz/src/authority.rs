//! What an authority is asked to sign, and what it is shown.

use std::sync::LazyLock;

use firstline_collector::authority::{Authority, Place};
use firstline_collector::config::Listen;
use firstline_diagnosis::vocabulary::Timestamp;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
pub(crate) const ENDPOINT: &str = "0197c1a0-0000-7000-8000-000000000001";

/// One for the process, with a root before the present one.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let place = || Place::within(folder.path());
    Authority::create(&place(), NOW).expect("made");
    let authority = Authority::open(place(), &Listen::default(), NOW).expect("opened");
    authority.rotate(&Listen::default(), NOW).expect("rotated");
    authority.refresh(&Listen::default(), &[], NOW).expect("refreshed");
    authority
});

/// A request for a certificate: what is signed names the endpoint, whatever the request wished.
pub(super) fn request(bytes: &[u8]) {
    if let Ok(issued) = AUTHORITY.issue(bytes, ENDPOINT, NOW) {
        let named = AUTHORITY.recognise(&issued.chain[0]).expect("what was signed is known");
        assert_eq!((named.endpoint_id.as_str(), named.serial), (ENDPOINT, issued.serial));
    }
}

/// Something that is shown as a certificate: nothing that this authority did not sign is known to it.
pub(super) fn certificate(bytes: &[u8]) {
    assert!(AUTHORITY.recognise(bytes).is_err(), "nobody can guess a signature");
}
