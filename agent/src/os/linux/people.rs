use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use firstline_diagnosis::order;

use crate::os::proc::{logind, utmp};
use crate::os::{exists, list, read};
use crate::probe::ProbeError;

const SESSIONS: &str = "run/systemd/sessions";
const USERS: &str = "run/systemd/users";
const TERMINALS: &str = "run/utmp";

/// Sign-in names of the people with a session: by logind, or where that knows of nobody by the terminal records.
///
/// # Errors
/// When this system keeps neither.
pub(crate) fn people(root: &Path) -> Result<BTreeSet<String>, ProbeError> {
    let by_logind = by_logind(root);
    match by_logind {
        Ok(people) if !people.is_empty() => Ok(people),
        _ => at_terminals(root).or(by_logind),
    }
}

/// Session records tell a person from a sign-in screen; user records stand in where there are none.
fn by_logind(root: &Path) -> Result<BTreeSet<String>, ProbeError> {
    let sessions = records(root, SESSIONS).unwrap_or_default();
    if !sessions.is_empty() {
        return Ok(order::set(sessions.iter().filter_map(|record| logind::session_person(record))));
    }
    Ok(order::set(records(root, USERS)?.iter().filter_map(|record| logind::user_person(record))))
}

/// The records in a directory of logind. The pipes beside them, which would block, have names with a suffix.
fn records(root: &Path, dir: &str) -> Result<Vec<String>, ProbeError> {
    let names = list(root, dir)?;
    let plain = names.iter().filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric()));
    Ok(plain.filter_map(|name| read(root, &format!("{dir}/{name}")).ok()).collect())
}

fn at_terminals(root: &Path) -> Result<BTreeSet<String>, ProbeError> {
    let bytes = fs::read(root.join(TERMINALS)).map_err(|source| ProbeError::file(TERMINALS, &source))?;
    let alive = |pid: u32| exists(root, &format!("proc/{pid}"));
    let sign_ins = utmp::sign_ins(&bytes).into_iter();
    Ok(order::set(sign_ins.filter(|(pid, _)| alive(*pid)).map(|(_, name)| name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine;

    fn names(root: &tempfile::TempDir) -> Vec<String> {
        people(root.path()).expect("tracked").into_iter().collect()
    }

    fn terminal(pid: u32, name: &str) -> Vec<u8> {
        let mut record = vec![0; 384];
        record[0] = 7;
        record[4..8].copy_from_slice(&pid.to_ne_bytes());
        record[44..44 + name.len()].copy_from_slice(name.as_bytes());
        record
    }

    #[test]
    fn several_sessions_of_one_person_are_one_person_and_the_greeter_is_nobody() {
        let root = machine::<[u8]>(&[
            ("run/systemd/sessions/2", b"USER=ada\nCLASS=user\nSTATE=active\n"),
            ("run/systemd/sessions/3", b"USER=ada\nCLASS=user\nSTATE=online\n"),
            ("run/systemd/sessions/c1", b"USER=gdm\nCLASS=greeter\nSTATE=online\n"),
            ("run/systemd/sessions/2.ref", b"USER=pipe\nCLASS=user\n"),
            ("run/systemd/users/120", b"NAME=gdm\nSTATE=online\n"),
        ]);
        assert_eq!(names(&root), ["ada"]);
    }

    #[test]
    fn without_logind_the_terminals_tell_who_is_still_there() {
        let utmp = [terminal(41, "ada"), terminal(77, "left")].concat();
        let root = machine::<[u8]>(&[("run/utmp", &utmp), ("proc/41/stat", b"")]);
        assert_eq!(names(&root), ["ada"]);
    }

    #[test]
    fn nobody_is_not_the_same_as_not_tracked() {
        let root = machine::<[u8]>(&[("run/systemd/users/.keep", b"")]);
        assert_eq!(names(&root), [""; 0]);
        let bare = machine::<str>(&[]);
        assert!(matches!(people(bare.path()), Err(ProbeError::Missing(_))));
    }
}
