use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::people::people;
use super::session::local_home;
use crate::os::child::Child;
use crate::os::exists;
use crate::os::proc::disk_use;
use crate::probe::ProbeError;

/// How many of those who are signed in are looked at.
const PEOPLE_MAX: usize = 4;
/// A cache with more files than can be counted by then is one that nobody can say the size of.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that each mail program keeps in the homes of the people who are signed in, the programs of `caches` that keep
/// anything. A child counts, which can be left behind: a cache may have a hundred thousand files on a slow disk.
///
/// # Errors
/// Nobody is signed in, no home is on this machine, a folder may not be entered, or counting takes too long.
pub(crate) fn mail_caches(
    root: &Path,
    caches: &[(&'static str, &[&str])],
) -> Result<BTreeMap<&'static str, u64>, ProbeError> {
    let people = people(root)?;
    if people.is_empty() {
        return Err(ProbeError::NotPresent("session of a person"));
    }
    let homes: Vec<_> = people.iter().take(PEOPLE_MAX).map(|user| local_home(root, user)).collect();
    if let Some(Err(why)) = homes.iter().find(|_| homes.iter().all(Result::is_err)) {
        return Err(why.clone());
    }
    let mut folders = Vec::new();
    for home in homes.iter().flatten() {
        let at = |folder: &str| format!("{}/{folder}", home.trim_matches('/'));
        let all = caches.iter().flat_map(|(client, folders)| folders.iter().map(|folder| (*client, at(folder))));
        folders.extend(all.filter(|(_, folder)| exists(root, folder)));
    }
    if folders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let paths: Vec<_> = folders.iter().map(|(client, folder)| (*client, root.join(folder))).collect();
    let child = Child::new("du").args(["--summarize", "--bytes", "--one-file-system", "--"]);
    let output = child.args(paths.iter().map(|(_, path)| path)).limit(PATIENCE).bytes_max(64 * 1024).run()?;
    if output.complaint.contains("Permission denied") {
        return Err(ProbeError::NoPermission("the cache of a mail program".to_owned()));
    }
    // What vanished while it was counted is complained about too, and is no reason to know nothing.
    let mut sizes = BTreeMap::new();
    for (bytes, path) in disk_use::sizes(&output.bytes) {
        let client =
            paths.iter().find(|(_, one)| one.as_os_str().as_encoded_bytes() == path).map(|(client, _)| *client);
        if let Some(client) = client {
            *sizes.entry(client).or_default() += bytes;
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine;

    const CACHES: [(&str, &[&str]); 2] =
        [("thunderbird", &[".thunderbird", ".cache/thunderbird"]), ("geary", &[".geary"])];

    fn size(files: &[(&str, &str)]) -> Result<BTreeMap<&'static str, u64>, ProbeError> {
        mail_caches(machine(files).path(), &CACHES)
    }

    #[test]
    fn caches_of_all_who_are_signed_in_are_one_sum_by_program_without_any_name() {
        let mail = "x".repeat(40_000);
        let sizes = size(&[
            ("run/systemd/sessions/1", "USER=ada\nCLASS=user\nSTATE=active\n"),
            ("run/systemd/sessions/2", "USER=bob\nCLASS=user\nSTATE=online\n"),
            (
                "etc/passwd",
                "ada:x:1:1::/home/ada:/bin/sh\nbob:x:2:2::/home/bob:/bin/sh\neve:x:3:3::/home/eve:/bin/sh\n",
            ),
            ("home/ada/.thunderbird/p.default/ImapMail/imap.example.com/INBOX", &mail),
            ("home/bob/.cache/thunderbird/x", &mail),
            ("home/bob/Documents/INBOX", &mail),
            ("home/eve/.geary/mail", &mail),
        ]);
        let sizes = sizes.expect("counted");
        assert_eq!(
            sizes.keys().collect::<Vec<_>>(),
            [&"thunderbird"],
            "eve is not signed in, and documents are no mail"
        );
        // The folders themselves count a little.
        assert!((80_000..160_000).contains(&sizes["thunderbird"]), "{sizes:?}");
    }

    #[test]
    fn who_has_no_mail_program_has_no_cache_and_a_home_elsewhere_is_not_looked_at() {
        let session = ("run/systemd/sessions/1", "USER=ada\nCLASS=user\nSTATE=active\n");
        let account = ("etc/passwd", "ada:x:1:1::/home/ada:/bin/sh\n");
        assert_eq!(size(&[session, account, ("home/ada/x", "")]), Ok(BTreeMap::new()));
        let share = ("proc/1/mountinfo", "37 25 0:53 / /home/ada rw - nfs4 server:/export/home rw\n");
        assert_eq!(size(&[session, account, share]), Err(ProbeError::Unsupported("a home on a share")));
        assert_eq!(size(&[("run/systemd/users/.keep", "")]), Err(ProbeError::NotPresent("session of a person")));
    }
}
