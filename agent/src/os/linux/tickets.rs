//! Kerberos tickets of the people who are signed in, where they lie in files in `/tmp`, as on Debian and Ubuntu.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::domain::membership;
use crate::os::proc::ccache::{self, Ticket};
use crate::os::proc::{account, ini, logind};
use crate::os::{list, read};
use crate::probe::ProbeError;

/// How many of those who are signed in are looked at.
const PEOPLE_MAX: usize = 4;
/// Nobody has more tickets than fit in this.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The machine's own `/tmp`, past one that a service has for itself.
const SHARED: [&str; 2] = ["proc/1/root/tmp", "tmp"];
const USERS: &str = "run/systemd/users";

/// Until when each person can get tickets, by their sign-in name.
///
/// # Errors
/// This system does not keep who is signed in.
pub(crate) fn tickets(root: &Path) -> Result<BTreeMap<String, Result<Ticket, ProbeError>>, ProbeError> {
    let mut tickets = BTreeMap::new();
    for uid in list(root, USERS)?.iter().filter_map(|name| name.parse::<u32>().ok()) {
        let person = read(root, &format!("{USERS}/{uid}")).ok().and_then(|record| logind::user_person(&record));
        if let Some(person) = person
            && uid >= 1000
            && tickets.len() < PEOPLE_MAX
        {
            let ticket = of_person(root, uid, &person);
            tickets.insert(person, ticket);
        }
    }
    Ok(tickets)
}

fn of_person(root: &Path, uid: u32, person: &str) -> Result<Ticket, ProbeError> {
    if is_elsewhere(root) {
        return Err(ProbeError::Unsupported("a ticket that is not in a file of /tmp"));
    }
    let found = files(root, uid)?.into_iter().filter_map(|file| read_ticket(&file, uid).transpose());
    let found = found.collect::<Result<Vec<Ticket>, ProbeError>>()?;
    match found.into_iter().max() {
        Some(ticket) => Ok(ticket),
        // Whoever comes from a domain should have one; nobody else needs any.
        None if is_of_domain(root, person) => Ok(Ticket::Missing),
        None => Err(ProbeError::NotPresent("ticket of this person")),
    }
}

/// Whether Kerberos or sssd is set to keep tickets where only the person's own programs may look: with the daemon of sssd
/// (`KCM:`, as Fedora sets it), in the kernel (`KEYRING:`), below `/run/user`.
fn is_elsewhere(root: &Path) -> bool {
    let included = list(root, "etc/krb5.conf.d").unwrap_or_default();
    let files = included.iter().map(|name| format!("etc/krb5.conf.d/{name}")).chain(["etc/krb5.conf".to_owned()]);
    let mut of_kerberos = files.filter_map(|file| {
        let settings = read(root, &file).ok()?;
        ini::values(&settings, |section| section == "libdefaults", "default_ccache_name")
            .first()
            .map(|&place| place.to_owned())
    });
    let sssd = read(root, "etc/sssd/sssd.conf").unwrap_or_default();
    let of_sssd = ini::values(&sssd, |section| section.starts_with("domain/"), "krb5_ccname_template");
    let is_shared = |place: &str| place.trim_start_matches("FILE:").starts_with("/tmp/");
    of_kerberos.any(|place| !is_shared(&place)) || of_sssd.iter().any(|place| !is_shared(place))
}

fn is_of_domain(root: &Path, person: &str) -> bool {
    let is_local = read(root, "etc/passwd").is_ok_and(|accounts| account::home(&accounts, person).is_some());
    !is_local && membership(root).is_ok_and(|membership| membership.is_joined)
}

/// The files that may be the person's, by their names: `krb5cc_1000`, `krb5cc_1000_x7Hd`.
fn files(root: &Path, uid: u32) -> Result<Vec<PathBuf>, ProbeError> {
    let folder = SHARED.iter().find_map(|folder| Some((folder, list(root, folder).ok()?)));
    let (folder, names) = folder.ok_or_else(|| ProbeError::NoPermission("/tmp of the machine".to_owned()))?;
    let own = format!("krb5cc_{uid}");
    let is_own = |name: &&String| name.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    Ok(names.iter().filter(is_own).map(|name| root.join(folder).join(name)).collect())
}

