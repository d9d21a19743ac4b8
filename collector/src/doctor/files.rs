//! The folder, and who may read what in it.

use std::path::{Path, PathBuf};

use super::{Patient, Report};
use crate::config;
use crate::store::Location;

#[cfg_attr(unix, path = "files/unix.rs")]
#[cfg_attr(not(unix), path = "files/other.rs")]
mod system;

const SECRETS_WHY: &str = "Whoever reads a key of the authority can pose as the collector or as any endpoint; whoever reads another secret, as the \
     collector at what it opens.";

/// Whether there is a folder with a collector in it.
pub(super) fn is_there(data: &Path, report: &mut Report) -> bool {
    let why = "There is nothing to look at.";
    match std::fs::read_dir(data).map(|mut entries| entries.next().is_none()) {
        Err(cause) => {
            let remedy =
                "Name the folder that `firstline-collector init` made with --data, or look as a user who may read it.";
            report.fault("folder", format!("The folder cannot be read: {cause}"), &data.display(), why, remedy);
            false
        }
        Ok(true) => {
            let remedy =
                "Make a collector with `firstline-collector init`, or put one back with `firstline-collector restore`.";
            report.fault("folder", "The folder is empty", &data.display(), why, remedy);
            false
        }
        Ok(false) => true,
    }
}

/// Looks at who may read and write what.
pub(super) fn look(patient: &Patient<'_>, report: &mut Report) {
    let data = patient.data;
    for path in secrets(patient) {
        if let Some(mode) = system::open_to_others(&path) {
            let what = format!("Others may read {} (mode {mode:o})", name(&path, data));
            report.fault("permissions", what, &path.display(), SECRETS_WHY, format!("chmod 600 '{}'", path.display()));
        }
    }
    if let Some(mode) = system::writable_for_others(data) {
        let what = format!("Others may write into the folder (mode {mode:o})");
        let why = "Whoever may write there can put other keys and another configuration into the place of these.";
        report.fault("permissions", what, &data.display(), why, format!("chmod 700 '{}'", data.display()));
    }
    let strange = system::of_another_owner(data);
    if let Some(first) = strange.first() {
        let what = format!("{} files are not of the folder's owner, {} among them", strange.len(), name(first, data));
        let why = "The collector's service cannot read or write what root, or somebody else, has left there.";
        let remedy = format!("chown -R --reference='{0}' '{0}'", data.display());
        report.fault("owner", what, &first.display(), why, remedy);
    }
}

/// Files that hold secrets: keys, the database, passwords and tokens.
fn secrets(patient: &Patient<'_>) -> Vec<PathBuf> {
    let authority = patient.data.join("authority");
    let keys = std::fs::read_dir(&authority).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut secrets: Vec<PathBuf> =
        keys.filter(|path| path.extension().is_some_and(|ending| ending == "key")).collect();
    secrets.sort();
    secrets.extend(patient.config.secret_files().into_iter().map(|path| patient.data.join(path)));
    if let Location::Sqlite(file) = patient.database {
        secrets.push(file.clone());
    }
    secrets
}

fn name(path: &Path, data: &Path) -> String {
    path.strip_prefix(data).unwrap_or(path).display().to_string()
}

/// Where the configuration is.
pub(super) fn configuration(patient: &Patient<'_>) -> PathBuf {
    patient.data.join(config::FILE)
}
