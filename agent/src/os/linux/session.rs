use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zbus::OwnedVariant;
use zbus::wire::OwnedObjectPath;

use super::bus::{self, Object, Properties};
use super::storage::mounts;
use crate::os::proc::account;
use crate::os::proc::faillock::Rules;
use crate::os::{exists, read, read_bytes};
use crate::probe::ProbeError;
use crate::probe::session::Session;

const LOGIND: Object<'_> = Object {
    service: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};
const SESSION: &str = "org.freedesktop.login1.Session";
const MANAGER: Object<'_> = Object {
    service: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};
/// File systems whose answer may not come for minutes.
const REMOTE: [&str; 7] = ["nfs", "nfs4", "cifs", "smb3", "autofs", "fuse.sshfs", "afs"];

/// The sessions of people, as logind keeps them.
pub(crate) fn sessions(root: &Path) -> Result<Vec<Session>, ProbeError> {
    let listed: Vec<(String, u32, String, String, OwnedObjectPath)> = bus::call(root, LOGIND, "ListSessions", &())?;
    let session = |(_, uid, user, _, path): &(String, u32, String, String, OwnedObjectPath)| {
        let object = Object { path: path.as_str(), interface: SESSION, ..LOGIND };
        let known = bus::properties(root, object).ok()?;
        let is_person = text(&known, "Class").is_none_or(|class| class.starts_with("user"));
        let is_over = text(&known, "State").is_some_and(|state| state == "closing");
        (is_person && !is_over).then(|| Session {
            uid: *uid,
            user: user.clone(),
            is_active: flag(&known, "Active"),
            is_locked: flag(&known, "LockedHint"),
            is_remote: flag(&known, "Remote"),
            is_graphical: text(&known, "Type").is_some_and(|kind| kind == "x11" || kind == "wayland"),
            idle_since_ms: flag(&known, "IdleHint")
                .filter(|is_idle| *is_idle)
                .and_then(|_| micros(&known, "IdleSinceHint"))
                .map(|micros| micros / 1000),
            began_ms: micros(&known, "Timestamp").map(|micros| micros / 1000),
        })
    };
    Ok(listed.iter().filter_map(session).collect())
}

fn flag(known: &Properties, name: &str) -> Option<bool> {
    known.get(name)?.downcast_ref::<bool>().ok()
}

fn text(known: &Properties, name: &str) -> Option<String> {
    known.get(name)?.downcast_ref::<&str>().ok().map(str::to_owned)
}

fn micros(known: &Properties, name: &str) -> Option<u64> {
    known.get(name)?.downcast_ref::<u64>().ok().filter(|&micros| micros > 0)
}

/// How long each part of this boot took, seconds; by systemd, which counts from its own start backwards and forwards. One
/// that was not started by the machine's kernel (WSL, a container) knows of its own part only.
///
/// # Errors
/// There is no systemd, or it has not finished.
pub(crate) fn boot_phases(root: &Path) -> Result<Vec<(&'static str, f64)>, ProbeError> {
    let time = |name: &str| -> Result<u64, ProbeError> {
        let value: OwnedVariant = bus::property(root, MANAGER, name)?;
        value.downcast_ref::<u64>().map_err(|_| ProbeError::Failed("a time of systemd is none".to_owned()))
    };
    let at = |name: &str| time(&format!("{name}TimestampMonotonic"));
    let finish = at("Finish")?;
    if finish == 0 {
        return Err(ProbeError::Failed("the machine is still starting".to_owned()));
    }
    if time("KernelTimestamp")? == 0 {
        let seconds = finish.saturating_sub(at("Userspace")?) as f64 / 1e6;
        return Ok(vec![("userspace", seconds), ("total", seconds)]);
    }
    let times = (at("Firmware")?, at("Loader")?, at("InitRD")?, at("Userspace")?);
    Ok(account::boot_phases(times.0, times.1, times.2, times.3, finish))
}

/// Which user each of these processes runs as.
pub(crate) fn process_user(root: &Path, pid: u32) -> Option<u32> {
    root.join(format!("proc/{pid}")).metadata().ok().map(|metadata| metadata.uid())
}

/// Where a person's home is, on this machine: a look at a share may hang.
///
/// # Errors
/// Their account or their home is elsewhere.
pub(crate) fn local_home(root: &Path, user: &str) -> Result<String, ProbeError> {
    let accounts = read(root, "etc/passwd")?;
    let home =
        account::home(&accounts, user).ok_or(ProbeError::Unsupported("the home of a person from a directory"))?;
    let mounts = mounts(root).unwrap_or_default();
    let below = mounts.iter().filter(|mount| Path::new(home).starts_with(&mount.point));
    let nearest = below.max_by_key(|mount| mount.point.len());
    if nearest.is_some_and(|mount| REMOTE.contains(&mount.kind.as_str())) {
        return Err(ProbeError::Unsupported("a home on a share"));
    }
    Ok(home.to_owned())
}