/// Everybody may make a file of that name: it counts only when it is a file of the person's own.
fn read_ticket(file: &Path, uid: u32) -> Result<Option<Ticket>, ProbeError> {
    let failed = |source| ProbeError::io("the tickets", &source);
    let metadata = fs::symlink_metadata(file).map_err(failed)?;
    if !metadata.is_file() || metadata.uid() != uid {
        return Ok(None);
    }
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(file);
    // Room for all of it: what grows leaves copies behind.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(FILE_BYTES_MAX)).unwrap_or(0) + 1);
    let read = open.and_then(|open| open.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    let ticket = ccache::ticket(&bytes);
    // The tickets' keys are in there.
    bytes.fill(0);
    read.map_err(failed)?;
    ticket.map(Some).ok_or_else(|| ProbeError::Failed("the tickets cannot be understood".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine;
    use crate::os::proc::ccache::tests::file;

    const UID: u32 = 4_000;

    fn told(files: &[(&str, &[u8])]) -> Result<Ticket, ProbeError> {
        let session: (&str, &[u8]) = ("run/systemd/users/4000", b"NAME=ada\nSTATE=active\n");
        let root = machine(&[&[session, ("tmp/other", b"")], files].concat());
        for (path, _) in files.iter().filter(|(path, _)| path.contains("krb5cc")) {
            std::os::unix::fs::chown(root.path().join(path), Some(UID), None).expect("as root");
        }
        tickets(root.path()).expect("known who is there").remove("ada").expect("ada is there")
    }

    #[test]
    fn the_ticket_of_a_person_is_the_latest_of_their_own_files() {
        let (first, second) = (file(5_000), file(9_000));
        let of_others = file(99_000);
        let files: [(&str, &[u8]); 3] =
            [("tmp/krb5cc_4000", &first), ("tmp/krb5cc_4000_x7Hd", &second), ("tmp/krb5cc_40001", &of_others)];
        assert_eq!(told(&files), Ok(Ticket::Until(9_000)));
        assert!(matches!(told(&[("tmp/krb5cc_4000", b"odd")]), Err(ProbeError::Failed(_))));
    }

    #[test]
    fn who_comes_from_a_domain_lacks_a_ticket_and_nobody_else_needs_one() {
        let nobodys = Err(ProbeError::NotPresent("ticket of this person"));
        assert_eq!(told(&[]), nobodys);
        let joined: [(&str, &[u8]); 2] =
            [("etc/krb5.keytab", b""), ("etc/sssd/sssd.conf", b"[domain/corp]\nid_provider = ad\n")];
        assert_eq!(told(&joined), Ok(Ticket::Missing));
        let local: (&str, &[u8]) = ("etc/passwd", b"ada:x:4000:1::/home/ada:/bin/sh\n");
        assert_eq!(told(&[&joined[..], &[local]].concat()), nobodys);
    }

    #[test]
    fn tickets_that_only_the_persons_programs_may_see_are_not_called_missing() {
        let joined: [(&str, &[u8]); 2] =
            [("etc/krb5.keytab", b""), ("etc/sssd/sssd.conf", b"[domain/corp]\nid_provider = ad\n")];
        let kept: [(&str, &[u8]); 4] = [
            ("etc/krb5.conf", b"[libdefaults]\n default_ccache_name = KCM:\n"),
            ("etc/krb5.conf.d/kcm_default_ccache", b"[libdefaults]\n default_ccache_name = KCM:\n"),
            ("etc/krb5.conf", b"[libdefaults]\n default_ccache_name = KEYRING:persistent:%{uid}\n"),
            ("etc/sssd/sssd.conf", b"[domain/corp]\nid_provider = ad\nkrb5_ccname_template = DIR:/run/user/%U\n"),
        ];
        for one in kept {
            let files: Vec<_> = joined.iter().filter(|(path, _)| *path != one.0).copied().chain([one]).collect();
            assert!(matches!(told(&files), Err(ProbeError::Unsupported(_))), "{}", one.0);
        }
        let shared: (&str, &[u8]) =
            ("etc/krb5.conf", b"[libdefaults]\n default_ccache_name = FILE:/tmp/krb5cc_%{uid}\n");
        assert_eq!(told(&[&joined[..], &[shared]].concat()), Ok(Ticket::Missing));
    }
}
