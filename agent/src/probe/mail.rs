//! How much the mail programs of the people who are signed in keep on this machine: bytes by program, and nothing else.
//! No name of a person, an account or a folder of mail is told.
//!
//! Caches grow over weeks and have many files, so they are measured once a day and when a ticket asks.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "mail",
    section: Section::Software,
    tier: Tier::Daily,
    deadline: Duration::from_secs(25),
    priority: 7,
    waits: true,
    heavy: true,
    signals: &["endpoint.mail.cache.size"],
};

/// Mail programs, and where in a home they keep what they fetched: as packaged, as a snap, as a flatpak.
pub(crate) const CACHES: [(&str, &[&str]); 5] = [
    (
        "thunderbird",
        &[
            ".thunderbird",
            ".cache/thunderbird",
            "snap/thunderbird/common/.thunderbird",
            "snap/thunderbird/common/.cache/thunderbird",
            ".var/app/org.mozilla.Thunderbird/.thunderbird",
            ".var/app/org.mozilla.Thunderbird/cache",
        ],
    ),
    (
        "evolution",
        &[
            ".cache/evolution",
            ".local/share/evolution",
            ".var/app/org.gnome.Evolution/cache/evolution",
            ".var/app/org.gnome.Evolution/data/evolution",
        ],
    ),
    (
        "geary",
        &[
            ".cache/geary",
            ".local/share/geary",
            ".var/app/org.gnome.Geary/cache/geary",
            ".var/app/org.gnome.Geary/data/geary",
        ],
    ),
    ("kmail", &[".local/share/akonadi", ".cache/akonadi", ".local/share/local-mail"]),
    ("claws-mail", &[".claws-mail", "Mail"]),
];

/// Measures the caches.
pub(crate) struct Mail;

impl Probe for Mail {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Files, Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let sizes = native::mail_caches(&cx.root, &CACHES)?;
        if sizes.is_empty() {
            return Err(ProbeError::NotPresent("cache of a mail program"));
        }
        let mut gather = Gather::new(cx);
        for (client, bytes) in sizes {
            gather.value("endpoint.mail.cache.size", [("client", client)], bytes);
        }
        Ok(gather.done())
    }
}