/// Whether a person's home is missing, so that what they save is lost.
pub(crate) fn home_missing(root: &Path, user: &str) -> Result<bool, ProbeError> {
    let home = local_home(root, user)?;
    if home == "/" {
        return Ok(true);
    }
    match fs::metadata(root.join(home.trim_start_matches('/'))) {
        Ok(found) => Ok(!found.is_dir()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(ProbeError::io("a home", &error)),
    }
}

/// Whether too many wrong passwords have locked the account of `user` for now.
///
/// # Errors
/// This machine does not count them, or the count may not be read.
pub(crate) fn is_locked_out(root: &Path, user: &str, now_seconds: u64) -> Result<bool, ProbeError> {
    const FAILURES: &str = "run/faillock";
    let rules = Rules::parse(&read(root, "etc/security/faillock.conf").unwrap_or_default());
    if !exists(root, FAILURES) || user.contains('/') || user.starts_with('.') {
        return Err(ProbeError::NotPresent("count of wrong passwords"));
    }
    match read_bytes(root, &format!("{FAILURES}/{user}")) {
        Ok(failures) => Ok(rules.is_locked(&failures, now_seconds)),
        Err(ProbeError::Missing(_)) => Ok(false),
        Err(why) => Err(why),
    }
}

/// When a person's password expires, seconds since 1970; `None` when it does not. `chage` is asked, so that no hash of a
/// password comes into the agent's memory.
pub(crate) fn password_expires(root: &Path, user: &str) -> Result<Option<i64>, ProbeError> {
    let is_plain =
        user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) && !user.starts_with('-');
    if root != Path::new("/") || !is_plain || !exists(root, "etc/shadow") {
        return Err(ProbeError::NotPresent("record of passwords"));
    }
    let accounts = read(root, "etc/passwd")?;
    if account::home(&accounts, user).is_none() {
        return Err(ProbeError::Unsupported("the password of a person from a directory"));
    }
    let output = crate::os::child::Child::new("chage").args(["-l", user]).run()?;
    if output.status != Some(0) {
        return Err(ProbeError::NoPermission("when a password expires".to_owned()));
    }
    account::password_expires(&String::from_utf8_lossy(&output.bytes))
        .ok_or_else(|| ProbeError::Failed("chage cannot be understood".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_without_a_wrong_password_is_not_locked() {
        let root = tempfile::tempdir().expect("temporary directory");
        let locked = |user: &str| is_locked_out(root.path(), user, 1_000);
        assert_eq!(locked("ada"), Err(ProbeError::NotPresent("count of wrong passwords")));
        fs::create_dir_all(root.path().join("run/faillock")).expect("made");
        assert_eq!(locked("ada"), Ok(false));
        let failure = [&[0; 54][..], &1_u16.to_ne_bytes(), &990_u64.to_ne_bytes()].concat();
        fs::write(root.path().join("run/faillock/ada"), failure.repeat(3)).expect("written");
        assert_eq!(locked("ada"), Ok(true));
        assert!(locked("../faillock/ada").is_err(), "no name leads elsewhere");
    }

    #[test]
    fn a_home_that_is_not_there_is_missing() {
        let root = tempfile::tempdir().expect("temporary directory");
        for dir in ["etc", "home/ada"] {
            fs::create_dir_all(root.path().join(dir)).expect("made");
        }
        let accounts = "ada:x:1000:1000::/home/ada:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/bash\n";
        fs::write(root.path().join("etc/passwd"), accounts).expect("written");
        assert_eq!(home_missing(root.path(), "ada"), Ok(false));
        assert_eq!(home_missing(root.path(), "bob"), Ok(true));
        assert!(matches!(home_missing(root.path(), r"CORP\eve"), Err(ProbeError::Unsupported(_))));
    }

    #[test]
    fn a_fixture_tree_has_no_sessions_on_a_bus() {
        let root = Path::new("/nonexistent");
        assert_eq!(sessions(root), Err(ProbeError::NotPresent("system bus")));
        assert_eq!(boot_phases(root), Err(ProbeError::NotPresent("system bus")));
        assert_eq!(password_expires(root, "ada"), Err(ProbeError::NotPresent("record of passwords")));
    }
}
